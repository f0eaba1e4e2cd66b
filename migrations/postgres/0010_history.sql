-- Settled signals once more, packed for reading all of them at a time: a segment holds some four thousand signals of
-- 256 prospects whose numbers follow each other (a shelf), prospect by prospect. The rows of `signals` stay the truth:
-- segments can be deleted and come back, and an erasure deletes those of its prospect's shelf. `up_to` is the newest
-- signal of the shelf that the segment, or one before it, holds.
CREATE TABLE sealed_history (
    shelf   BIGINT NOT NULL,
    part    BIGINT NOT NULL,
    up_to   BIGINT NOT NULL,
    signals BIGINT NOT NULL,
    content BYTEA NOT NULL,
    PRIMARY KEY (shelf, part)
);

-- What was decided about a prospect, in order.
CREATE INDEX qualifications_of_prospect ON qualifications (prospect_id, id);

-- The newest signal there was when it was assessed: of signals recorded in that very millisecond, those it knew.
ALTER TABLE qualifications ADD COLUMN known_up_to BIGINT;

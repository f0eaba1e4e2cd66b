-- What came back, and what it proves.

-- Facts from outside: recorded once (`once` is what makes a repetition the same), never edited. Most are clicks; what is
-- stated may count for colleagues, who ask for it whenever they are looked at, and has an index of its own.
CREATE TABLE signals (
    id          INTEGER CONSTRAINT signals_key PRIMARY KEY,
    prospect_id BIGINT CONSTRAINT signal_prospect_known REFERENCES prospects (id),
    once        TEXT NOT NULL CONSTRAINT signal_once UNIQUE,
    kind        TEXT NOT NULL,
    occurred_at BIGINT NOT NULL,
    recorded_at BIGINT NOT NULL,
    delivery_id BIGINT,
    issue_id    BIGINT,
    by_whom     TEXT,
    machine     TEXT,
    detail      TEXT NOT NULL
);
CREATE INDEX signals_of_prospect ON signals (prospect_id, id);
CREATE INDEX signals_stated ON signals (prospect_id, id) WHERE kind IN ('answer', 'form', 'touch', 'recycled');
CREATE INDEX signals_of_issue ON signals (issue_id, kind) WHERE issue_id IS NOT NULL;

-- Judgements on signals, appended: a signal is never edited, and what was known at an instant can be told. The latest one
-- counts. No machine: a person's after all.
CREATE TABLE reclassifications (
    id          INTEGER CONSTRAINT reclassifications_key PRIMARY KEY,
    signal_id   BIGINT NOT NULL CONSTRAINT reclassification_signal_known REFERENCES signals (id),
    prospect_id BIGINT NOT NULL CONSTRAINT reclassification_prospect_known REFERENCES prospects (id),
    machine     TEXT,
    by_whom     TEXT NOT NULL,
    note        TEXT NOT NULL,
    recorded_at BIGINT NOT NULL
);
CREATE INDEX reclassifications_of_prospect ON reclassifications (prospect_id, id);

-- Prospects to look at again, when time alone changes a verdict. Derived from signals and written with every one, so it is
-- narrow, and its prospects are not looked up.
CREATE TABLE due_assessments (
    prospect_id BIGINT NOT NULL CONSTRAINT due_assessments_key PRIMARY KEY,
    due_at      BIGINT
) WITHOUT ROWID;
CREATE INDEX due_assessments_by_time ON due_assessments (due_at) WHERE due_at IS NOT NULL;

-- What signals leave to be looked at: a click once it counts, the colleagues of a prospect who stated something. A queue
-- beside the table above, written at its end and emptied from its beginning: moving a prospect's row to ten minutes from now
-- and back touches four places of two trees for each click, this two. A number is given once: what was seen before the only
-- writer was free is taken by its number.
CREATE TABLE looks (
    id          INTEGER CONSTRAINT looks_key PRIMARY KEY AUTOINCREMENT,
    prospect_id BIGINT NOT NULL,
    due_at      BIGINT NOT NULL
);
CREATE INDEX looks_by_time ON looks (due_at, id);

-- Settled signals once more, packed for reading all of them at a time: a segment holds some four thousand signals of
-- 256 prospects whose numbers follow each other (a shelf), prospect by prospect. The rows of `signals` stay the truth:
-- segments can be deleted and come back, and an erasure deletes those of its prospect's shelf. `up_to` is the newest
-- signal of the shelf that the segment, or one before it, holds.
CREATE TABLE sealed_history (
    shelf   BIGINT NOT NULL,
    part    BIGINT NOT NULL,
    up_to   BIGINT NOT NULL,
    signals BIGINT NOT NULL,
    content BLOB NOT NULL,
    CONSTRAINT sealed_history_key PRIMARY KEY (shelf, part)
);

-- The doorway: prospects found ready, or asking for a person; at most one of each prospect's waits to be handed off.
-- `known_up_to` is the newest signal there was at the assessment: of signals recorded in that very millisecond, the last one
-- it knew. `by_rules`: made ready by a change of the rules, and not by a signal or the calendar; only so many of these are
-- offered a day, after the others.
CREATE TABLE qualifications (
    id               INTEGER CONSTRAINT qualifications_key PRIMARY KEY,
    prospect_id      BIGINT NOT NULL CONSTRAINT qualification_prospect_known REFERENCES prospects (id),
    episode          BIGINT NOT NULL,
    cause            TEXT NOT NULL CONSTRAINT qualification_cause CHECK (cause IN ('ready', 'request')),
    at               BIGINT NOT NULL,
    known_up_to      BIGINT,
    findings         TEXT NOT NULL,
    by_rules         BOOLEAN NOT NULL DEFAULT FALSE,
    configuration_id BIGINT CONSTRAINT qualification_configuration_known REFERENCES configurations (id),
    settled_at       BIGINT
);
CREATE UNIQUE INDEX qualification_waiting_once ON qualifications (prospect_id) WHERE settled_at IS NULL;
CREATE INDEX qualifications_waiting ON qualifications (by_rules, id) WHERE settled_at IS NULL;
CREATE INDEX qualifications_by_rules ON qualifications (settled_at) WHERE by_rules;
CREATE INDEX qualifications_of_prospect ON qualifications (prospect_id, id);

-- Under which rules every prospect was assessed; the newest row counts. Other rules, and every prospect is due anew.
-- `last_signal` is the last one there was when the rules were put in force: a prospect who is ready by the signals up to it
-- alone was made ready by the rules.
CREATE TABLE applied_rules (
    id          INTEGER CONSTRAINT applied_rules_key PRIMARY KEY,
    hash        TEXT NOT NULL,
    applied_at  BIGINT NOT NULL,
    last_signal BIGINT NOT NULL
);

-- What is read and written with every signal, made narrow. Both tables are derived from signals, which refer to prospects
-- already: no reference of their own to be checked for each row, and one tree each where an engine would keep two.

CREATE TABLE marks (
    prospect_id BIGINT NOT NULL PRIMARY KEY,
    due_at      BIGINT
) WITHOUT ROWID;
INSERT INTO marks (prospect_id, due_at) SELECT prospect_id, due_at FROM due_assessments ORDER BY prospect_id;
DROP TABLE due_assessments;
ALTER TABLE marks RENAME TO due_assessments;
CREATE INDEX due_assessments_by_time ON due_assessments (due_at) WHERE due_at IS NOT NULL;

-- What signals leave to be looked at: a click once it counts, the colleagues of whoever stated something. A queue beside the
-- marks, written at its end and emptied from its beginning: moving a prospect's mark to ten minutes from now and back touches
-- four places of two trees for each click, this two.
CREATE TABLE looks (
    id          INTEGER PRIMARY KEY,
    prospect_id BIGINT NOT NULL,
    due_at      BIGINT NOT NULL
);
CREATE INDEX looks_by_time ON looks (due_at, id);

CREATE TABLE known (
    prospect_id BIGINT NOT NULL,
    criterion   TEXT NOT NULL CONSTRAINT known_criterion
                CHECK (criterion IN ('vision', 'budget', 'authority', 'need', 'timeframe')),
    verdict     TEXT NOT NULL CONSTRAINT known_verdict CHECK (verdict IN ('met', 'weak', 'contradicted', 'expired')),
    changed_at  BIGINT NOT NULL,
    plan_hash   TEXT NOT NULL DEFAULT '',
    PRIMARY KEY (prospect_id, criterion)
) WITHOUT ROWID;
INSERT INTO known (prospect_id, criterion, verdict, changed_at, plan_hash)
SELECT prospect_id, criterion, verdict, changed_at, plan_hash FROM verdicts ORDER BY prospect_id, criterion;
DROP TABLE verdicts;
ALTER TABLE known RENAME TO verdicts;

-- A touch of ours takes a prospect's own items off the queue.
CREATE INDEX follow_ups_alone ON follow_ups (prospect_id) WHERE handoff_id IS NULL AND done_at IS NULL;

-- What somebody stated may count for their colleagues, who ask for it whenever they are looked at; clicks are far more.
CREATE INDEX signals_stated ON signals (prospect_id, id) WHERE kind IN ('answer', 'form', 'touch', 'recycled');

-- One queue of prospects to be assessed: once a click counts, when a colleague stated something, when time alone changes a verdict.
-- Entries are added and removed, never changed, and refer to their prospects without foreign keys: both are written with every
-- signal.
CREATE TABLE assessment_queue (
    id          INTEGER PRIMARY KEY,
    prospect_id BIGINT NOT NULL,
    due_at      BIGINT NOT NULL
);
INSERT INTO assessment_queue (prospect_id, due_at)
SELECT prospect_id, due_at FROM due_assessments WHERE due_at IS NOT NULL UNION SELECT prospect_id, due_at FROM looks ORDER BY 2, 1;
DROP TABLE looks;
DROP TABLE due_assessments;
CREATE INDEX assessment_queue_by_time ON assessment_queue (due_at, id);
CREATE INDEX assessment_queue_of_prospect ON assessment_queue (prospect_id);

-- Locked by the transaction that assesses a prospect: of two that hear of one, the later reads what the earlier wrote. Only the
-- lock counts; a missing row is added. SQLite has one writer, and leaves it empty.
CREATE TABLE assessment_locks (
    prospect_id BIGINT NOT NULL PRIMARY KEY
);

-- History is read from its rows alone: what people did is kept once.
DROP TABLE sealed_history;

-- The numbers of the assessment queue.

-- Which prospects are to be assessed, and when, as before. The step `qualify` tells by an entry's number whether what it has read is
-- still all there is to know, so a number is never given again: SQLite would give that of a last row that was removed.
ALTER TABLE assessment_queue RENAME TO assessment_queue_before;
CREATE TABLE assessment_queue (
    id          INTEGER CONSTRAINT assessment_queue_number PRIMARY KEY AUTOINCREMENT,
    prospect_id BIGINT NOT NULL,
    due_at      BIGINT NOT NULL
);
INSERT INTO assessment_queue (prospect_id, due_at) SELECT prospect_id, due_at FROM assessment_queue_before ORDER BY id;
DROP TABLE assessment_queue_before;
CREATE INDEX assessment_queue_by_time ON assessment_queue (due_at, id);
CREATE INDEX assessment_queue_of_prospect ON assessment_queue (prospect_id);

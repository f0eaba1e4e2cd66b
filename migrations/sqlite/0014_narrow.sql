-- What is written with every signal, made narrower once more: a verdict refers to its configuration, and need not repeat a hash
-- of sixty-four letters. NULL: before this was written down.

CREATE TABLE known (
    prospect_id      BIGINT NOT NULL,
    criterion        TEXT NOT NULL CONSTRAINT verdict_of_criterion
                     CHECK (criterion IN ('vision', 'budget', 'authority', 'need', 'timeframe')),
    verdict          TEXT NOT NULL CONSTRAINT verdict_as_word CHECK (verdict IN ('met', 'weak', 'contradicted', 'expired')),
    changed_at       BIGINT NOT NULL,
    configuration_id BIGINT,
    PRIMARY KEY (prospect_id, criterion)
) WITHOUT ROWID;
INSERT INTO known (prospect_id, criterion, verdict, changed_at, configuration_id)
SELECT prospect_id, criterion, verdict, changed_at, (SELECT MAX(c.id) FROM configurations c WHERE c.hash = verdicts.plan_hash)
FROM verdicts ORDER BY prospect_id, criterion;
DROP TABLE verdicts;
ALTER TABLE known RENAME TO verdicts;

-- A number is given once: what was seen before the only writer was free is taken by its number.
CREATE TABLE left_to_look_at (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    prospect_id BIGINT NOT NULL,
    due_at      BIGINT NOT NULL
);
INSERT INTO left_to_look_at (prospect_id, due_at) SELECT prospect_id, due_at FROM looks ORDER BY id;
DROP TABLE looks;
ALTER TABLE left_to_look_at RENAME TO looks;
CREATE INDEX looks_by_time ON looks (due_at, id);

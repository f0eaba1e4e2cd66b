-- What is known of each prospect, kept current by `qualify`, so that an audience can be chosen by verdict and a list of
-- near misses read without folding everybody's signals. Derived: it can be emptied and comes back. What is not here is
-- unknown.
CREATE TABLE verdicts (
    prospect_id BIGINT NOT NULL REFERENCES prospects (id),
    criterion   TEXT NOT NULL CONSTRAINT verdict_criterion
                CHECK (criterion IN ('vision', 'budget', 'authority', 'need', 'timeframe')),
    verdict     TEXT NOT NULL CONSTRAINT verdict_word CHECK (verdict IN ('met', 'weak', 'contradicted', 'expired')),
    changed_at  BIGINT NOT NULL,
    PRIMARY KEY (prospect_id, criterion)
);

-- Judgements on signals, appended: a signal is never edited, and what was known at an instant can be told. The latest one
-- counts. No machine: a person's after all.
CREATE TABLE reclassifications (
    id          INTEGER PRIMARY KEY,
    signal_id   BIGINT NOT NULL REFERENCES signals (id),
    prospect_id BIGINT NOT NULL REFERENCES prospects (id),
    machine     TEXT,
    by_whom     TEXT NOT NULL,
    note        TEXT NOT NULL,
    recorded_at BIGINT NOT NULL
);
CREATE INDEX reclassifications_of_prospect ON reclassifications (prospect_id, id);

-- Who ever stated something that may count for colleagues of the same account: few do, and an account may be large.
ALTER TABLE prospects ADD COLUMN speaks BOOLEAN NOT NULL DEFAULT FALSE;
UPDATE prospects SET speaks = TRUE
WHERE EXISTS (SELECT 1 FROM signals s WHERE s.prospect_id = prospects.id AND s.kind IN ('answer', 'form', 'touch'));
CREATE INDEX prospects_speaking ON prospects (account_id) WHERE speaks;

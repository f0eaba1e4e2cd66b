-- What came back, and what it proves.

-- Facts from outside: recorded once (`once` is what makes a repetition the same), never edited.
CREATE TABLE signals (
    id          INTEGER PRIMARY KEY,
    prospect_id BIGINT REFERENCES prospects (id),
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
CREATE INDEX signals_of_issue ON signals (issue_id, kind) WHERE issue_id IS NOT NULL;

-- Prospects to look at again: at once after a signal, or when time alone changes a verdict.
CREATE TABLE due_assessments (
    prospect_id BIGINT NOT NULL PRIMARY KEY REFERENCES prospects (id),
    due_at      BIGINT NOT NULL
);
CREATE INDEX due_assessments_by_time ON due_assessments (due_at);

-- The doorway: those found ready, or asking for a person. At most one of a prospect's waits to be handed off.
CREATE TABLE qualifications (
    id          INTEGER PRIMARY KEY,
    prospect_id BIGINT NOT NULL REFERENCES prospects (id),
    episode     BIGINT NOT NULL,
    cause       TEXT NOT NULL CONSTRAINT qualification_cause CHECK (cause IN ('ready', 'request')),
    at          BIGINT NOT NULL,
    findings    TEXT NOT NULL,
    plan_hash   TEXT NOT NULL,
    settled_at  BIGINT
);
CREATE UNIQUE INDEX qualification_waiting_once ON qualifications (prospect_id) WHERE settled_at IS NULL;

-- Under which rules everybody was assessed; the newest row counts. Other rules, and everybody is due anew.
CREATE TABLE applied_rules (
    id         INTEGER PRIMARY KEY,
    hash       TEXT NOT NULL,
    applied_at BIGINT NOT NULL
);

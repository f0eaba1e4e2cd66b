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

-- One queue of prospects to be assessed: once a click counts, when a colleague stated something, when time alone changes a
-- verdict. Entries are added and removed, never changed, and their prospects are not looked up: both happen with every signal.
CREATE TABLE assessment_queue (
    id          INTEGER CONSTRAINT assessment_queue_key PRIMARY KEY,
    prospect_id BIGINT NOT NULL,
    due_at      BIGINT NOT NULL
);
CREATE INDEX assessment_queue_by_time ON assessment_queue (due_at, id);
CREATE INDEX assessment_queue_of_prospect ON assessment_queue (prospect_id);

-- Locked by the transaction that assesses a prospect: of two that hear of one, the later reads what the earlier wrote. Only the
-- lock counts; a missing row is added. SQLite has one writer, and leaves it empty.
CREATE TABLE assessment_locks (
    prospect_id BIGINT NOT NULL CONSTRAINT assessment_locks_key PRIMARY KEY
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

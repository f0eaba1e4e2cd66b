-- Which configuration decided what, and what a change of the rules brought about.

-- What was configured, file by file, and since when; the newest row counts. Of nurtured.toml only what concerns prospects is
-- kept: no secret.
CREATE TABLE configurations (
    id         INTEGER PRIMARY KEY,
    hash       TEXT NOT NULL,
    files      TEXT NOT NULL,
    applied_at BIGINT NOT NULL
);

-- The last signal there was when these rules were put in force: whoever is ready by those up to it alone, the rules made so.
ALTER TABLE applied_rules ADD COLUMN last_signal BIGINT NOT NULL DEFAULT 0;

-- Made ready by a change of the rules, and not by a signal or the calendar: only so many of these are offered a day.
ALTER TABLE qualifications ADD COLUMN by_rules BOOLEAN NOT NULL DEFAULT FALSE;
CREATE INDEX qualifications_waiting ON qualifications (by_rules, id) WHERE settled_at IS NULL;
CREATE INDEX qualifications_by_rules ON qualifications (settled_at) WHERE by_rules;

-- Under which configuration each was decided; empty: before this was written down. A delivery's decisions are its issue's.
ALTER TABLE occurrences ADD COLUMN plan_hash TEXT NOT NULL DEFAULT '';
ALTER TABLE holds ADD COLUMN plan_hash TEXT NOT NULL DEFAULT '';
ALTER TABLE verdicts ADD COLUMN plan_hash TEXT NOT NULL DEFAULT '';
ALTER TABLE handoffs ADD COLUMN plan_hash TEXT NOT NULL DEFAULT '';
UPDATE handoffs SET plan_hash = (SELECT q.plan_hash FROM qualifications q WHERE q.id = handoffs.qualification_id);

-- What the calendar keeps from being sent, and why.

-- Why an occurrence was missed: an older one, late, paused, a skip date.
ALTER TABLE occurrences ADD COLUMN reason TEXT;

-- A delivery can end as skipped: its prospect has had enough mail. The word joins the CHECK, for which SQLite wants a new
-- table. The states are read from it, so their view goes and comes back.
DROP VIEW delivery_states;
CREATE TABLE attempts_before AS SELECT delivery_id, number, state, at, fence, retry_at, reply, id FROM attempts;
DROP TABLE attempts;
CREATE TABLE attempts (
    id          INTEGER PRIMARY KEY,
    delivery_id BIGINT NOT NULL REFERENCES deliveries (id),
    number      BIGINT NOT NULL,
    state       TEXT NOT NULL CONSTRAINT attempt_state CHECK
                (state IN ('pending', 'transmitting', 'accepted', 'failed', 'suppressed', 'skipped', 'cancelled', 'missed', 'uncertain')),
    at          BIGINT NOT NULL,
    fence       BIGINT NOT NULL,
    retry_at    BIGINT,
    reply       TEXT,
    CONSTRAINT attempt_once UNIQUE (delivery_id, number)
);
INSERT INTO attempts (delivery_id, number, state, at, fence, retry_at, reply)
    SELECT delivery_id, number, state, at, fence, retry_at, reply FROM attempts_before ORDER BY id;
DROP TABLE attempts_before;

-- The state of every delivery, in the words of the diagram in ARCHITECTURE.md.
CREATE VIEW delivery_states AS
SELECT d.id AS delivery_id, d.issue_id, d.prospect_id, a.number, a.at, a.retry_at, a.reply,
       CASE WHEN a.state IS NOT NULL AND a.state <> 'pending' THEN a.state
            WHEN l.owner IS NOT NULL THEN 'claimed'
            ELSE 'pending' END AS state
FROM deliveries d
LEFT JOIN attempts a ON a.delivery_id = d.id
     AND a.number = (SELECT MAX(latest.number) FROM attempts latest WHERE latest.delivery_id = d.id)
LEFT JOIN leases l ON l.issue_id = d.issue_id AND d.id BETWEEN l.first_id AND l.last_id;

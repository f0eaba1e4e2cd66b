-- What is said to the group. Configuration lives in files; here is only what happened.

-- Whether a campaign runs, and up to which instant its schedule has been looked at. Another schedule is looked at from
-- the moment it is put in force: what it would have fired before then is nobody's.
CREATE TABLE campaigns (
    name       TEXT NOT NULL PRIMARY KEY,
    state      TEXT NOT NULL CONSTRAINT campaign_state CHECK (state IN ('running', 'paused')),
    reason     TEXT,
    changed_at BIGINT NOT NULL,
    schedule   TEXT NOT NULL,
    seen_until BIGINT NOT NULL
);

-- A campaign at one nominal time. The nominal local time with its zone is the key, so that no restart, second node
-- or clock change fires it twice. Pages of recipients follow with their cursor.
CREATE TABLE occurrences (
    id        INTEGER PRIMARY KEY,
    campaign  TEXT NOT NULL REFERENCES campaigns (name),
    nominal   TEXT NOT NULL,
    due_at    BIGINT NOT NULL,
    state     TEXT NOT NULL CONSTRAINT occurrence_state CHECK (state IN ('filling', 'filled', 'missed')),
    cursor    BIGINT NOT NULL DEFAULT 0,
    filled_at BIGINT,
    CONSTRAINT occurrence_once UNIQUE (campaign, nominal)
);
CREATE INDEX occurrences_filling ON occurrences (id) WHERE state = 'filling';

-- One newsletter at one occurrence: the prepared bytes, what their tokens point to, and the plan they were made under.
CREATE TABLE issues (
    id            INTEGER PRIMARY KEY,
    occurrence_id BIGINT NOT NULL REFERENCES occurrences (id),
    campaign      TEXT NOT NULL,
    newsletter    TEXT NOT NULL,
    subject       TEXT NOT NULL,
    content       TEXT NOT NULL,
    message       TEXT NOT NULL,
    test          BOOLEAN NOT NULL DEFAULT FALSE,
    plan_hash     TEXT NOT NULL,
    prepared_at   BIGINT NOT NULL,
    CONSTRAINT issue_once UNIQUE (occurrence_id, newsletter)
);
CREATE INDEX issues_of_campaign ON issues (campaign, newsletter);

-- One recipient's copy; never changed once written. `tracked` is frozen here. No prospect: a test copy. Those of an issue
-- are found through its leases, which cover every delivery: an index of their own would cost as much as the row.
-- What writes a delivery reads its issue and its prospect, and neither they nor occurrences are ever deleted: their keys are
-- not looked up once more for each row, which on PostgreSQL takes two fifths of the time of that statement.
CREATE TABLE deliveries (
    id            INTEGER PRIMARY KEY,
    occurrence_id BIGINT NOT NULL,
    issue_id      BIGINT NOT NULL,
    prospect_id   BIGINT,
    address       TEXT NOT NULL,
    tracked       BOOLEAN NOT NULL,
    CONSTRAINT delivery_once UNIQUE (prospect_id, occurrence_id)
);

-- A lease covers a range of one issue's deliveries. Its fence rises with every claim: what an earlier holder still
-- has in hand no longer counts.
CREATE TABLE leases (
    id           INTEGER PRIMARY KEY,
    issue_id     BIGINT NOT NULL REFERENCES issues (id),
    first_id     BIGINT NOT NULL,
    last_id      BIGINT NOT NULL,
    owner        TEXT,
    fence        BIGINT NOT NULL DEFAULT 0,
    leased_until BIGINT,
    not_before   BIGINT NOT NULL,
    finished_at  BIGINT
);
CREATE INDEX leases_open ON leases (not_before, id) WHERE finished_at IS NULL;
CREATE INDEX leases_of_issue ON leases (issue_id, first_id);

-- What was tried: marks ('transmitting') and results, appended. The number makes it impossible for two nodes to
-- write the same step of one delivery. The hottest table, so there is one index, and no foreign key: a mark comes out of
-- the delivery's own row, which is never deleted, and PostgreSQL would lock that row for each attempt.
CREATE TABLE attempts (
    delivery_id BIGINT NOT NULL,
    number      BIGINT NOT NULL,
    state       TEXT NOT NULL CONSTRAINT attempt_state CHECK
                (state IN ('pending', 'transmitting', 'accepted', 'failed', 'suppressed', 'skipped', 'cancelled', 'missed', 'uncertain')),
    at          BIGINT NOT NULL,
    fence       BIGINT NOT NULL,
    retry_at    BIGINT,
    reply       TEXT,
    CONSTRAINT attempt_once PRIMARY KEY (delivery_id, number)
) WITHOUT ROWID;

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

-- What is said to the group. What is configured lives in files; here is what was put in force, and what happened.

-- What was configured, file by file, and since when; the newest row is in force. Of nurtured.toml only what concerns prospects
-- is kept: no secret. Whatever decides something names its configuration: occurrences, issues, verdicts, qualifications and
-- handoffs; a hold, a delivery or an attempt rests on its issue's. NULL there: before the first was put in force.
CREATE TABLE configurations (
    id         INTEGER CONSTRAINT configurations_key PRIMARY KEY,
    hash       TEXT NOT NULL,
    files      TEXT NOT NULL,
    applied_at BIGINT NOT NULL
);

-- Whether a campaign runs, and up to which instant its schedule has been looked at. Another schedule is looked at from
-- the moment it is put in force: what it would have fired before then is never made up for.
CREATE TABLE campaigns (
    name       TEXT NOT NULL CONSTRAINT campaigns_key PRIMARY KEY,
    state      TEXT NOT NULL CONSTRAINT campaign_state CHECK (state IN ('running', 'paused')),
    reason     TEXT,
    changed_at BIGINT NOT NULL,
    schedule   TEXT NOT NULL,
    seen_until BIGINT NOT NULL
);

-- Campaigns that paused by themselves: the people who answer for them are told once, in the order of the ids.
CREATE TABLE pause_notices (
    id       INTEGER CONSTRAINT pause_notices_key PRIMARY KEY,
    campaign TEXT NOT NULL CONSTRAINT pause_notice_campaign_known REFERENCES campaigns (name),
    reason   TEXT NOT NULL,
    at       BIGINT NOT NULL,
    told_at  BIGINT
);
CREATE INDEX pause_notices_untold ON pause_notices (id) WHERE told_at IS NULL;

-- A campaign at one nominal time. The nominal local time with its zone is what may not be there twice, so that no restart,
-- second node or clock change fires it again. Pages of recipients follow, and `cursor` commits with each. A missed one says
-- why: an older one, late, paused, a skip date.
CREATE TABLE occurrences (
    id               INTEGER CONSTRAINT occurrences_key PRIMARY KEY,
    campaign         TEXT NOT NULL CONSTRAINT occurrence_campaign_known REFERENCES campaigns (name),
    nominal          TEXT NOT NULL,
    due_at           BIGINT NOT NULL,
    state            TEXT NOT NULL CONSTRAINT occurrence_state CHECK (state IN ('filling', 'filled', 'missed')),
    reason           TEXT,
    cursor           BIGINT NOT NULL DEFAULT 0,
    filled_at        BIGINT,
    configuration_id BIGINT CONSTRAINT occurrence_configuration_known REFERENCES configurations (id),
    CONSTRAINT occurrence_once UNIQUE (campaign, nominal)
);
CREATE INDEX occurrences_filling ON occurrences (id) WHERE state = 'filling';

-- One newsletter at one occurrence: the prepared bytes, and what their tokens point to.
CREATE TABLE issues (
    id               INTEGER CONSTRAINT issues_key PRIMARY KEY,
    occurrence_id    BIGINT NOT NULL CONSTRAINT issue_occurrence_known REFERENCES occurrences (id),
    campaign         TEXT NOT NULL,
    newsletter       TEXT NOT NULL,
    subject          TEXT NOT NULL,
    content          TEXT NOT NULL,
    message          TEXT NOT NULL,
    test             BOOLEAN NOT NULL DEFAULT FALSE,
    configuration_id BIGINT CONSTRAINT issue_configuration_known REFERENCES configurations (id),
    CONSTRAINT issue_once UNIQUE (occurrence_id, newsletter)
);
CREATE INDEX issues_of_campaign ON issues (campaign, newsletter);

-- An occurrence of which all but the first few deliveries wait: up to which prospect they go ahead, and for how long the
-- others wait after the last of these was tried.
CREATE TABLE holds (
    occurrence_id BIGINT NOT NULL CONSTRAINT holds_key PRIMARY KEY CONSTRAINT hold_occurrence_known REFERENCES occurrences (id),
    last_canary   BIGINT NOT NULL,
    minutes       BIGINT NOT NULL,
    released_at   BIGINT
);
CREATE INDEX holds_open ON holds (occurrence_id) WHERE released_at IS NULL;

-- One recipient's copy; never changed once written, but for an erased address. `tracked` is frozen here. No prospect: a test
-- copy, or a seed. Those of an issue are found through its leases, which cover every delivery: an index of their own would
-- cost as much as the row. The statement that writes a delivery has read its issue and its prospect, and neither they nor
-- occurrences are ever deleted: their keys are not looked up once more for each row, which on PostgreSQL takes two fifths of
-- the time of that statement.
CREATE TABLE deliveries (
    id            INTEGER CONSTRAINT deliveries_key PRIMARY KEY,
    occurrence_id BIGINT NOT NULL,
    issue_id      BIGINT NOT NULL,
    prospect_id   BIGINT,
    address       TEXT NOT NULL,
    tracked       BOOLEAN NOT NULL,
    CONSTRAINT delivery_once UNIQUE (prospect_id, occurrence_id)
);

-- A lease covers a range of one issue's deliveries: a node claims a range and not a row, so that a claim costs nothing per
-- mail. Its fence rises with every claim: results written under an older fence no longer count.
CREATE TABLE leases (
    id           INTEGER CONSTRAINT leases_key PRIMARY KEY,
    issue_id     BIGINT NOT NULL CONSTRAINT lease_issue_known REFERENCES issues (id),
    first_id     BIGINT NOT NULL,
    last_id      BIGINT NOT NULL,
    owner        TEXT,
    fence        BIGINT NOT NULL DEFAULT 0,
    leased_until BIGINT,
    not_before   BIGINT NOT NULL,
    finished_at  BIGINT
);
-- Serves the claim: the next range that may be taken, whichever issue it is of.
CREATE INDEX leases_open ON leases (not_before, id) WHERE finished_at IS NULL;
-- Serves the claim within one issue, and finds the lease that covers a delivery.
CREATE INDEX leases_of_issue ON leases (issue_id, first_id);

-- What was tried: marks ('transmitting') and results, appended. The number makes it impossible for two nodes to write the
-- same step of one delivery. The hottest table, so there is no foreign key (a mark comes out of the delivery's own row, which
-- is never deleted, and PostgreSQL would lock that row for each attempt), and one index more: deliveries whose end is not
-- known are listed without a look at every attempt ever made.
CREATE TABLE attempts (
    delivery_id BIGINT NOT NULL,
    number      BIGINT NOT NULL,
    state       TEXT NOT NULL CONSTRAINT attempt_state CHECK
                (state IN ('pending', 'transmitting', 'accepted', 'failed', 'suppressed', 'skipped', 'cancelled', 'uncertain')),
    at          BIGINT NOT NULL,
    fence       BIGINT NOT NULL,
    retry_at    BIGINT,
    reply       TEXT,
    CONSTRAINT attempts_key PRIMARY KEY (delivery_id, number)
) WITHOUT ROWID;
CREATE INDEX attempts_uncertain ON attempts (delivery_id) WHERE state = 'uncertain';

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

-- What the breakers count: hard bounces, complaints, connections that broke in the middle of a mail. `number` tells the
-- tries of one delivery apart; it bounces and is complained about once (0).
CREATE TABLE troubles (
    id          INTEGER CONSTRAINT troubles_key PRIMARY KEY,
    campaign    TEXT NOT NULL CONSTRAINT trouble_campaign_known REFERENCES campaigns (name),
    delivery_id BIGINT NOT NULL CONSTRAINT trouble_delivery_known REFERENCES deliveries (id),
    kind        TEXT NOT NULL CONSTRAINT trouble_kind CHECK (kind IN ('bounced', 'complained', 'broken')),
    number      BIGINT NOT NULL,
    at          BIGINT NOT NULL,
    CONSTRAINT trouble_once UNIQUE (delivery_id, kind, number)
);
CREATE INDEX troubles_of_campaign ON troubles (campaign, kind, id);

-- How many mails may go now, shared by all nodes: sixty thousand tokens are one mail, so that a rate per minute fills whole
-- tokens every millisecond. Below zero where a letter went ahead.
CREATE TABLE buckets (
    name      TEXT NOT NULL CONSTRAINT buckets_key PRIMARY KEY,
    tokens    BIGINT NOT NULL,
    filled_at BIGINT NOT NULL
);

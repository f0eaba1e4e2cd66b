-- Who there is. A prospect stands in exactly one place; what may not be done to them is kept apart, by address,
-- because a refusal must outlive the person's row.

-- The company a prospect belongs to, known by its mail domain.
CREATE TABLE accounts (
    id          INTEGER PRIMARY KEY,
    domain      TEXT NOT NULL CONSTRAINT account_domain_once UNIQUE,
    name        TEXT,
    salesperson TEXT
);

-- A person who may buy. `address` is NULL only after erasure. `mail_stop` repeats the reason of the suppression in
-- force, so that the last check before a send reads, and locks, one row.
CREATE TABLE prospects (
    id                 INTEGER PRIMARY KEY,
    address            TEXT CONSTRAINT prospect_address_once UNIQUE,
    name               TEXT,
    phone              TEXT,
    company            TEXT,
    account_id         BIGINT REFERENCES accounts (id),
    standing           TEXT NOT NULL DEFAULT 'nurturing'
                       CONSTRAINT prospect_standing CHECK (standing IN ('nurturing', 'offered', 'owned', 'closed', 'suppressed')),
    episode            BIGINT NOT NULL DEFAULT 1,
    episode_started_at BIGINT NOT NULL,
    wake_at            BIGINT,
    review_after       BIGINT,
    mail_stop          TEXT,
    tracking_consent   BOOLEAN NOT NULL DEFAULT FALSE,
    salesperson        TEXT,
    created_at         BIGINT NOT NULL
);
CREATE INDEX prospects_of_account ON prospects (account_id);
CREATE INDEX prospects_waking ON prospects (wake_at) WHERE wake_at IS NOT NULL;

-- Fields, one a row: canonical text, the same in lower case (folded by us: SQLite's LOWER knows ASCII only), and the
-- number it compares as (dates as days since 1970, yes as 1).
CREATE TABLE prospect_fields (
    prospect_id BIGINT NOT NULL REFERENCES prospects (id),
    name        TEXT NOT NULL,
    value       TEXT NOT NULL,
    folded      TEXT NOT NULL,
    number      BIGINT,
    PRIMARY KEY (prospect_id, name)
);

CREATE TABLE prospect_tags (
    prospect_id BIGINT NOT NULL REFERENCES prospects (id),
    tag         TEXT NOT NULL,
    PRIMARY KEY (prospect_id, tag)
);

-- What they agreed to, where and when. Appended; the latest statement about a purpose counts.
CREATE TABLE consents (
    id          INTEGER PRIMARY KEY,
    prospect_id BIGINT NOT NULL REFERENCES prospects (id),
    purpose     TEXT NOT NULL CONSTRAINT consent_purpose CHECK (purpose IN ('mail', 'tracking')),
    given       BOOLEAN NOT NULL,
    source      TEXT NOT NULL,
    given_at    BIGINT,
    recorded_at BIGINT NOT NULL
);
CREATE INDEX consents_of_prospect ON consents (prospect_id);

-- Addresses that must not be used, and why, per channel. An erased address is kept as a hash.
-- Nothing is deleted: a lifted suppression keeps its row.
CREATE TABLE suppressions (
    id            INTEGER PRIMARY KEY,
    address       TEXT NOT NULL,
    channel       TEXT NOT NULL CONSTRAINT suppression_channel CHECK (channel IN ('email', 'phone')),
    reason        TEXT NOT NULL CONSTRAINT suppression_reason
                  CHECK (reason IN ('unsubscribed', 'bounced', 'complained', 'opted_out', 'erased', 'manual')),
    source        TEXT NOT NULL,
    suppressed_at BIGINT NOT NULL,
    lifted_at     BIGINT
);
CREATE UNIQUE INDEX suppression_in_force_once ON suppressions (address, channel) WHERE lifted_at IS NULL;

-- The keys that sign our links. Kept with the data: a backup without them would break every link ever mailed.
CREATE TABLE signing_keys (
    id         INTEGER PRIMARY KEY,
    secret     BLOB NOT NULL,
    created_at BIGINT NOT NULL
);

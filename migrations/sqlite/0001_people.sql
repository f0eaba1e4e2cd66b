-- Who there is, and who must not be written to.
--
-- Written in the dialect that both engines understand; where they differ, in these files and nowhere else, the same thing is
-- said in each one's words: an id is SQLite's rowid and PostgreSQL's identity, bytes are BLOB and BYTEA, and a table that is
-- only ever found by its whole key is one tree on SQLite (WITHOUT ROWID), for which PostgreSQL has no word. Instants are UTC
-- milliseconds since 1970, named `_at` or `_until`. Every constraint has a name: `_key` is what a row is found by, `_once`
-- what may not be there twice, `_known` what must be a row of another table.

-- The company a prospect belongs to, known by its mail domain, and the salesperson whose account it is.
CREATE TABLE accounts (
    id          INTEGER CONSTRAINT accounts_key PRIMARY KEY,
    domain      TEXT NOT NULL CONSTRAINT account_domain_once UNIQUE,
    name        TEXT,
    salesperson TEXT
);

-- A person who may buy, in exactly one standing. An episode is one stretch of nurture; a return from sales begins the next.
-- `address` is NULL only after erasure: the row stays, so that counts reconcile. `mail_stop` repeats the reason of the
-- suppression in force, so that the last check before a send reads, and locks, one row. `speaks` is set once a prospect has
-- stated something that may count for colleagues of the same account: few do, and an account may be large.
CREATE TABLE prospects (
    id                 INTEGER CONSTRAINT prospects_key PRIMARY KEY,
    address            TEXT CONSTRAINT prospect_address_once UNIQUE,
    name               TEXT,
    phone              TEXT,
    company            TEXT,
    account_id         BIGINT CONSTRAINT prospect_account_known REFERENCES accounts (id),
    standing           TEXT NOT NULL DEFAULT 'nurturing'
                       CONSTRAINT prospect_standing CHECK (standing IN ('nurturing', 'offered', 'owned', 'closed', 'suppressed')),
    episode            BIGINT NOT NULL DEFAULT 1,
    episode_started_at BIGINT NOT NULL,
    wake_at            BIGINT,
    review_after       BIGINT,
    mail_stop          TEXT,
    tracking_consent   BOOLEAN NOT NULL DEFAULT FALSE,
    speaks             BOOLEAN NOT NULL DEFAULT FALSE,
    salesperson        TEXT,
    created_at         BIGINT NOT NULL
);
CREATE INDEX prospects_of_account ON prospects (account_id);
CREATE INDEX prospects_speaking ON prospects (account_id) WHERE speaks;
CREATE INDEX prospects_waking ON prospects (wake_at) WHERE wake_at IS NOT NULL;

-- Fields, one a row: canonical text, the same in lower case (folded by us: SQLite's LOWER knows ASCII only), and the
-- number it compares as (dates as days since 1970, yes as 1).
CREATE TABLE prospect_fields (
    prospect_id BIGINT NOT NULL CONSTRAINT field_prospect_known REFERENCES prospects (id),
    name        TEXT NOT NULL,
    value       TEXT NOT NULL,
    folded      TEXT NOT NULL,
    number      BIGINT,
    CONSTRAINT prospect_fields_key PRIMARY KEY (prospect_id, name)
);

-- Tags, one a row, so that an audience finds them by key.
CREATE TABLE prospect_tags (
    prospect_id BIGINT NOT NULL CONSTRAINT tag_prospect_known REFERENCES prospects (id),
    tag         TEXT NOT NULL,
    CONSTRAINT prospect_tags_key PRIMARY KEY (prospect_id, tag)
);

-- What a prospect agreed to, where and when. Appended: the proof of a consent must outlive its withdrawal. The latest
-- statement about a purpose counts.
CREATE TABLE consents (
    id          INTEGER CONSTRAINT consents_key PRIMARY KEY,
    prospect_id BIGINT NOT NULL CONSTRAINT consent_prospect_known REFERENCES prospects (id),
    purpose     TEXT NOT NULL CONSTRAINT consent_purpose CHECK (purpose IN ('mail', 'tracking')),
    given       BOOLEAN NOT NULL,
    source      TEXT NOT NULL,
    given_at    BIGINT,
    recorded_at BIGINT NOT NULL
);
CREATE INDEX consents_of_prospect ON consents (prospect_id);

-- Addresses that must not be used, and why, per channel. Kept by address and not by prospect, because a refusal must outlive
-- the person's row; an erased address is kept as a hash. Nothing is deleted: a lifted suppression keeps its row.
CREATE TABLE suppressions (
    id            INTEGER CONSTRAINT suppressions_key PRIMARY KEY,
    address       TEXT NOT NULL,
    channel       TEXT NOT NULL CONSTRAINT suppression_channel CHECK (channel IN ('email', 'phone')),
    reason        TEXT NOT NULL CONSTRAINT suppression_reason
                  CHECK (reason IN ('unsubscribed', 'bounced', 'complained', 'opted_out', 'erased', 'manual')),
    source        TEXT NOT NULL,
    suppressed_at BIGINT NOT NULL,
    lifted_at     BIGINT
);
CREATE UNIQUE INDEX suppression_in_force_once ON suppressions (address, channel) WHERE lifted_at IS NULL;

-- What is known of each prospect, criterion by criterion, and under which configuration it was found; no row: unknown.
-- Derived from signals, so that an audience is chosen by verdict and near misses are listed without a fold over everything:
-- it can be emptied and comes back. Written with every signal, so it is narrow, and its references are not looked up:
-- neither prospects nor configurations are ever deleted.
CREATE TABLE verdicts (
    prospect_id      BIGINT NOT NULL,
    criterion        TEXT NOT NULL CONSTRAINT verdict_criterion
                     CHECK (criterion IN ('vision', 'budget', 'authority', 'need', 'timeframe')),
    verdict          TEXT NOT NULL CONSTRAINT verdict_word CHECK (verdict IN ('met', 'weak', 'contradicted', 'expired')),
    changed_at       BIGINT NOT NULL,
    configuration_id BIGINT,
    CONSTRAINT verdicts_key PRIMARY KEY (prospect_id, criterion)
) WITHOUT ROWID;

-- The keys that sign our links. Kept with the data: a backup without them would break every link ever mailed.
CREATE TABLE signing_keys (
    id         INTEGER CONSTRAINT signing_keys_key PRIMARY KEY,
    secret     BLOB NOT NULL,
    created_at BIGINT NOT NULL
);

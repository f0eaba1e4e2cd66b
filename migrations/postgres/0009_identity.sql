-- Who is the same person: other addresses of theirs, their ids in other systems, rows that were one person all along.

-- An address that was a prospect's and is not any more: they write from another one now, or their other row was merged. Mail is
-- never sent to it; whatever comes from it, or is said of it, is about that prospect. Never the address of a prospect too.
CREATE TABLE former_addresses (
    address     TEXT NOT NULL CONSTRAINT former_addresses_key PRIMARY KEY,
    prospect_id BIGINT NOT NULL CONSTRAINT former_address_prospect_known REFERENCES prospects (id),
    cause       TEXT NOT NULL CONSTRAINT former_address_cause CHECK (cause IN ('changed', 'merged')),
    recorded_at BIGINT NOT NULL
);
CREATE INDEX former_addresses_of_prospect ON former_addresses (prospect_id);

-- What another system calls a prospect: a list that brings the id under another address brings the same person. An erased
-- person's ids are kept as keyed hashes, so that no list brings them back under another address.
CREATE TABLE external_ids (
    system      TEXT NOT NULL,
    external_id TEXT NOT NULL,
    prospect_id BIGINT NOT NULL CONSTRAINT external_id_prospect_known REFERENCES prospects (id),
    recorded_at BIGINT NOT NULL,
    CONSTRAINT external_ids_key PRIMARY KEY (system, external_id)
);
CREATE INDEX external_ids_of_prospect ON external_ids (prospect_id);

-- A row that was found to be another row's person, and which row is theirs now. The merged row keeps what happened to it until
-- then, for whoever replays the past, and has no address any more. Its target is never merged itself: the rows that point to
-- one that is are pointed on.
CREATE TABLE merged_prospects (
    prospect_id BIGINT NOT NULL CONSTRAINT merged_prospects_key PRIMARY KEY CONSTRAINT merged_prospect_known REFERENCES prospects (id),
    into_id     BIGINT NOT NULL CONSTRAINT merged_into_known REFERENCES prospects (id),
    merged_at   BIGINT NOT NULL,
    CONSTRAINT merged_into_another CHECK (prospect_id <> into_id)
);
CREATE INDEX merged_prospects_into ON merged_prospects (into_id);

-- The key under which the addresses of erased people are hashed: one row, made with the first erasure and never another one,
-- because a hash cannot be made anew without the address. Addresses erased before there was a key stand under SHA-256 alone.
CREATE TABLE erasure_keys (
    id         BIGINT NOT NULL CONSTRAINT erasure_keys_key PRIMARY KEY CONSTRAINT erasure_key_is_one_row CHECK (id = 1),
    secret     BYTEA NOT NULL,
    created_at BIGINT NOT NULL
);

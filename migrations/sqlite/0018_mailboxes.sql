-- What is fetched from mailboxes, and what was recognised by nothing.

-- How far a mailbox of the configuration is read, by its name. `place` is a fingerprint of host, user and folder: another place is read
-- from its beginning. Mails up to `last_uid` are read, as long as the server's UIDVALIDITY is `validity` (IMAP; a Maildir has neither).
-- One node reads it at a time, the `owner`, until `leased_until`; `fence` rises with every claim, and what was read under a lower one is
-- not kept. `trouble` says why it could not be read at the last attempt, without anybody's address.
CREATE TABLE mailboxes (
    name         TEXT NOT NULL CONSTRAINT mailboxes_key PRIMARY KEY,
    place        TEXT NOT NULL,
    validity     BIGINT,
    last_uid     BIGINT NOT NULL DEFAULT 0,
    fence        BIGINT NOT NULL DEFAULT 0,
    owner        TEXT,
    leased_until BIGINT,
    read_at      BIGINT,
    trouble      TEXT,
    CONSTRAINT mailbox_leased CHECK ((owner IS NULL) = (leased_until IS NULL))
);

-- A mail that came back and was recognised by nothing: an operator sees it for thirty days, then it is swept. `mailbox` names where it was
-- fetched; without one a mail server handed it over. `once` is a fingerprint of its bytes. Of a large mail only the beginning is kept
-- (`is_whole`).
CREATE TABLE unrecognised_mails (
    id          INTEGER CONSTRAINT unrecognised_mails_key PRIMARY KEY AUTOINCREMENT,
    once        TEXT NOT NULL CONSTRAINT unrecognised_mail_once UNIQUE,
    mailbox     TEXT,
    why         TEXT NOT NULL,
    sender      TEXT NOT NULL,
    subject     TEXT NOT NULL,
    message     BLOB NOT NULL,
    is_whole    BOOLEAN NOT NULL,
    received_at BIGINT NOT NULL,
    expires_at  BIGINT NOT NULL
);
CREATE INDEX unrecognised_mails_expiring ON unrecognised_mails (expires_at);

-- An address that stands in such a mail: an erasure of it takes the mail with it.
CREATE TABLE unrecognised_addresses (
    mail_id BIGINT NOT NULL CONSTRAINT unrecognised_address_mail_known REFERENCES unrecognised_mails (id),
    address TEXT NOT NULL,
    CONSTRAINT unrecognised_addresses_key PRIMARY KEY (mail_id, address)
);
CREATE INDEX unrecognised_addresses_of ON unrecognised_addresses (address);

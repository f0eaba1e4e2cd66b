-- Whose a mail is, and that it is recorded once, whichever way it comes.

-- One row for each mail that was recorded or passed on. `fingerprint`: a hash of the delivery it answers, its author and its words;
-- the Message-ID is not in it, because relays write others and two mails may bear one. `number` tells apart what somebody says
-- again in the same words: `dated_at`, where a mail has a date, is then another.
CREATE TABLE received_mails (
    fingerprint TEXT NOT NULL,
    number      BIGINT NOT NULL,
    dated_at    BIGINT,
    recorded_at BIGINT NOT NULL,
    CONSTRAINT received_mails_key PRIMARY KEY (fingerprint, number)
);

-- Who wrote a signal that is recorded of somebody else: a colleague, or whoever answered in their place. An erasure of the author
-- finds by it what names them.
CREATE TABLE signal_authors (
    address   TEXT NOT NULL,
    signal_id BIGINT NOT NULL CONSTRAINT signal_author_signal_known REFERENCES signals (id),
    CONSTRAINT signal_authors_key PRIMARY KEY (address, signal_id)
);
CREATE INDEX signal_authors_of_signal ON signal_authors (signal_id);

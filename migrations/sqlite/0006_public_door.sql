-- The public door: forms that anybody can type about anybody. What is here is erased after thirty days; an id is never given
-- again (SQLite: AUTOINCREMENT), for links and Message-IDs name it.

-- A form about an address that has not answered for it yet. Without a prospect the address is unknown, and the form is all that
-- is kept of it; with one, `signal_id` is the unconfirmed signal. Its link is single-use: `confirmed_at`. One mail asks the address,
-- if it may: 'due' until that is decided, then 'sent', 'held' (beyond the bounds of the address or of `domain`, which is the
-- part of the domain that its owner registered), or 'none' (an address that must not be mailed). `once` is that of the form, and
-- `message_id` finds the mail among the letters.
CREATE TABLE pending_forms (
    id           INTEGER CONSTRAINT pending_forms_key PRIMARY KEY AUTOINCREMENT,
    once         TEXT NOT NULL CONSTRAINT pending_form_once UNIQUE,
    address      TEXT NOT NULL,
    domain       TEXT NOT NULL,
    form         TEXT NOT NULL,
    fields       TEXT NOT NULL,
    asked_at     BIGINT NOT NULL,
    expires_at   BIGINT NOT NULL,
    prospect_id  BIGINT CONSTRAINT pending_form_prospect_known REFERENCES prospects (id),
    mail         TEXT NOT NULL DEFAULT 'due' CONSTRAINT pending_form_mail CHECK (mail IN ('due', 'sent', 'held', 'none')),
    mailed_at    BIGINT,
    message_id   TEXT,
    confirmed_at BIGINT,
    CONSTRAINT pending_form_sent_at CHECK ((mail = 'sent') = (mailed_at IS NOT NULL))
);
CREATE INDEX pending_forms_due ON pending_forms (id) WHERE mail = 'due';
CREATE INDEX pending_forms_of_address ON pending_forms (address);
CREATE INDEX pending_forms_mailed ON pending_forms (domain, mailed_at) WHERE mailed_at IS NOT NULL;
CREATE INDEX pending_forms_expiring ON pending_forms (expires_at);
CREATE INDEX pending_forms_of_prospect ON pending_forms (prospect_id) WHERE prospect_id IS NOT NULL;

-- Somebody asked for a person, and no handoff can be opened for it: the form is not confirmed, or the prospect is owned, won,
-- lost or forgotten. A salesperson gets it as a letter and an item of their queue. `address` is who asks, where no prospect's row
-- says so; `said` are the form's fields, as a JSON object. The pending form may be erased earlier, and is not looked up.
CREATE TABLE enquiries (
    id              INTEGER CONSTRAINT enquiries_key PRIMARY KEY AUTOINCREMENT,
    once            TEXT NOT NULL CONSTRAINT enquiry_once UNIQUE,
    prospect_id     BIGINT CONSTRAINT enquiry_prospect_known REFERENCES prospects (id),
    signal_id       BIGINT CONSTRAINT enquiry_signal_known REFERENCES signals (id),
    address         TEXT,
    cause           TEXT NOT NULL CONSTRAINT enquiry_cause CHECK (cause IN ('unconfirmed', 'owned', 'won', 'lost', 'forgotten')),
    form            TEXT NOT NULL,
    said            TEXT NOT NULL,
    asked_at        BIGINT NOT NULL,
    expires_at      BIGINT,
    salesperson     TEXT,
    placed_at       BIGINT,
    told_at         BIGINT,
    settled_at      BIGINT,
    settled_how     TEXT CONSTRAINT enquiry_settled_how CHECK (settled_how IN ('done', 'confirmed', 'expired', 'listed')),
    CONSTRAINT enquiry_settled CHECK ((settled_at IS NULL) = (settled_how IS NULL)),
    CONSTRAINT enquiry_has_who CHECK (prospect_id IS NOT NULL OR address IS NOT NULL OR settled_at IS NOT NULL)
);
CREATE INDEX enquiries_unplaced ON enquiries (id) WHERE placed_at IS NULL AND settled_at IS NULL;
CREATE INDEX enquiries_open ON enquiries (salesperson, asked_at) WHERE settled_at IS NULL;
CREATE INDEX enquiries_of_prospect ON enquiries (prospect_id) WHERE prospect_id IS NOT NULL;
CREATE INDEX enquiries_expiring ON enquiries (expires_at) WHERE expires_at IS NOT NULL;

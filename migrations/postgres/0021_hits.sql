-- What a hit showed of who made it, so that it can be judged again by better rules.

-- One row for each hit of a tracked recipient on a link or a page, beside its signal: the program it named, the network it came
-- from (a hash, as in `signals.once`) and the company of the address its mail went to (NULL where the domain is a mailbox
-- provider's). Signals are never edited; these rows may go, and the signal stays what it was judged to be.
CREATE TABLE hits (
    signal_id BIGINT NOT NULL CONSTRAINT hits_key PRIMARY KEY CONSTRAINT hit_signal_known REFERENCES signals (id),
    agent     TEXT,
    network   TEXT NOT NULL,
    company   TEXT,
    at        BIGINT NOT NULL
);
CREATE INDEX hits_of_network ON hits (network, at);

-- Signals that were judged to be a machine's after they counted: whoever holds a handoff that cites one is told once.
CREATE TABLE withdrawn_evidence (
    signal_id    BIGINT NOT NULL CONSTRAINT withdrawn_evidence_key PRIMARY KEY
                 CONSTRAINT withdrawn_signal_known REFERENCES signals (id),
    prospect_id  BIGINT NOT NULL CONSTRAINT withdrawn_prospect_known REFERENCES prospects (id),
    withdrawn_at BIGINT NOT NULL,
    told_at      BIGINT
);
CREATE INDEX withdrawn_evidence_untold ON withdrawn_evidence (prospect_id) WHERE told_at IS NULL;

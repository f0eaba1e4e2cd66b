-- One prospect, one salesperson.

-- The offer, then the lead. One open handoff per prospect: the index says so on every node. It cites its qualification, and
-- `assignment` says why this salesperson.
CREATE TABLE handoffs (
    id               INTEGER CONSTRAINT handoffs_key PRIMARY KEY,
    prospect_id      BIGINT NOT NULL CONSTRAINT handoff_prospect_known REFERENCES prospects (id),
    qualification_id BIGINT NOT NULL CONSTRAINT handoff_qualification_known REFERENCES qualifications (id),
    cause            TEXT NOT NULL CONSTRAINT handoff_cause CHECK (cause IN ('ready', 'request')),
    state            TEXT NOT NULL CONSTRAINT handoff_state CHECK (state IN ('offered', 'owned', 'closed')),
    salesperson      TEXT NOT NULL,
    assignment       TEXT NOT NULL,
    configuration_id BIGINT CONSTRAINT handoff_configuration_known REFERENCES configurations (id),
    stage            TEXT NOT NULL CONSTRAINT handoff_stage
                     CHECK (stage IN ('interested', 'engaged', 'evaluating', 'negotiating', 'purchasing')),
    opened_at        BIGINT NOT NULL,
    answer_until     BIGINT NOT NULL,
    touch_until      BIGINT NOT NULL,
    accepted_at      BIGINT,
    touched_at       BIGINT,
    closed_at        BIGINT,
    outcome          TEXT CONSTRAINT handoff_outcome CHECK (outcome IN ('won', 'lost', 'not_now', 'wrong_person', 'disqualified')),
    value            BIGINT,
    CONSTRAINT handoff_closed_with_outcome CHECK ((state = 'closed') = (outcome IS NOT NULL))
);
CREATE UNIQUE INDEX handoff_open_once ON handoffs (prospect_id) WHERE state <> 'closed';
CREATE INDEX handoffs_of_salesperson ON handoffs (salesperson, state);
CREATE INDEX handoffs_of_prospect ON handoffs (prospect_id);

-- What happened to a handoff, in order, and what was said.
CREATE TABLE handoff_events (
    id         INTEGER CONSTRAINT handoff_events_key PRIMARY KEY,
    handoff_id BIGINT NOT NULL CONSTRAINT handoff_event_handoff_known REFERENCES handoffs (id),
    at         BIGINT NOT NULL,
    by_whom    TEXT NOT NULL,
    what       TEXT NOT NULL,
    note       TEXT NOT NULL DEFAULT ''
);
CREATE INDEX handoff_events_of ON handoff_events (handoff_id, id);

-- The personal queue: an open item always has an action and a date. Without a handoff: a prospect who came due. An open item
-- is found by salesperson, for the queue; by prospect, for the law of conservation, which asks it of every prospect; and
-- among a prospect's own without a handoff, which a touch of ours takes off the queue.
CREATE TABLE follow_ups (
    id          INTEGER CONSTRAINT follow_ups_key PRIMARY KEY,
    prospect_id BIGINT NOT NULL CONSTRAINT follow_up_prospect_known REFERENCES prospects (id),
    handoff_id  BIGINT CONSTRAINT follow_up_handoff_known REFERENCES handoffs (id),
    salesperson TEXT NOT NULL,
    action      TEXT NOT NULL,
    due_at      BIGINT NOT NULL,
    done_at     BIGINT
);
CREATE UNIQUE INDEX follow_up_open_once ON follow_ups (handoff_id) WHERE done_at IS NULL AND handoff_id IS NOT NULL;
CREATE INDEX follow_ups_of_salesperson ON follow_ups (salesperson, due_at) WHERE done_at IS NULL;
CREATE INDEX follow_ups_open_of_prospect ON follow_ups (prospect_id) WHERE done_at IS NULL;
CREATE INDEX follow_ups_alone ON follow_ups (prospect_id) WHERE handoff_id IS NULL AND done_at IS NULL;

-- One-to-one mails on their way out: written in the transaction that caused them, sent after it. The fence rises with every
-- claim, as a lease's does: a result written under an older one changes nothing.
CREATE TABLE letters (
    id           INTEGER CONSTRAINT letters_key PRIMARY KEY,
    kind         TEXT NOT NULL,
    handoff_id   BIGINT CONSTRAINT letter_handoff_known REFERENCES handoffs (id),
    recipient    TEXT NOT NULL,
    message_id   TEXT NOT NULL CONSTRAINT letter_once UNIQUE,
    message      BLOB NOT NULL,
    not_before   BIGINT NOT NULL,
    owner        TEXT,
    fence        BIGINT NOT NULL DEFAULT 0,
    leased_until BIGINT,
    tries        BIGINT NOT NULL DEFAULT 0,
    sent_at      BIGINT,
    failed_at    BIGINT,
    reply        TEXT
);
CREATE INDEX letters_waiting ON letters (not_before, id) WHERE sent_at IS NULL AND failed_at IS NULL;

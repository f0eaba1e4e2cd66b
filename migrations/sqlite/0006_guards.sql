-- Sending with care: what goes wrong is counted, how fast it goes is limited, and a first few go ahead of the rest.

-- What the breakers count: hard bounces, complaints, connections that broke in the middle of a mail. `number` tells the
-- tries of one delivery apart; it bounces and is complained about once (0).
CREATE TABLE troubles (
    id          INTEGER PRIMARY KEY,
    campaign    TEXT NOT NULL REFERENCES campaigns (name),
    delivery_id BIGINT NOT NULL REFERENCES deliveries (id),
    kind        TEXT NOT NULL CONSTRAINT trouble_kind CHECK (kind IN ('bounced', 'complained', 'broken')),
    number      BIGINT NOT NULL,
    at          BIGINT NOT NULL,
    CONSTRAINT trouble_once UNIQUE (delivery_id, kind, number)
);
CREATE INDEX troubles_of_campaign ON troubles (campaign, kind, id);

-- How many mails may go now: sixty thousand tokens are one mail, so that a rate per minute fills whole tokens every
-- millisecond. Below zero where a letter went ahead.
CREATE TABLE buckets (
    name      TEXT NOT NULL PRIMARY KEY,
    tokens    BIGINT NOT NULL,
    filled_at BIGINT NOT NULL
);

-- An occurrence of which all but the first few deliveries wait: up to which prospect they go ahead, and for how long the
-- others wait after the last of these was tried.
CREATE TABLE holds (
    occurrence_id BIGINT NOT NULL PRIMARY KEY REFERENCES occurrences (id),
    last_canary   BIGINT NOT NULL,
    minutes       BIGINT NOT NULL,
    released_at   BIGINT
);
CREATE INDEX holds_open ON holds (occurrence_id) WHERE released_at IS NULL;

-- Campaigns that paused by themselves: whoever answers for them is told once.
CREATE TABLE alarms (
    id       INTEGER PRIMARY KEY,
    campaign TEXT NOT NULL REFERENCES campaigns (name),
    reason   TEXT NOT NULL,
    at       BIGINT NOT NULL,
    told_at  BIGINT
);
CREATE INDEX alarms_untold ON alarms (id) WHERE told_at IS NULL;

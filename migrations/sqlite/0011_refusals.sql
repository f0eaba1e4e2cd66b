-- Whom refusals are about, so that a relay that dislikes us pauses a campaign instead of using up its list.

-- One refusal for good of one delivery: in answer to it, under the number of its result, or come back by mail, under 0. `about` is
-- what was judged when it came: the mailbox is gone or takes nothing now, it is us, nobody can tell. `alike` is its words without
-- addresses, ids, numbers, times and hosts: refusals alike are counted together. Appended, never changed; an accepted mail writes
-- nothing here.
CREATE TABLE refusals (
    id          INTEGER CONSTRAINT refusals_key PRIMARY KEY,
    campaign    TEXT NOT NULL CONSTRAINT refusal_campaign_known REFERENCES campaigns (name),
    delivery_id BIGINT NOT NULL CONSTRAINT refusal_delivery_known REFERENCES deliveries (id),
    number      BIGINT NOT NULL,
    about       TEXT NOT NULL CONSTRAINT refusal_about CHECK (about IN ('gone', 'not_now', 'us_at_once', 'us', 'unclear')),
    alike       TEXT NOT NULL,
    at          BIGINT NOT NULL,
    CONSTRAINT refusal_once UNIQUE (delivery_id, number)
);
-- Serves a row of refusals alike, and the count of those about us.
CREATE INDEX refusals_alike ON refusals (campaign, alike, id);
CREATE INDEX refusals_about ON refusals (campaign, about, at);

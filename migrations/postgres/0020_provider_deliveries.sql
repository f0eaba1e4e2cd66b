-- What mail providers report by their hooks, beyond what becomes a signal.

-- A delivery of which a provider says that the recipient's server took it: who said so, when it happened, and when we heard. Once for a
-- delivery, whichever report comes first; nothing of the recipient is in it. Bounces and complaints become signals instead.
CREATE TABLE provider_deliveries (
    delivery_id  BIGINT NOT NULL CONSTRAINT provider_deliveries_key PRIMARY KEY
                 CONSTRAINT provider_delivery_known REFERENCES deliveries (id),
    provider     TEXT NOT NULL CONSTRAINT provider_delivery_by
                 CHECK (provider IN ('ses', 'sendgrid', 'postmark', 'mailgun', 'brevo')),
    delivered_at BIGINT NOT NULL,
    recorded_at  BIGINT NOT NULL
);

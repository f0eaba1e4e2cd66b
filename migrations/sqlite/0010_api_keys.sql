-- The API's idempotency keys: what a system sent under a key, so that a repetition counts once and other content is refused.

-- A call under a key of a token: the SHA-256 of token, key and body, in hexadecimal digits, never the body. `answer` is what a page of
-- prospects was answered, which a repetition gets again; a signal needs none, because it is recorded once by its own key. Removed
-- after thirty days.
CREATE TABLE api_keys (
    token           TEXT NOT NULL,
    idempotency_key TEXT NOT NULL,
    body            TEXT NOT NULL,
    answer          TEXT,
    called_at       BIGINT NOT NULL,
    CONSTRAINT api_keys_key PRIMARY KEY (token, idempotency_key)
);
CREATE INDEX api_keys_by_time ON api_keys (called_at);

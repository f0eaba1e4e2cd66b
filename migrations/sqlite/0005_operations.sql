-- Whether mail may leave at all, and whose database this is.

-- One row. `stopped`: why group mail is not marked, until the stop is lifted; `observing`: why nothing at all is sent, until
-- the database is adopted. Every mark reads the row in its own statement. `token` names this database among all others,
-- `place` says where it is at home, `former` is the token it had before it was adopted: another node may know it by that one.
-- `beat` rises every second in which something was written: a backup is told by a lower one.
CREATE TABLE sending (
    id           BIGINT NOT NULL CONSTRAINT sending_key PRIMARY KEY CONSTRAINT sending_is_one_row CHECK (id = 1),
    stopped      TEXT,
    stopped_at   BIGINT,
    observing    TEXT,
    observing_at BIGINT,
    token        TEXT,
    place        TEXT,
    former       TEXT,
    beat         BIGINT NOT NULL DEFAULT 0,
    CONSTRAINT sending_stopped_since CHECK ((stopped IS NULL) = (stopped_at IS NULL)),
    CONSTRAINT sending_observing_since CHECK ((observing IS NULL) = (observing_at IS NULL))
);
INSERT INTO sending (id) VALUES (1);

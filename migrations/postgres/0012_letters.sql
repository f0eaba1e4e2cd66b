-- Letters are never lost. `first_tried_at` is the Date of their bytes, and stays. `waits_since` is when one that had to be put off was
-- due, and `refused_since` when the relay first refused it, which it does for forty-eight hours before it has failed; having one sent
-- again begins both anew.
ALTER TABLE letters ADD COLUMN first_tried_at BIGINT;
ALTER TABLE letters ADD COLUMN waits_since BIGINT;
ALTER TABLE letters ADD COLUMN refused_since BIGINT;
CREATE INDEX letters_failed ON letters (failed_at) WHERE failed_at IS NOT NULL;

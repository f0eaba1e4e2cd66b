-- A letter's claim is numbered, as a range's is: whoever comes back late with an old number changes nothing.
ALTER TABLE letters ADD COLUMN fence BIGINT NOT NULL DEFAULT 0;

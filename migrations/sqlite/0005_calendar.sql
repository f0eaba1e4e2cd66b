-- What the calendar keeps from being sent, and why.

-- Why an occurrence was missed: an older one, late, paused, a skip date.
ALTER TABLE occurrences ADD COLUMN reason TEXT;

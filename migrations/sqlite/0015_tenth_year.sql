-- What a database in its tenth year is asked.

-- The few deliveries that came to nothing, so that their newsletter is due again: whoever looks for them among a prospect's
-- deliveries need not look at every attempt ever made.
CREATE INDEX attempts_that_came_to_nothing ON attempts (delivery_id)
    WHERE state IN ('failed', 'suppressed', 'skipped', 'cancelled');

-- The salespeople whom colleagues of a prospect have, had or were given by a list: an account may be large, and they are few.
CREATE INDEX prospects_with_salesperson ON prospects (account_id, standing, id) WHERE salesperson IS NOT NULL;

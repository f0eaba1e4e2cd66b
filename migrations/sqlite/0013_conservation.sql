-- Whoever has an open item is found by prospect: the law of conservation asks it of everybody.
CREATE INDEX follow_ups_open_of_prospect ON follow_ups (prospect_id) WHERE done_at IS NULL;

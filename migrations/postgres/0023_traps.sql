-- The mails of which somebody followed the link that no person sees: whatever else is followed of them is judged with it. They are few
-- among the signals, and each hit asks for those of its mail.
CREATE INDEX signals_of_traps ON signals (delivery_id) WHERE machine = 'trap';

-- What automatic replies say of those whose mailboxes sent them.

-- A prospect who is away, by the latest automatic reply that named a day, and the instant from which group mail goes to them again.
-- One row a prospect; one whose day has come says nothing any more.
CREATE TABLE absences (
    prospect_id BIGINT NOT NULL CONSTRAINT absences_key PRIMARY KEY
                CONSTRAINT absence_prospect_known REFERENCES prospects (id),
    until_at    BIGINT NOT NULL,
    told_at     BIGINT NOT NULL
) WITHOUT ROWID;
CREATE INDEX absences_by_end ON absences (until_at);

-- A delivery that its mailbox answered with "has left the company". Two of different issues to one address stop it. Appended.
CREATE TABLE departures (
    delivery_id BIGINT NOT NULL CONSTRAINT departures_key PRIMARY KEY
                CONSTRAINT departure_delivery_known REFERENCES deliveries (id),
    told_at     BIGINT NOT NULL
) WITHOUT ROWID;

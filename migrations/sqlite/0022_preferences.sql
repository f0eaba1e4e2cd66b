-- What prospects chose about our mail, and the text of a consent.

-- The text that was agreed to or declined, as it was shown; NULL where nobody recorded it.
ALTER TABLE consents ADD COLUMN wording TEXT;

-- What a prospect chose about newsletters, as it stands now: less of them, none until a day (its midnight in UTC), and the language in
-- which they read. One row a prospect who ever chose; a pause whose day has come says nothing any more.
CREATE TABLE preferences (
    prospect_id  BIGINT NOT NULL CONSTRAINT preferences_key PRIMARY KEY
                 CONSTRAINT preference_prospect_known REFERENCES prospects (id),
    less_often   BOOLEAN NOT NULL,
    paused_until BIGINT,
    language     TEXT,
    changed_at   BIGINT NOT NULL
) WITHOUT ROWID;
CREATE INDEX preferences_less_often ON preferences (prospect_id) WHERE less_often;

-- A topic of which a prospect wants no newsletter now.
CREATE TABLE refused_topics (
    prospect_id BIGINT NOT NULL CONSTRAINT refused_topic_prospect_known REFERENCES prospects (id),
    topic       TEXT NOT NULL,
    refused_at  BIGINT NOT NULL,
    CONSTRAINT refused_topics_key PRIMARY KEY (prospect_id, topic)
) WITHOUT ROWID;

-- What a prospect chose, when, and where: one row for each choice that changed something. Appended. `value` is the topic, the day
-- or the language; NULL where the word says it all.
CREATE TABLE preference_changes (
    id          INTEGER CONSTRAINT preference_changes_key PRIMARY KEY,
    prospect_id BIGINT NOT NULL CONSTRAINT preference_change_prospect_known REFERENCES prospects (id),
    choice      TEXT NOT NULL CONSTRAINT preference_choice CHECK
                (choice IN ('topic refused', 'topic wanted', 'less often', 'as often', 'paused', 'resumed', 'language')),
    value       TEXT,
    source      TEXT NOT NULL,
    chosen_at   BIGINT NOT NULL
);
CREATE INDEX preference_changes_of_prospect ON preference_changes (prospect_id);

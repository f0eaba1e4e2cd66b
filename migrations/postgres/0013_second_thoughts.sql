-- Second thoughts: what waits can be cancelled or corrected, and a campaign can leave the configuration or change its name.

-- What is in force of an issue's words stands in `issues`, and every correction raises the version. A range is claimed under one
-- version and marks nothing once another is in force; an attempt keeps the version of its mark (NULL: the first), so that a mail
-- that may have arrived is repeated in the words it had.
ALTER TABLE issues ADD COLUMN version BIGINT NOT NULL DEFAULT 1;
ALTER TABLE leases ADD COLUMN version BIGINT;
ALTER TABLE attempts ADD COLUMN version BIGINT;

-- The words of an issue before each of its corrections: a mail that was marked under them is only ever repeated in them. What
-- their links and questions lead to stays in the issue's own content, which grows and loses nothing.
CREATE TABLE former_words (
    issue_id     BIGINT NOT NULL CONSTRAINT former_words_issue_known REFERENCES issues (id),
    version      BIGINT NOT NULL,
    subject      TEXT NOT NULL,
    message      TEXT NOT NULL,
    corrected_by TEXT,
    corrected_at BIGINT NOT NULL,
    CONSTRAINT former_words_key PRIMARY KEY (issue_id, version)
);

-- An issue of which nothing more leaves, who said so, if that is known, and why. Every mark looks here: the row alone keeps back
-- what is not written down as cancelled yet, whatever dies in between.
CREATE TABLE cancellations (
    issue_id     BIGINT NOT NULL CONSTRAINT cancellations_key PRIMARY KEY
                 CONSTRAINT cancellation_issue_known REFERENCES issues (id),
    reason       TEXT NOT NULL,
    cancelled_by TEXT,
    cancelled_at BIGINT NOT NULL
);

-- Whether the configuration in force has the campaign: if not, nothing of it opens, is written or leaves, on any node, whatever
-- files that node has. A campaign whose history went on under another name keeps its row, which says which.
ALTER TABLE campaigns ADD COLUMN configured BOOLEAN NOT NULL DEFAULT TRUE;
ALTER TABLE campaigns ADD COLUMN renamed_to TEXT;

-- Prospects of whom something changed that an audience may ask, and the newest delivery there was then: those up to it ask their
-- audience once more before they leave. One row a prospect, only for those who have a delivery or may be getting their first;
-- prospects are never deleted, so they are not looked up.
CREATE TABLE audience_changes (
    prospect_id     BIGINT NOT NULL CONSTRAINT audience_changes_key PRIMARY KEY,
    newest_delivery BIGINT NOT NULL
);
CREATE INDEX audience_changes_by_delivery ON audience_changes (newest_delivery);

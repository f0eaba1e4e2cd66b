-- Numbers that leave the database, in links, Message-IDs and return paths, are given once: `nurtured adopt` lets them go on
-- beyond all that was ever seen of a history that was lost. PostgreSQL's sequences can be set as they are; SQLite keeps a number
-- beyond the last row for AUTOINCREMENT tables alone.
SELECT 1;

-- The word changes how a number is chosen and no page of a table, so it is put into the definitions as SQLite describes it for
-- such changes (https://www.sqlite.org/lang_altertable.html, section 7): a copy of every delivery would take hours.
CREATE TABLE numbers_once (id INTEGER);
PRAGMA writable_schema = ON;
UPDATE sqlite_schema SET sql = replace(sql, name || '_key PRIMARY KEY', name || '_key PRIMARY KEY AUTOINCREMENT')
WHERE type = 'table' AND sql NOT LIKE '%AUTOINCREMENT%' AND name IN
    ('prospects', 'occurrences', 'issues', 'deliveries', 'leases', 'signals', 'handoffs', 'follow_ups', 'letters', 'enquiry_lists');
PRAGMA writable_schema = RESET;
-- It came and went so that every connection reads the definitions anew.
DROP TABLE numbers_once;
INSERT INTO sqlite_sequence (name, seq)
SELECT 'prospects', COALESCE(MAX(id), 0) FROM prospects UNION ALL
SELECT 'occurrences', COALESCE(MAX(id), 0) FROM occurrences UNION ALL
SELECT 'issues', COALESCE(MAX(id), 0) FROM issues UNION ALL
SELECT 'deliveries', COALESCE(MAX(id), 0) FROM deliveries UNION ALL
SELECT 'leases', COALESCE(MAX(id), 0) FROM leases UNION ALL
SELECT 'signals', COALESCE(MAX(id), 0) FROM signals UNION ALL
SELECT 'handoffs', COALESCE(MAX(id), 0) FROM handoffs UNION ALL
SELECT 'follow_ups', COALESCE(MAX(id), 0) FROM follow_ups UNION ALL
SELECT 'letters', COALESCE(MAX(id), 0) FROM letters UNION ALL
SELECT 'enquiry_lists', COALESCE(MAX(id), 0) FROM enquiry_lists;

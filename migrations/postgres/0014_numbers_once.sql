-- Numbers that leave the database, in links, Message-IDs and return paths, are given once: `nurtured adopt` lets them go on
-- beyond all that was ever seen of a history that was lost. PostgreSQL's sequences can be set as they are; SQLite keeps a number
-- beyond the last row for AUTOINCREMENT tables alone.
SELECT 1;

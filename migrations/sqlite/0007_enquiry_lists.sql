-- More asked within an hour than salespeople are told of one by one.

-- The rest of one hour: one item on the sales manager's queue, and one letter when the hour is over. Who asked is in `enquiries`.
CREATE TABLE enquiry_lists (
    id          INTEGER CONSTRAINT enquiry_lists_key PRIMARY KEY,
    begins_at   BIGINT NOT NULL CONSTRAINT enquiry_list_once UNIQUE,
    ends_at     BIGINT NOT NULL,
    salesperson TEXT NOT NULL,
    told_at     BIGINT,
    settled_at  BIGINT
);
CREATE INDEX enquiry_lists_untold ON enquiry_lists (ends_at) WHERE told_at IS NULL;
CREATE INDEX enquiry_lists_open ON enquiry_lists (salesperson) WHERE settled_at IS NULL;

-- The list an enquiry stands on; without one it is an item and a letter of its own. An enquiry counts against the bound of the hour
-- in which it was placed, and the same words of one address within a day are one enquiry.
ALTER TABLE enquiries ADD COLUMN list_id BIGINT CONSTRAINT enquiry_list_known REFERENCES enquiry_lists (id);
CREATE INDEX enquiries_of_list ON enquiries (list_id) WHERE list_id IS NOT NULL;
CREATE INDEX enquiries_placed ON enquiries (placed_at) WHERE placed_at IS NOT NULL AND list_id IS NULL;
CREATE INDEX enquiries_of_address ON enquiries (address) WHERE address IS NOT NULL;

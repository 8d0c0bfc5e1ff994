-- What a request was, so that it is known when it comes again: a hash of who asked for
-- what. TNs that were asked for in it and refused, as JSON; '' and 0 for none.
ALTER TABLE reservation ADD COLUMN mark TEXT NOT NULL DEFAULT '';
ALTER TABLE reservation ADD COLUMN refused TEXT NOT NULL DEFAULT '';
ALTER TABLE reservation ADD COLUMN refused_count BIGINT NOT NULL DEFAULT 0;
-- When it was extended, or lost a TN, last.
ALTER TABLE reservation ADD COLUMN changed_at BIGINT;

-- Numbered pages of all of an account's reservations, counted without their rows.
CREATE INDEX reservation_account ON reservation (account_id, created_at, seq, refused_count);
DROP INDEX reservation_reference;
CREATE INDEX reservation_reference ON reservation (customer_reference, account_id, created_at, seq, refused_count) WHERE customer_reference <> '';

-- Foreign ids that an order carries, as JSON; '' for none.
ALTER TABLE orders ADD COLUMN ties TEXT NOT NULL DEFAULT '';

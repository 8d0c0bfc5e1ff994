-- What the end user accepted: the TNs with the price that was shown, as JSON; '' before
-- that.
ALTER TABLE purchase ADD COLUMN accepted TEXT NOT NULL DEFAULT '';

-- The secret before a payment page's present one: what is signed with it counts for
-- nothing, but a payment under way is noted.
ALTER TABLE selling ADD COLUMN secret_before TEXT NOT NULL DEFAULT '';

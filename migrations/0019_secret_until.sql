-- Until when a payment that is signed with the secret before is noted.
ALTER TABLE selling ADD COLUMN before_until BIGINT;
UPDATE selling SET before_until = (SELECT MAX(e.at) + 86400000000 FROM event e
	WHERE e.account_id = selling.account_id AND e.kind = 'account.selling' AND e.facts LIKE '%"subject":"secret"%') WHERE secret_before <> '';

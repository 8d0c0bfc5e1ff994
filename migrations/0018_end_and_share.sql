-- Where the history ends, kept with each change: what is cut off its end is missed.
CREATE TABLE event_end (
	id   BIGINT PRIMARY KEY CHECK (id = 1),
	seq  BIGINT NOT NULL,
	hash BYTEA NOT NULL
);
INSERT INTO event_end (id, seq, hash) SELECT 1, seq, hash FROM event ORDER BY seq DESC LIMIT 1;

-- How much of what it has in service an account may hold, in percent; 0 is no bound.
ALTER TABLE account ADD COLUMN max_share BIGINT NOT NULL DEFAULT 0;
ALTER TABLE account ADD COLUMN limit_max_share BIGINT NOT NULL DEFAULT 0;
-- TNs in service, counted so that the bound is cheap to check. A node of before this step
-- that still runs beside does not count them: too few harm nobody else's change.
ALTER TABLE account ADD COLUMN working BIGINT NOT NULL DEFAULT 0;
UPDATE account SET working = (SELECT COUNT(*) FROM tn_state s WHERE s.account_id = account.id AND s.state = 'in service');

-- Since when the notice before expiry is longer than it was.
ALTER TABLE account ADD COLUMN expiring_since BIGINT NOT NULL DEFAULT 0;

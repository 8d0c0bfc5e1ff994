-- Where the history ends, kept with each change: what is cut off its end is missed.
CREATE TABLE event_end (
	id   BIGINT PRIMARY KEY CHECK (id = 1),
	seq  BIGINT NOT NULL,
	hash BYTEA NOT NULL
);
INSERT INTO event_end (id, seq, hash) SELECT 1, seq, hash FROM event ORDER BY seq DESC LIMIT 1;

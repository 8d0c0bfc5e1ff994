-- How often a client asked, reads too: by the hour, and in all. Written once a minute.
ALTER TABLE client ADD COLUMN requests BIGINT NOT NULL DEFAULT 0;
CREATE TABLE client_use (
	client_id TEXT NOT NULL REFERENCES client (id),
	hour      BIGINT NOT NULL, -- its beginning
	requests  BIGINT NOT NULL,
	PRIMARY KEY (client_id, hour)
);
CREATE INDEX client_use_hour ON client_use (hour);

-- How many orders of an account wait.
CREATE INDEX orders_waiting_account ON orders (account_id) WHERE state = 'BACKORDERED';

-- The first note under an idempotency key, for a day.
CREATE TABLE noted (
	order_seq BIGINT NOT NULL REFERENCES orders (seq),
	key       TEXT NOT NULL,
	content   BYTEA NOT NULL, -- SHA-256 of the text
	note      TEXT NOT NULL,  -- its id
	noted_at  BIGINT NOT NULL,
	PRIMARY KEY (order_seq, key)
);
CREATE INDEX noted_at ON noted (noted_at);

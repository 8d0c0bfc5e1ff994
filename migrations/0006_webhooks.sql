-- Where accounts want to be told what happens, and what they are told.

-- How many endpoints an account has; 0 spares its changes a look for them.
ALTER TABLE account ADD COLUMN endpoints BIGINT NOT NULL DEFAULT 0 CHECK (endpoints >= 0);
-- How long before expiry they are told that a hold runs out; 30 minutes.
ALTER TABLE account ADD COLUMN expiring_us BIGINT NOT NULL DEFAULT 1800000000;

CREATE TABLE endpoint (
	id              TEXT PRIMARY KEY, -- a subscription's is the subscription's
	account_id      BIGINT NOT NULL REFERENCES account (id),
	url             TEXT NOT NULL,
	format          TEXT NOT NULL CHECK (format IN ('json', 'bandwidth')),
	events          TEXT NOT NULL, -- separated by spaces; '' all
	order_type      TEXT NOT NULL,
	order_id        TEXT NOT NULL, -- '' all
	-- Secrets stand as they are and not as a hash: each delivery is signed with them.
	secret          TEXT NOT NULL,
	old_secret      TEXT NOT NULL DEFAULT '',
	old_until       BIGINT,
	paused_at       BIGINT,
	paused_because  TEXT NOT NULL DEFAULT '',
	failing_since   BIGINT,
	last_success_at BIGINT,
	created_at      BIGINT NOT NULL,
	created_by_name TEXT NOT NULL,
	expires_at      BIGINT,
	-- It is no more; housekeeping removes its deliveries, then the row.
	deleted_at      BIGINT
);
CREATE INDEX endpoint_account ON endpoint (account_id, created_at, id);
CREATE INDEX endpoint_deleted ON endpoint (deleted_at) WHERE deleted_at IS NOT NULL;

-- The outbox: one row per event and endpoint, written in the event's own change.
CREATE TABLE delivery (
	seq         BIGINT PRIMARY KEY,
	id          TEXT NOT NULL UNIQUE,
	endpoint_id TEXT NOT NULL REFERENCES endpoint (id),
	event_seq   BIGINT NOT NULL REFERENCES event (seq),
	type        TEXT NOT NULL,
	-- What it is about. Of one endpoint's deliveries about one subject only the first
	-- that is not done has a time: the others wait behind it.
	subject     TEXT NOT NULL,
	state       TEXT NOT NULL CHECK (state IN ('waiting', 'sending', 'delivered', 'failed')),
	body        TEXT NOT NULL DEFAULT '', -- from the first attempt on
	attempts    BIGINT NOT NULL DEFAULT 0,
	in_a_row    BIGINT NOT NULL DEFAULT 0, -- attempts since somebody resumed or redelivered
	tried_from  BIGINT,                    -- the first of them
	next_at     BIGINT,                    -- while sending: when somebody else may try
	created_at  BIGINT NOT NULL,
	done_at     BIGINT,
	CHECK ((done_at IS NULL) = (state IN ('waiting', 'sending'))),
	CHECK (done_at IS NULL OR next_at IS NULL)
);
CREATE INDEX delivery_due ON delivery (endpoint_id, next_at, seq) WHERE next_at IS NOT NULL;
CREATE INDEX delivery_line ON delivery (endpoint_id, subject, seq) WHERE done_at IS NULL;
CREATE INDEX delivery_endpoint ON delivery (endpoint_id, seq);
CREATE INDEX delivery_state ON delivery (endpoint_id, state, seq);
CREATE INDEX delivery_old ON delivery (created_at, seq);

CREATE TABLE attempt (
	delivery BIGINT NOT NULL REFERENCES delivery (seq),
	number   BIGINT NOT NULL,
	at       BIGINT NOT NULL,
	took_us  BIGINT NOT NULL,
	url      TEXT NOT NULL,
	status   BIGINT NOT NULL, -- 0: no answer
	error    TEXT NOT NULL,   -- '' it was delivered
	answer   TEXT NOT NULL,
	PRIMARY KEY (delivery, number)
);

-- What every installation signs with, made once: an Ed25519 seed.
CREATE TABLE webhook_key (
	id         BIGINT PRIMARY KEY CHECK (id = 1),
	seed       BYTEA NOT NULL,
	created_at BIGINT NOT NULL
);

-- Up to which expiry an account was told that its holds run out.
CREATE TABLE expiring_told (
	account_id  BIGINT NOT NULL PRIMARY KEY REFERENCES account (id),
	expires_at  BIGINT NOT NULL,
	reservation BIGINT NOT NULL -- the last one of that instant
);

-- Subscriptions to a URL are told through endpoints of their own.
INSERT INTO endpoint (id, account_id, url, format, events, order_type, order_id, secret, created_at, created_by_name, expires_at)
	SELECT id, account_id, url, 'bandwidth', '', order_type, order_id, '', created_at, '', CASE WHEN expiry_us > 0 THEN changed_at + expiry_us END
	FROM subscription WHERE url <> '';
UPDATE account SET endpoints = (SELECT COUNT(*) FROM endpoint e WHERE e.account_id = account.id);

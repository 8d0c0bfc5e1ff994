-- Orders: what an account asked for and what became of it.

-- How long a TN rests after it was disconnected; 90 days.
ALTER TABLE account ADD COLUMN aging_us BIGINT NOT NULL DEFAULT 7776000000000;

CREATE TABLE orders (
	seq               BIGINT PRIMARY KEY,
	id                TEXT NOT NULL UNIQUE,
	account_id        BIGINT NOT NULL REFERENCES account (id),
	kind              TEXT NOT NULL CHECK (kind IN ('existing', 'search', 'disconnect')),
	state             TEXT NOT NULL CHECK (state IN ('COMPLETE', 'PARTIAL', 'FAILED', 'BACKORDERED')),
	quantity          BIGINT NOT NULL CHECK (quantity > 0),
	completed         BIGINT NOT NULL CHECK (completed BETWEEN 0 AND quantity),
	search            TEXT NOT NULL, -- JSON; '' for named TNs
	reservation_ids   TEXT NOT NULL, -- JSON, as they were named; '' for none
	partial_allowed   BOOLEAN NOT NULL,
	back_order        BOOLEAN NOT NULL,
	customer_order_id TEXT NOT NULL,
	reference         TEXT NOT NULL,
	name              TEXT NOT NULL,
	site_id           TEXT NOT NULL,
	peer_id           TEXT NOT NULL,
	type_name         TEXT NOT NULL,
	idempotency_key   TEXT NOT NULL,
	content           BYTEA NOT NULL, -- SHA-256 of what was asked
	created_at        BIGINT NOT NULL,
	changed_at        BIGINT NOT NULL,
	completed_at      BIGINT,
	created_by        TEXT NOT NULL,
	created_by_name   TEXT NOT NULL,
	created_door      TEXT NOT NULL,
	CHECK ((completed_at IS NULL) = (state = 'BACKORDERED')),
	CHECK ((completed = quantity) = (state = 'COMPLETE')),
	CHECK (state <> 'FAILED' OR completed = 0)
);

CREATE INDEX orders_account ON orders (account_id, seq);
CREATE INDEX orders_maker ON orders (created_by, account_id, seq);
CREATE INDEX orders_key ON orders (account_id, idempotency_key, seq) WHERE idempotency_key <> '';
CREATE INDEX orders_waiting ON orders (seq) WHERE state = 'BACKORDERED';
-- An account's own name for an order names one order, and one disconnect.
CREATE UNIQUE INDEX orders_customer ON orders (account_id, customer_order_id, (kind = 'disconnect')) WHERE customer_order_id <> '';

CREATE TABLE order_tn (
	order_seq BIGINT NOT NULL REFERENCES orders (seq),
	tn        BIGINT NOT NULL,
	at        BIGINT NOT NULL,
	code      TEXT NOT NULL, -- why not; '' when it was had
	message   TEXT NOT NULL,
	PRIMARY KEY (order_seq, tn)
);
CREATE INDEX order_tn_tn ON order_tn (tn, order_seq);

-- The order that put a TN into service.
ALTER TABLE tn_state ADD COLUMN order_seq BIGINT REFERENCES orders (seq);
CREATE INDEX tn_state_account ON tn_state (account_id, state, tn) WHERE account_id IS NOT NULL;
CREATE INDEX tn_state_until ON tn_state (until, tn) WHERE until IS NOT NULL;

-- An order's history. Not part of the hash: facts name the order too.
ALTER TABLE event ADD COLUMN order_seq BIGINT NOT NULL DEFAULT 0;
CREATE INDEX event_order ON event (order_seq, seq) WHERE order_seq <> 0;

-- End users who finish a purchase, and storefronts.

-- When the clock of a hold first stood still for a payment: it does so once. While
-- it stands expires_at is the latest end, as if it stood as long as it may.
ALTER TABLE reservation ADD COLUMN submitted_at BIGINT;

-- How an account sells to end users. Without a row: no questions, no payment page, no
-- storefront.
CREATE TABLE selling (
	account_id      BIGINT PRIMARY KEY REFERENCES account (id),
	questions       TEXT NOT NULL, -- JSON
	checkout_url    TEXT NOT NULL, -- of the account's own payment page; '' is none
	checkout_secret TEXT NOT NULL, -- shared with it: signatures need it as it is
	offer_similar   BOOLEAN NOT NULL,
	shop_on         BOOLEAN NOT NULL,
	slug            TEXT NOT NULL, -- the storefront's address; '' has none yet
	window_us       BIGINT NOT NULL, -- of holds that end users make themselves
	most_held       BIGINT NOT NULL  -- TNs that the storefront holds at once
);
CREATE UNIQUE INDEX selling_slug ON selling (slug) WHERE slug <> '';

-- Links that finish a purchase, each for one reservation. The address holds a random
-- token, the table its SHA-256.
CREATE TABLE purchase (
	id              TEXT PRIMARY KEY,
	token           BYTEA NOT NULL UNIQUE,
	reservation     BIGINT NOT NULL REFERENCES reservation (seq),
	account_id      BIGINT NOT NULL REFERENCES account (id),
	created_at      BIGINT NOT NULL,
	created_by_name TEXT NOT NULL,
	revoked_at      BIGINT,
	buyer           TEXT NOT NULL DEFAULT '', -- JSON; '' before anybody filled it in
	nonce           TEXT NOT NULL DEFAULT '', -- what the payment page's answer must name
	paying          BOOLEAN NOT NULL DEFAULT FALSE,
	paid_at         BIGINT, -- reported by the payment page
	order_seq       BIGINT REFERENCES orders (seq),
	renewals        BIGINT NOT NULL DEFAULT 0, -- holds that ran out before it, in a row
	session         BYTEA, -- a storefront's visitor: SHA-256 of the browser's token
	nth             BIGINT NOT NULL DEFAULT 0 -- hold of that session
);
CREATE INDEX purchase_reservation ON purchase (reservation, created_at, id);
CREATE INDEX purchase_order ON purchase (order_seq) WHERE order_seq IS NOT NULL;
CREATE INDEX purchase_session ON purchase (session, account_id, nth) WHERE session IS NOT NULL;
CREATE INDEX purchase_forgotten ON purchase (created_at) WHERE order_seq IS NULL AND paid_at IS NULL AND buyer <> '';

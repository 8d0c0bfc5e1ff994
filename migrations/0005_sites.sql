-- Sites and SIP peers that programs made; number 1 of each is there without a row.
CREATE TABLE site (
	account_id  BIGINT NOT NULL REFERENCES account (id),
	id          BIGINT NOT NULL CHECK (id > 1),
	name        TEXT NOT NULL,
	description TEXT NOT NULL,
	PRIMARY KEY (account_id, id)
);

CREATE TABLE sip_peer (
	account_id  BIGINT NOT NULL REFERENCES account (id),
	site_id     BIGINT NOT NULL,
	id          BIGINT NOT NULL CHECK (id > 1),
	name        TEXT NOT NULL,
	description TEXT NOT NULL,
	is_default  BOOLEAN NOT NULL,
	PRIMARY KEY (account_id, site_id, id)
);

-- Who wants to be told what becomes of orders.
CREATE TABLE subscription (
	id         TEXT PRIMARY KEY,
	account_id BIGINT NOT NULL REFERENCES account (id),
	order_type TEXT NOT NULL,
	order_id   TEXT NOT NULL,
	email      TEXT NOT NULL,
	digest     TEXT NOT NULL,
	url        TEXT NOT NULL,
	expiry_us  BIGINT NOT NULL,
	created_at BIGINT NOT NULL,
	changed_at BIGINT NOT NULL
);
CREATE INDEX subscription_account ON subscription (account_id, created_at, id);

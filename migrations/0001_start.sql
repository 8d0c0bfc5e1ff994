-- Times are microseconds since 1970, UTC. Durations are microseconds.
-- "BIGINT PRIMARY KEY" becomes SQLite's rowid: see store/migrate.go.

CREATE TABLE account (
	id                        BIGINT PRIMARY KEY,
	name                      TEXT NOT NULL,
	reservations_on           BOOLEAN NOT NULL,
	switch_locked             BOOLEAN NOT NULL,
	-- Switched off with "live holds end now", and some are still to be ended.
	ending                    BOOLEAN NOT NULL DEFAULT FALSE,
	window_us                 BIGINT NOT NULL,
	ceiling_us                BIGINT NOT NULL,
	max_extensions            BIGINT NOT NULL,
	max_held                  BIGINT NOT NULL,
	max_per_reservation       BIGINT NOT NULL,
	cooldown_us               BIGINT NOT NULL,
	limit_window_us           BIGINT NOT NULL,
	limit_ceiling_us          BIGINT NOT NULL,
	limit_max_extensions      BIGINT NOT NULL,
	limit_max_held            BIGINT NOT NULL,
	limit_max_per_reservation BIGINT NOT NULL,
	limit_cooldown_us         BIGINT NOT NULL,
	-- TNs in reservations that were not ended, run out or not: an upper bound that
	-- makes the cap cheap to check.
	held                      BIGINT NOT NULL DEFAULT 0 CHECK (held >= 0),
	created_at                BIGINT NOT NULL
);

-- What the TNs of a thousands-block share. Few rows, many blocks.
CREATE TABLE place (
	id          BIGINT PRIMARY KEY,
	city        TEXT NOT NULL,
	state       TEXT NOT NULL,
	rate_center TEXT NOT NULL,
	lata        TEXT NOT NULL,
	carrier     TEXT NOT NULL,
	UNIQUE (state, city, rate_center, lata, carrier)
);

CREATE TABLE offer (
	id           BIGINT PRIMARY KEY,
	features     TEXT NOT NULL,
	tier         TEXT NOT NULL,
	monthly_cost BIGINT NOT NULL, -- 1/100,000 US dollar
	UNIQUE (features, tier, monthly_cost)
);

-- The inventory: one row per thousands-block, id = E.164 / 1,000.
CREATE TABLE block (
	id       BIGINT PRIMARY KEY,
	place_id BIGINT NOT NULL REFERENCES place (id),
	offer_id BIGINT NOT NULL REFERENCES offer (id),
	members  BYTEA -- 1,000 bits in 16 little-endian 64-bit words; NULL: all of them
);

-- A TN has a row only where it differs from its block.
CREATE TABLE tn_offer (
	tn       BIGINT PRIMARY KEY,
	offer_id BIGINT NOT NULL REFERENCES offer (id)
);

CREATE TABLE tn_state (
	tn         BIGINT PRIMARY KEY,
	state      TEXT NOT NULL CHECK (state IN ('in service', 'aging', 'disabled')),
	account_id BIGINT REFERENCES account (id),
	since      BIGINT NOT NULL,
	until      BIGINT
);

CREATE TABLE reservation (
	seq                BIGINT PRIMARY KEY,
	id                 TEXT NOT NULL UNIQUE,
	account_id         BIGINT NOT NULL REFERENCES account (id),
	state              TEXT NOT NULL CHECK (state IN ('live', 'submitted', 'ordered', 'cancelled', 'expired')),
	created_at         BIGINT NOT NULL,
	expires_at         BIGINT NOT NULL CHECK (expires_at <= limit_at),
	limit_at           BIGINT NOT NULL,
	extensions         BIGINT NOT NULL DEFAULT 0,
	tn_count           BIGINT NOT NULL CHECK (tn_count > 0),
	customer_reference TEXT NOT NULL,
	note               TEXT NOT NULL,
	created_by         TEXT NOT NULL,
	created_by_name    TEXT NOT NULL,
	created_door       TEXT NOT NULL,
	ended_at           BIGINT,
	ended_by           TEXT NOT NULL DEFAULT '',
	ended_by_name      TEXT NOT NULL DEFAULT '',
	ended_door         TEXT NOT NULL DEFAULT '',
	end_reason         TEXT NOT NULL DEFAULT '',
	CHECK ((ended_at IS NULL) = (state IN ('live', 'submitted')))
);

CREATE INDEX reservation_outstanding ON reservation (account_id, expires_at, seq) WHERE ended_at IS NULL;
CREATE INDEX reservation_outstanding_new ON reservation (account_id, seq) WHERE ended_at IS NULL;
CREATE INDEX reservation_due ON reservation (expires_at, seq) WHERE ended_at IS NULL;
CREATE INDEX reservation_ended ON reservation (account_id, ended_at, seq) WHERE ended_at IS NOT NULL;
CREATE INDEX reservation_ended_all ON reservation (ended_at, seq) WHERE ended_at IS NOT NULL;
CREATE INDEX reservation_maker ON reservation (created_by, account_id, expires_at, seq) WHERE ended_at IS NULL;
CREATE INDEX reservation_reference ON reservation (customer_reference, account_id, seq) WHERE customer_reference <> '';

-- One live hold per TN: the primary key is what no race can bend.
CREATE TABLE hold (
	tn          BIGINT PRIMARY KEY,
	reservation BIGINT NOT NULL REFERENCES reservation (seq)
);
CREATE INDEX hold_reservation ON hold (reservation, tn);

CREATE TABLE past_hold (
	tn          BIGINT NOT NULL,
	reservation BIGINT NOT NULL REFERENCES reservation (seq),
	ended_at    BIGINT NOT NULL,
	how         TEXT NOT NULL CHECK (how IN ('ordered', 'cancelled', 'expired')),
	PRIMARY KEY (tn, reservation)
);
CREATE INDEX past_hold_reservation ON past_hold (reservation, tn);

-- The first answer to a request with an idempotency key, for a day.
CREATE TABLE answered (
	account_id  BIGINT NOT NULL REFERENCES account (id),
	key         TEXT NOT NULL,
	content     BYTEA NOT NULL, -- SHA-256 of what was asked
	reservation BIGINT NOT NULL REFERENCES reservation (seq),
	refused     TEXT NOT NULL,  -- JSON
	at          BIGINT NOT NULL,
	PRIMARY KEY (account_id, key)
);
CREATE INDEX answered_at ON answered (at);

-- Everything that happened, in order, each row's hash over itself and the row before.
CREATE TABLE event (
	seq         BIGINT PRIMARY KEY,
	at          BIGINT NOT NULL,
	kind        TEXT NOT NULL,
	account_id  BIGINT NOT NULL, -- 0: none
	reservation BIGINT NOT NULL, -- 0: none
	actor_kind  TEXT NOT NULL,
	actor_id    TEXT NOT NULL,
	actor_name  TEXT NOT NULL,
	actor_role  TEXT NOT NULL,
	door        TEXT NOT NULL,
	addr        TEXT NOT NULL,
	facts       TEXT NOT NULL, -- JSON
	hash        BYTEA NOT NULL
);
CREATE INDEX event_reservation ON event (reservation, seq) WHERE reservation <> 0;

CREATE TABLE person (
	id         TEXT PRIMARY KEY,
	email      TEXT NOT NULL UNIQUE,
	name       TEXT NOT NULL,
	password   TEXT NOT NULL, -- argon2id; '' signs in by link only
	platform   TEXT NOT NULL CHECK (platform IN ('', 'operator', 'support')),
	created_at BIGINT NOT NULL
);

CREATE TABLE membership (
	person_id  TEXT NOT NULL REFERENCES person (id),
	account_id BIGINT NOT NULL REFERENCES account (id),
	role       TEXT NOT NULL CHECK (role IN ('admin', 'support', 'member')),
	PRIMARY KEY (person_id, account_id)
);
CREATE INDEX membership_account ON membership (account_id);

-- Signed-in browsers. The cookie holds a random token, the table its SHA-256.
CREATE TABLE session (
	token      BYTEA PRIMARY KEY,
	person_id  TEXT NOT NULL REFERENCES person (id),
	account_id BIGINT NOT NULL, -- acting for; 0: the platform
	created_at BIGINT NOT NULL,
	seen_at    BIGINT NOT NULL
);
CREATE INDEX session_person ON session (person_id);

-- Links that open a door once (or, in the demo, again and again).
CREATE TABLE link (
	token      BYTEA PRIMARY KEY,
	kind       TEXT NOT NULL CHECK (kind IN ('setup', 'enter')),
	person_id  TEXT REFERENCES person (id),
	reusable   BOOLEAN NOT NULL,
	expires_at BIGINT NOT NULL
);

CREATE TABLE sign_in_failure (
	who TEXT NOT NULL, -- e-mail and address, or address alone
	at  BIGINT NOT NULL
);
CREATE INDEX sign_in_failure_who ON sign_in_failure (who, at);

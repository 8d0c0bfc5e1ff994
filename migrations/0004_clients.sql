-- Programs that ask through the doors, each in one account.
CREATE TABLE client (
	id              TEXT PRIMARY KEY,
	account_id      BIGINT NOT NULL REFERENCES account (id),
	name            TEXT NOT NULL,
	role            TEXT NOT NULL CHECK (role IN ('admin', 'member')),
	username        TEXT NOT NULL UNIQUE,
	created_at      BIGINT NOT NULL,
	created_by_name TEXT NOT NULL,
	expires_at      BIGINT,
	last_used_at    BIGINT,
	revoked_at      BIGINT
);
CREATE INDEX client_account ON client (account_id, created_at);
CREATE UNIQUE INDEX client_name ON client (account_id, name) WHERE revoked_at IS NULL;

-- A client's password and key, made and replaced together; each column is a SHA-256.
CREATE TABLE client_secret (
	client_id     TEXT NOT NULL REFERENCES client (id),
	generation    BIGINT NOT NULL,
	password      BYTEA NOT NULL,
	password_hint TEXT NOT NULL,
	key           BYTEA NOT NULL UNIQUE,
	key_hint      TEXT NOT NULL,
	created_at    BIGINT NOT NULL,
	expires_at    BIGINT, -- the end of a rotation's overlap
	PRIMARY KEY (client_id, generation)
);

-- What tokens are signed with, made once. Without its row no token counts any more.
CREATE TABLE token_key (
	id         BIGINT PRIMARY KEY CHECK (id = 1),
	key        BYTEA NOT NULL,
	created_at BIGINT NOT NULL
);

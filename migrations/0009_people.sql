-- Deactivated people and roles keep their rows; how people sign in and what they chose.
ALTER TABLE person ADD COLUMN off_at BIGINT;
ALTER TABLE person ADD COLUMN zone TEXT NOT NULL DEFAULT '';  -- '': the browser's
ALTER TABLE person ADD COLUMN theme TEXT NOT NULL DEFAULT ''; -- '': the system's
ALTER TABLE person ADD COLUMN sso TEXT;                       -- issuer and subject at the identity provider
CREATE UNIQUE INDEX person_sso ON person (sso) WHERE sso IS NOT NULL;

ALTER TABLE membership ADD COLUMN off_at BIGINT;

-- Its people need a second factor.
ALTER TABLE account ADD COLUMN second_factor BOOLEAN NOT NULL DEFAULT FALSE;

-- Sessions from before have no id to be ended by: their people sign in once more.
DELETE FROM session;
ALTER TABLE session ADD COLUMN id TEXT NOT NULL DEFAULT '';
ALTER TABLE session ADD COLUMN addr TEXT NOT NULL DEFAULT '';
ALTER TABLE session ADD COLUMN browser TEXT NOT NULL DEFAULT '';
-- What is left before it counts: 'code', 'set-up', or '' nothing.
ALTER TABLE session ADD COLUMN step TEXT NOT NULL DEFAULT '';

-- A reset link is one more kind.
ALTER TABLE link RENAME TO link_before;
CREATE TABLE link (
	token      BYTEA PRIMARY KEY,
	kind       TEXT NOT NULL CHECK (kind IN ('setup', 'enter', 'reset')),
	person_id  TEXT REFERENCES person (id),
	reusable   BOOLEAN NOT NULL,
	expires_at BIGINT NOT NULL
);
INSERT INTO link (token, kind, person_id, reusable, expires_at) SELECT token, kind, person_id, reusable, expires_at FROM link_before;
DROP TABLE link_before;

CREATE TABLE invitation (
	id              TEXT PRIMARY KEY,
	token           BYTEA NOT NULL UNIQUE, -- SHA-256
	email           TEXT NOT NULL,
	account_id      BIGINT NOT NULL, -- 0: the platform
	role            TEXT NOT NULL CHECK (role IN ('operator', 'admin', 'support', 'member')),
	created_at      BIGINT NOT NULL,
	created_by_name TEXT NOT NULL,
	expires_at      BIGINT NOT NULL,
	UNIQUE (account_id, email)
);

CREATE TABLE second_factor (
	person_id    TEXT PRIMARY KEY REFERENCES person (id),
	secret       TEXT NOT NULL, -- base32
	confirmed_at BIGINT,        -- NULL: being set up
	last_step    BIGINT NOT NULL -- of the last code taken; none is taken twice
);

CREATE TABLE recovery_code (
	person_id TEXT NOT NULL REFERENCES person (id),
	code      BYTEA NOT NULL, -- SHA-256
	used_at   BIGINT,
	PRIMARY KEY (person_id, code)
);

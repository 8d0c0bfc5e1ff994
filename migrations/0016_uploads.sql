-- Files on their way into the inventory through the pages. Any node shows one and any
-- takes it up; housekeeping removes what nothing happened to for an hour.
CREATE TABLE upload (
	id         TEXT PRIMARY KEY,
	owner      TEXT NOT NULL, -- the person
	name       TEXT NOT NULL, -- of the file
	bytes      BIGINT NOT NULL DEFAULT 0,
	strict     BOOLEAN NOT NULL DEFAULT FALSE,
	fictional  BOOLEAN NOT NULL DEFAULT FALSE,
	state      TEXT NOT NULL, -- reading, preview, running, done, failed, discarded
	touched_at BIGINT NOT NULL,
	report     BYTEA, -- what the file says
	added      BIGINT NOT NULL DEFAULT 0, -- blocks that an import would add, or has added
	changed    BIGINT NOT NULL DEFAULT 0,
	runner     TEXT NOT NULL DEFAULT '', -- of the run under way; another run has another
	done       BIGINT NOT NULL DEFAULT 0 -- blocks
);
CREATE INDEX upload_owner ON upload (owner, touched_at);
CREATE INDEX upload_touched ON upload (touched_at);

-- The text of each, compressed, in pieces.
CREATE TABLE upload_piece (
	upload_id TEXT NOT NULL REFERENCES upload (id) ON DELETE CASCADE,
	piece     BIGINT NOT NULL,
	content   BYTEA NOT NULL,
	PRIMARY KEY (upload_id, piece)
);

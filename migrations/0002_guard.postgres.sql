-- History is only ever added to.
CREATE FUNCTION event_guard() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'events are never %', TG_ARGV[0]; END $$;
CREATE TRIGGER event_no_update BEFORE UPDATE ON event FOR EACH ROW EXECUTE FUNCTION event_guard('changed');
CREATE TRIGGER event_no_delete BEFORE DELETE ON event FOR EACH ROW EXECUTE FUNCTION event_guard('deleted');
CREATE TRIGGER event_no_truncate BEFORE TRUNCATE ON event FOR EACH STATEMENT EXECUTE FUNCTION event_guard('deleted');

-- The transactions that write take turns: each locks this row first.
CREATE TABLE turn (id BIGINT PRIMARY KEY CHECK (id = 1));
INSERT INTO turn (id) VALUES (1);

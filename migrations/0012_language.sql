-- The language that a person chose for the pages; '' is the browser's.
ALTER TABLE person ADD COLUMN language TEXT NOT NULL DEFAULT '';

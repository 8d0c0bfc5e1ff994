-- Up to which event the disk has everything. A change's turn ends before the disk has it;
-- what is committed in here waits for the disk, and so for all that was committed before.
-- Each node writes to one of the rows; the highest number counts.
CREATE TABLE durable (slot BIGINT PRIMARY KEY, seq BIGINT NOT NULL);
INSERT INTO durable (slot, seq) SELECT slot, 0 FROM generate_series(0, 15) AS slots (slot);

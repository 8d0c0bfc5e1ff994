-- Up to which event the disk has everything. A change's turn ends before the disk has it;
-- what is committed in here waits for the disk, and so for all that was committed before.
-- The highest number counts; each node takes its last one away when it adds one. Nothing
-- is updated, so that the highest stays quick to find while somebody reads for hours.
CREATE TABLE durable (seq BIGINT NOT NULL UNIQUE);
INSERT INTO durable (seq) VALUES (0);

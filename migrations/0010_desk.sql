-- The audit trail: an account's part of it, and what is about neither a reservation
-- nor an order, which is a small part and so is found without reading the rest.
CREATE INDEX event_account ON event (account_id, seq);
CREATE INDEX event_other ON event (seq) WHERE reservation = 0 AND order_seq = 0;

-- The support desk finds orders by what customers call them.
CREATE INDEX orders_customer_any ON orders (customer_order_id, seq) WHERE customer_order_id <> '';
CREATE INDEX orders_reference ON orders (reference, seq) WHERE reference <> '';

-- What became of the reservations that an account made on a day, UTC: the events up to
-- report_mark, added up by housekeeping. Account 0 is all accounts together.
CREATE TABLE report_day (
	account_id BIGINT NOT NULL,
	day        BIGINT NOT NULL, -- days since 1970
	reserved   BIGINT NOT NULL,
	tns        BIGINT NOT NULL,
	ordered    BIGINT NOT NULL,
	cancelled  BIGINT NOT NULL,
	expired    BIGINT NOT NULL,
	waits      TEXT NOT NULL, -- JSON: seconds to the order, rounded down, and how many
	PRIMARY KEY (account_id, day)
);
CREATE INDEX report_day_day ON report_day (day, account_id, reserved, tns, ordered);

-- TNs that an account took again after it had held them before.
CREATE TABLE report_repeat (
	account_id BIGINT NOT NULL,
	tn         BIGINT NOT NULL,
	day        BIGINT NOT NULL,
	times      BIGINT NOT NULL,
	PRIMARY KEY (account_id, tn, day)
);
CREATE INDEX report_repeat_sum ON report_repeat (account_id, tn, day, times);

CREATE TABLE report_mark (
	id  BIGINT PRIMARY KEY CHECK (id = 1),
	seq BIGINT NOT NULL -- of the last event that is added up
);

-- Pages of orders begin where an index says, at any depth and by any filter.

-- How many of an order's TNs are toll-free: of a search, all or none.
ALTER TABLE orders ADD COLUMN toll_free BIGINT NOT NULL DEFAULT 0;
UPDATE orders SET toll_free = CASE kind WHEN 'search' THEN CASE WHEN search LIKE '%"Type":"tollfree"%' THEN quantity ELSE 0 END
	ELSE (SELECT COUNT(*) FROM order_tn n WHERE n.order_seq = orders.seq AND n.tn / 10000000 IN (1800, 1833, 1844, 1855, 1866, 1877, 1888)) END;

-- Counted without the orders' rows.
DROP INDEX orders_account;
CREATE INDEX orders_account ON orders (account_id, seq, created_at, kind, state, quantity, completed, toll_free);

-- What most orders are needs no index of its own: the others do, and most orders are
-- in none of these.
CREATE INDEX orders_kind ON orders (account_id, kind, seq, created_at, state) WHERE kind <> 'existing';
CREATE INDEX orders_kind_any ON orders (kind, seq) WHERE kind <> 'existing';
CREATE INDEX orders_state ON orders (account_id, state, seq, created_at, kind, quantity, completed, toll_free) WHERE state <> 'COMPLETE';
CREATE INDEX orders_state_any ON orders (state, seq) WHERE state <> 'COMPLETE';
CREATE INDEX orders_quantity ON orders (account_id, quantity, seq, created_at, kind, state) WHERE quantity <> 1;
CREATE INDEX orders_toll_free ON orders (account_id, seq, created_at, kind, state, quantity, completed, toll_free) WHERE toll_free > 0;
DROP INDEX orders_reference;
CREATE INDEX orders_reference ON orders (reference, seq, account_id, created_at, kind, state, quantity) WHERE reference <> '';

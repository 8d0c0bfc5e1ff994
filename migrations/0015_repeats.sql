-- TNs that an account took again, a day's together: a report over a year adds up as many
-- rows as there are days, and not as there are TNs. Each has "tn times" for each TN,
-- separated by commas; a TN may come more than once.
CREATE TABLE report_again (
	day        BIGINT NOT NULL,
	account_id BIGINT NOT NULL,
	part       BIGINT NOT NULL,
	repeats    TEXT NOT NULL,
	PRIMARY KEY (day, account_id, part)
);
INSERT INTO report_again (day, account_id, part, repeats)
	SELECT day, account_id, 0, string_agg(tn || ' ' || times, ',') FROM report_repeat GROUP BY day, account_id;
DROP TABLE report_repeat;

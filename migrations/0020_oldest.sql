-- The oldest that live, of all accounts: by the table's own key the ended ones before
-- them are walked too.
CREATE INDEX reservation_oldest ON reservation (seq) WHERE ended_at IS NULL;

package store

import (
	"context"

	"tnreserve/store/tel"
)

// sweepAged writes down which TNs have aged: anybody may have them since their time
// came, and their rows are needed no more.
func (s *Store) sweepAged(ctx context.Context) (total int, err error) {
	for {
		// The readers are asked first: an idle server writes nothing.
		var due int
		err := s.read.QueryRowContext(ctx, `SELECT COUNT(*) FROM (SELECT 1 FROM tn_state WHERE until <= $1 LIMIT 1) AS d`, micros(s.Now())).Scan(&due)
		if err != nil || due == 0 {
			return total, err
		}
		n, err := s.sweepSomeAged(ctx)
		if total += n; err != nil || n == 0 {
			return total, err
		}
	}
}

func (s *Store) sweepSomeAged(ctx context.Context) (n int, err error) {
	err = s.change(ctx, tel.System("sweeper"), func(t *tx) error {
		n = 0
		rows, err := t.query(`SELECT tn, COALESCE(account_id, 0) FROM tn_state WHERE until <= $1 ORDER BY until, tn LIMIT $2`, micros(t.now), tnsAtOnce)
		if err != nil {
			return err
		}
		of := map[tel.AccountID][]tel.Number{}
		var accounts []tel.AccountID // in the order of their first TN
		err = eachRow(rows, nil, func(row scanner) error {
			var tn tel.Number
			var account tel.AccountID
			err := row.Scan(&tn, &account)
			if of[account] == nil {
				accounts = append(accounts, account)
			}
			of[account] = append(of[account], tn)
			n++
			return err
		})
		for _, account := range accounts {
			if err == nil {
				err = t.endAging(account, of[account])
			}
		}
		return err
	})
	return n, err
}

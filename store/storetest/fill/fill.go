// Package fill puts rows into a database for measurements that would take hours through
// the service. The rows are the inventory's state alone, without the events that tell of
// it: nothing but the shelf is to be loaded from such a database.
package fill

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // a driver
	_ "modernc.org/sqlite"             // the other

	"tnreserve/store/tel"
)

// Country puts so many TNs of each block into service, and holds so many others in
// reservations of one TN, which run out over a day. It answers how many rows it made.
func Country(ctx context.Context, db string, account tel.AccountID, now time.Time, inService, held int) (served, holds int64, err error) {
	driver, name := "sqlite", "file:"+db+"?_pragma=busy_timeout(5000)&_pragma=journal_mode(WAL)"
	if strings.HasPrefix(db, "postgres") {
		driver, name = "pgx", db
	}
	conn, err := sql.Open(driver, name)
	if err != nil {
		return 0, 0, err
	}
	defer conn.Close()
	tx, err := conn.BeginTx(ctx, nil)
	if err != nil {
		return 0, 0, err
	}
	defer tx.Rollback()
	run := func(statement string) (n int64) {
		if err == nil {
			var done sql.Result
			if done, err = tx.ExecContext(ctx, statement); err == nil {
				n, err = done.RowsAffected()
			}
		}
		return n
	}
	at := now.UnixMicro()
	served = run(fmt.Sprintf(`INSERT INTO tn_state (tn, state, account_id, since) SELECT b.id * 1000 + d.n, 'in service', %d, %d FROM block b CROSS JOIN (%s) AS d`, account, at, numbers(0, inService)))
	run(fmt.Sprintf(`INSERT INTO reservation (seq, id, account_id, state, created_at, expires_at, limit_at, tn_count, customer_reference, note, created_by, created_by_name, created_door)
		SELECT b.id * 1000 + d.n, '00000000-0000-4000-8000-0' || CAST(b.id * 1000 + d.n AS TEXT), %d, 'live', %d, %d + b.id %% 1440 * 60000000, %d, 1, '', '', 'fill', 'fill', 'bench' FROM block b CROSS JOIN (%s) AS d`,
		account, at, now.Add(time.Hour).UnixMicro(), now.Add(48*time.Hour).UnixMicro(), numbers(500, held)))
	holds = run(`INSERT INTO hold (tn, reservation) SELECT seq, seq FROM reservation WHERE created_by = 'fill'`)
	if err != nil {
		return 0, 0, err
	}
	return served, holds, tx.Commit()
}

// numbers is a table of so many numbers.
func numbers(from, n int) string {
	rows := make([]string, n)
	for i := range rows {
		rows[i] = fmt.Sprintf("SELECT %d AS n", from+i)
	}
	return strings.Join(rows, " UNION ALL ")
}

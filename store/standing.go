package store

import (
	"database/sql"
	"errors"

	"tnreserve/store/tel"
)

// standing is a TN's, with what the clock has ended on it and nobody wrote down yet.
type standing struct {
	tel.TNStanding
	tn   tel.Number
	over *tel.Reservation // its hold ran out
	aged tel.AccountID    // it has aged away from this account
}

// standing reads what a TN of the inventory is now: by the rows, and where they run
// out by the clock.
func (t *tx) standing(tn tel.Number) (standing, error) {
	if err := t.flushReserved(); err != nil {
		return standing{}, err
	}
	return t.settledStanding(tn)
}

// settledStanding leaves the reservations aside that this transaction made and has
// not written yet.
func (t *tx) settledStanding(tn tel.Number) (standing, error) {
	_, st, err := t.scanStanding(t.settledRow(standingSQL(`= $1`), int64(tn)))
	if errors.Is(err, sql.ErrNoRows) {
		st, err = available(tn), nil
	}
	st.tn = tn
	return st, err
}

func available(tn tel.Number) standing {
	return standing{tn: tn, TNStanding: tel.TNStanding{State: tel.TNAvailable}}
}

// standings reads what many TNs are now. Those that are not in the inventory are left
// out.
func (t *tx) standings(tns []tel.Number) (map[tel.Number]standing, error) {
	out := make(map[tel.Number]standing, len(tns))
	for _, tn := range tns {
		if _, _, known := t.store.shelf.Has(tn); known {
			out[tn] = available(tn)
		}
	}
	err := inBites(keys(tns), func(in string, some []any) error {
		rows, err := t.query(standingSQL(in), some...)
		return eachRow(rows, err, func(row scanner) error {
			tn, st, err := t.scanStanding(row)
			if _, known := out[tn]; known {
				out[tn] = st
			}
			return err
		})
	})
	return out, err
}

// standingSQL asks for what is written of TNs; one of which nothing is, is available.
func standingSQL(which string) string {
	return `SELECT h.tn, r.seq, r.id, r.account_id, r.state, r.expires_at, r.created_by, '', 0, NULL FROM hold h JOIN reservation r ON r.seq = h.reservation WHERE h.tn ` + which + `
		UNION ALL SELECT s.tn, 0, '', 0, '', 0, '', s.state, COALESCE(s.account_id, 0), s.until FROM tn_state s WHERE s.tn ` + which
}

func (t *tx) scanStanding(row scanner) (tel.Number, standing, error) {
	var tn tel.Number
	var r tel.Reservation
	var kept tel.TNStanding
	err := row.Scan(&tn, &r.Seq, &r.ID, &r.Account, (*string)(&r.State), (*micros)(&r.ExpiresAt), &r.CreatedBy.ID, (*string)(&kept.State), &kept.Account, (*micros)(&kept.Until))
	st := available(tn)
	switch {
	case err != nil:
	case kept.State == tel.TNAging && !kept.Until.IsZero() && !kept.Until.After(t.now):
		st.aged = kept.Account
	case kept.State != "":
		st.TNStanding = kept
	case r.StateAt(t.now) == tel.StateExpired:
		st.over = &r
	default:
		st.TNStanding = tel.TNStanding{State: tel.TNReserved, Account: r.Account, Reservation: &r}
	}
	return tn, st, err
}

// writeDown notes what the clock has ended on TNs that are about to be taken.
func (t *tx) writeDown(tns []standing) error {
	done := map[int64]bool{}
	aged := map[tel.AccountID][]tel.Number{}
	var accounts []tel.AccountID // in the order of their first TN
	for _, st := range tns {
		switch {
		case st.aged != 0:
			if aged[st.aged] == nil {
				accounts = append(accounts, st.aged)
			}
			aged[st.aged] = append(aged[st.aged], st.tn)
		case st.over != nil && !done[st.over.Seq]:
			if err := t.expireNow(st.over.Seq); err != nil {
				return err
			}
			done[st.over.Seq] = true
		}
	}
	for _, account := range accounts {
		if err := t.endAging(account, aged[account]); err != nil {
			return err
		}
	}
	return nil
}

// endAging writes down that TNs have aged away from their last holder.
func (t *tx) endAging(account tel.AccountID, tns []tel.Number) error {
	if err := t.execEach(keys(tns), `DELETE FROM tn_state WHERE state = 'aging' AND until <= %s AND tn`, micros(t.now)); err != nil {
		return err
	}
	return t.asClock(func() error {
		t.event(tel.EventAged, account, 0, tel.Facts{TNs: tns})
		return nil
	})
}

// asClock does what time has decided: the event is the house's, whoever's change it
// is in.
func (t *tx) asClock(fn func() error) error {
	who := t.actor
	defer func() { t.actor = who }()
	t.actor = tel.System("clock")
	return fn()
}

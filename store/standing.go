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
	st := standing{tn: tn, TNStanding: tel.TNStanding{State: tel.TNAvailable}}
	var r tel.Reservation
	var kept tel.TNStanding
	err := t.settledRow(`SELECT r.seq, r.id, r.account_id, r.state, r.expires_at, r.created_by, '', 0, NULL FROM hold h JOIN reservation r ON r.seq = h.reservation WHERE h.tn = $1
		UNION ALL SELECT 0, '', 0, '', 0, '', s.state, COALESCE(s.account_id, 0), s.until FROM tn_state s WHERE s.tn = $1`, int64(tn)).
		Scan(&r.Seq, &r.ID, &r.Account, (*string)(&r.State), (*micros)(&r.ExpiresAt), &r.CreatedBy.ID, (*string)(&kept.State), &kept.Account, (*micros)(&kept.Until))
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return st, nil
	case err != nil:
		return st, err
	case kept.State == tel.TNAging && !kept.Until.IsZero() && !kept.Until.After(t.now):
		st.aged = kept.Account
	case kept.State != "":
		st.TNStanding = kept
	case r.StateAt(t.now) == tel.StateExpired:
		st.over = &r
	default:
		st.TNStanding = tel.TNStanding{State: tel.TNReserved, Account: r.Account, Reservation: &r}
	}
	return st, nil
}

// writeDown notes what the clock has ended on TNs that are about to be taken.
func (t *tx) writeDown(tns []standing) error {
	done := map[int64]bool{}
	for _, st := range tns {
		switch {
		case st.aged != 0:
			if err := t.endAging(st.aged, []tel.Number{st.tn}); err != nil {
				return err
			}
		case st.over != nil && !done[st.over.Seq]:
			if err := t.expireNow(st.over.Seq); err != nil {
				return err
			}
			done[st.over.Seq] = true
		}
	}
	return nil
}

// endAging writes down that TNs have aged away from their last holder.
func (t *tx) endAging(account tel.AccountID, tns []tel.Number) error {
	for _, tn := range tns {
		n, err := t.exec(`DELETE FROM tn_state WHERE tn = $1 AND state = 'aging' AND until <= $2`, int64(tn), micros(t.now))
		if err := oneRow(n, err); err != nil {
			return err
		}
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

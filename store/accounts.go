package store

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"time"

	"tnreserve/store/tel"
)

// accountRow is an account as a transaction holds it: read once, its counter
// written back once.
type accountRow struct {
	tel.Account
	counted      int // the held column: TNs of all reservations not ended, run out or not
	countChanged bool
	endpoints    int // where it wants to be told, paused and expired ones too
}

const accountColumns = `id, name, reservations_on, switch_locked, window_us, ceiling_us, max_extensions, max_held, max_per_reservation, cooldown_us,
	limit_window_us, limit_ceiling_us, limit_max_extensions, limit_max_held, limit_max_per_reservation, limit_cooldown_us, aging_us, held, created_at, endpoints, expiring_us, max_share, limit_max_share, working`

func scanAccount(row scanner) (*accountRow, error) {
	var a accountRow
	var p, l [3]int64 // window, ceiling, cool-down
	var aging, notice int64
	var created micros
	err := row.Scan(&a.ID, &a.Name, &a.ReservationsOn, &a.SwitchLocked,
		&p[0], &p[1], &a.Policy.MaxExtensions, &a.Policy.MaxHeld, &a.Policy.MaxPerReservation, &p[2],
		&l[0], &l[1], &a.Limits.MaxExtensions, &a.Limits.MaxHeld, &a.Limits.MaxPerReservation, &l[2],
		&aging, &a.counted, &created, &a.endpoints, &notice, &a.Policy.MaxShare, &a.Limits.MaxShare, &a.Working)
	a.Aging, a.ExpiringNotice = fromMicros(aging), fromMicros(notice)
	a.Policy.Window, a.Policy.Ceiling, a.Policy.CoolDown = fromMicros(p[0]), fromMicros(p[1]), fromMicros(p[2])
	a.Limits.Window, a.Limits.Ceiling, a.Limits.CoolDown = fromMicros(l[0]), fromMicros(l[1]), fromMicros(l[2])
	a.CreatedAt = time.Time(created)
	return &a, err
}

func fromMicros(us int64) time.Duration { return time.Duration(us) * time.Microsecond }

func policyArgs(p tel.Policy) []any {
	return []any{p.Window.Microseconds(), p.Ceiling.Microseconds(), p.MaxExtensions, p.MaxHeld, p.MaxPerReservation, p.CoolDown.Microseconds(), p.MaxShare}
}

// account reads an account once per transaction. What it says holds until the
// commit: the switch is read inside the change.
func (t *tx) account(id tel.AccountID) (*accountRow, error) {
	if a, ok := t.accounts[id]; ok {
		return a, nil
	}
	a, err := scanAccount(t.settledRow(`SELECT `+accountColumns+` FROM account WHERE id = $1`, int64(id)))
	if errors.Is(err, sql.ErrNoRows) {
		return nil, tel.NotFound()
	}
	if err != nil {
		return nil, err
	}
	t.accounts[id] = a
	return a, nil
}

// count moves the account's counter of TNs in reservations that are not ended, work that
// of TNs in service.
func (a *accountRow) count(tns int) {
	a.counted += tns
	a.countChanged = true
}

func (a *accountRow) work(tns int) {
	a.Working += tns
	a.countChanged = true
}

func (t *tx) flushAccounts() error {
	for id, a := range t.accounts {
		if !a.countChanged {
			continue
		}
		if _, err := t.exec(`UPDATE account SET held = $1, working = $2 WHERE id = $3`, a.counted, a.Working, int64(id)); err != nil {
			return err
		}
	}
	return nil
}

// unsweptSQL sums the TNs of reservations that ran out and that the sweeper has not
// ended yet: the counter less these is what the account really holds.
const unsweptSQL = `SELECT COALESCE(SUM(tn_count), 0) FROM reservation WHERE account_id = $1 AND ended_at IS NULL AND expires_at <= $2`

// held is how many TNs the account holds now. The exact figure is asked for only
// where the counter, an upper bound, would refuse.
func (t *tx) held(a *accountRow, more int) (int, error) {
	if a.counted+more <= a.MayHold() {
		return a.counted, nil
	}
	var unswept int
	err := t.row(unsweptSQL, int64(a.ID), micros(t.now)).Scan(&unswept)
	return a.counted - unswept, err
}

// CreateAccount makes an account. CodeConflict when the number is taken.
func (s *Store) CreateAccount(ctx context.Context, actor tel.Actor, a tel.Account) error {
	name, err := tel.CleanText("name", a.Name, tel.MaxName)
	switch {
	case err != nil:
		return err
	case name == "":
		return tel.Invalid("name", "An account needs a name.")
	case a.ID < 1 || a.ID > tel.LastAccountID:
		return tel.Invalid("id", "An account number is 1 to 12 digits.")
	}
	a.Aging = cmp.Or(a.Aging, tel.DefaultAging).Truncate(time.Microsecond) // what the database keeps
	if err := errors.Join(a.Policy.Check(), a.Limits.Check(), tel.CheckAging(a.Aging)); err != nil {
		return err
	}
	return s.change(ctx, actor, func(t *tx) error {
		if err := actor.Require(tel.ActManageAccounts, a.ID); err != nil {
			return err
		}
		if _, err := t.account(a.ID); err == nil {
			return tel.Refuse(tel.CodeConflict, "Account %s exists already.", a.ID)
		} else if tel.CodeOf(err) != tel.CodeNotFound {
			return err
		}
		args := append([]any{int64(a.ID), name, a.ReservationsOn, a.SwitchLocked}, policyArgs(a.Policy)...)
		args = append(append(args, policyArgs(a.Limits)...), a.Aging.Microseconds(), micros(t.now))
		t.event(tel.EventAccountCreated, a.ID, 0, tel.Facts{After: map[string]any{"name": name, "on": a.ReservationsOn, "locked": a.SwitchLocked, "policy": a.Policy, "limits": a.Limits, "aging": a.Aging}})
		return t.insertRows(`INSERT INTO account (id, name, reservations_on, switch_locked, window_us, ceiling_us, max_extensions, max_held, max_per_reservation, cooldown_us, max_share,
			limit_window_us, limit_ceiling_us, limit_max_extensions, limit_max_held, limit_max_per_reservation, limit_cooldown_us, limit_max_share, aging_us, created_at) VALUES `, 20, args)
	})
}

// Live says what becomes of live holds when reservation is switched off.
type Live bool

// The choices when switching off.
const (
	LiveKeep Live = false // they run to their expiry
	LiveEnd  Live = true  // they end now
)

// SwitchReservations turns reservation on or off for an account, from this change
// on: a reserve that is under way is judged after it. With LiveEnd every live hold
// is cancelled: a few hundred in the same change, the rest in changes of their own
// so that nobody else waits, and by the sweeper if this process should die. It
// answers how many reservations ended.
func (s *Store) SwitchReservations(ctx context.Context, actor tel.Actor, id tel.AccountID, on bool, live Live) (ended int, err error) {
	err = s.change(ctx, actor, func(t *tx) error {
		ended = 0
		a, err := t.accountFor(tel.ActSwitch, id)
		if err != nil {
			return err
		}
		if a.SwitchLocked && !actor.May(tel.ActLockSwitch, id) {
			return tel.Refuse(tel.CodeSwitchLocked, "An operator has locked this switch.")
		}
		if a.ReservationsOn == on && (on || live == LiveKeep) {
			return nil
		}
		if _, err := t.exec(`UPDATE account SET reservations_on = $1, ending = $2 WHERE id = $3`, on, !on && live == LiveEnd, int64(id)); err != nil {
			return err
		}
		t.event(tel.EventSwitched, id, 0, tel.Facts{Before: a.ReservationsOn, After: on, Reason: switchReason(on, live)})
		a.ReservationsOn = on
		if !on && live == LiveEnd {
			ended, err = t.endSwitchedOff(a)
		}
		return err
	})
	for more := ended; err == nil && more > 0; ended += more {
		more, err = s.endSwitchedOff(ctx, actor, id)
	}
	return ended, err
}

func switchReason(on bool, live Live) string {
	switch {
	case on:
		return ""
	case live == LiveEnd:
		return "live holds end now"
	}
	return "live holds run to their expiry"
}

// accountFor reads an account that the actor has an action on.
func (t *tx) accountFor(act tel.Action, id tel.AccountID) (*accountRow, error) {
	if err := t.actor.Require(act, id); err != nil {
		return nil, err
	}
	return t.account(id)
}

// LockSwitch keeps an account's own admins from turning the switch, or lets them.
func (s *Store) LockSwitch(ctx context.Context, actor tel.Actor, id tel.AccountID, locked bool) error {
	return s.change(ctx, actor, func(t *tx) error {
		a, err := t.accountFor(tel.ActLockSwitch, id)
		if err != nil || a.SwitchLocked == locked {
			return err
		}
		if _, err := t.exec(`UPDATE account SET switch_locked = $1 WHERE id = $2`, locked, int64(id)); err != nil {
			return err
		}
		t.event(tel.EventLocked, id, 0, tel.Facts{Before: a.SwitchLocked, After: locked})
		a.SwitchLocked = locked
		return nil
	})
}

// SetPolicy changes how an account may reserve; holds that live keep their times.
// The account's own admins stay within its limits.
func (s *Store) SetPolicy(ctx context.Context, actor tel.Actor, id tel.AccountID, p tel.Policy) error {
	if err := p.Check(); err != nil {
		return err
	}
	return s.change(ctx, actor, func(t *tx) error {
		a, err := t.accountFor(tel.ActSetPolicy, id)
		if err != nil {
			return err
		}
		if !actor.May(tel.ActLockSwitch, id) {
			if err := p.Within(a.Limits); err != nil {
				return err
			}
		}
		if a.Policy == p {
			return nil
		}
		if _, err := t.exec(`UPDATE account SET window_us = $1, ceiling_us = $2, max_extensions = $3, max_held = $4, max_per_reservation = $5, cooldown_us = $6, max_share = $7 WHERE id = $8`,
			append(policyArgs(p), int64(id))...); err != nil {
			return err
		}
		t.event(tel.EventPolicy, id, 0, tel.Facts{Before: a.Policy, After: p})
		a.Policy = p
		return nil
	})
}

// SetLimits changes how far an account's own admins may go. The policy in force
// stays as it is.
func (s *Store) SetLimits(ctx context.Context, actor tel.Actor, id tel.AccountID, l tel.Policy) error {
	if err := l.Check(); err != nil {
		return err
	}
	return s.change(ctx, actor, func(t *tx) error {
		a, err := t.accountFor(tel.ActLockSwitch, id)
		if err != nil || a.Limits == l {
			return err
		}
		if _, err := t.exec(`UPDATE account SET limit_window_us = $1, limit_ceiling_us = $2, limit_max_extensions = $3, limit_max_held = $4, limit_max_per_reservation = $5, limit_cooldown_us = $6, limit_max_share = $7 WHERE id = $8`,
			append(policyArgs(l), int64(id))...); err != nil {
			return err
		}
		t.event(tel.EventPolicy, id, 0, tel.Facts{Subject: "limits", Before: a.Limits, After: l})
		a.Limits = l
		return nil
	})
}

// SetAging changes how long TNs that the account disconnects from now on rest before
// others may have them. Only an operator may.
func (s *Store) SetAging(ctx context.Context, actor tel.Actor, id tel.AccountID, aging time.Duration) error {
	if err := tel.CheckAging(aging); err != nil {
		return err
	}
	aging = aging.Truncate(time.Microsecond) // what the database keeps
	return s.change(ctx, actor, func(t *tx) error {
		a, err := t.accountFor(tel.ActManageInventory, id)
		if err != nil || a.Aging == aging {
			return err
		}
		if _, err := t.exec(`UPDATE account SET aging_us = $1 WHERE id = $2`, aging.Microseconds(), int64(id)); err != nil {
			return err
		}
		t.event(tel.EventPolicy, id, 0, tel.Facts{Subject: "aging", Before: a.Aging, After: aging})
		a.Aging = aging
		return nil
	})
}

// Account reads one account with what it holds now.
func (s *Store) Account(ctx context.Context, actor tel.Actor, id tel.AccountID) (*tel.Account, error) {
	if !actor.Sees(id) {
		return nil, tel.NotFound()
	}
	a, err := scanAccount(s.read.QueryRowContext(ctx, `SELECT `+accountColumns+` FROM account WHERE id = $1`, int64(id)))
	if errors.Is(err, sql.ErrNoRows) {
		return nil, tel.NotFound()
	}
	if err != nil {
		return nil, err
	}
	return s.holding(ctx, a)
}

// holding fills in how many TNs the account really holds now.
func (s *Store) holding(ctx context.Context, a *accountRow) (*tel.Account, error) {
	var unswept int
	if err := s.read.QueryRowContext(ctx, unsweptSQL, int64(a.ID), micros(s.Now())).Scan(&unswept); err != nil {
		return nil, err
	}
	a.Held = a.counted - unswept
	return &a.Account, nil
}

// Accounts lists the accounts that the actor sees, by name.
func (s *Store) Accounts(ctx context.Context, actor tel.Actor) ([]*tel.Account, error) {
	rows, err := s.read.QueryContext(ctx, `SELECT `+accountColumns+`, (SELECT COALESCE(SUM(tn_count), 0) FROM reservation WHERE account_id = account.id AND ended_at IS NULL AND expires_at <= $3)
		FROM account WHERE $1 OR id = $2 ORDER BY name, id`, actor.Sees(0), int64(actor.Account), micros(s.Now()))
	if err != nil {
		return nil, err
	}
	return collect(rows, func(row scanner) (*tel.Account, error) {
		var unswept int
		a, err := scanAccount(withMore{row, []any{&unswept}})
		a.Held = a.counted - unswept
		return &a.Account, err
	})
}

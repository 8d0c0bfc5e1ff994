package web

import (
	"encoding/hex"
	"encoding/json"
	"net/http"

	"tnreserve/store"
	"tnreserve/store/tel"
	"tnreserve/views"
)

// audit is the audit trail: everything for operators, their account's for admins, one
// thing's at a time for support.
func (v *visit) audit() error {
	q, f, err := v.readAudit()
	if err != nil {
		return err
	}
	page := views.Audit{Self: v.self(), Filter: f, WithAccount: v.actor.Sees(0), OneThing: v.actor.Role == tel.RoleSupport}
	if page.OneThing && f.About == "" {
		return v.render(http.StatusOK, views.AuditPage(v.shell(), page))
	}
	if len(f.Errors) == 0 {
		err := v.fillAudit(&page, q)
		if fields, ok := v.fieldErrors(err); ok && fields["cursor"] == "" {
			page.Filter.Errors = fields
		} else if err != nil {
			return err
		}
	}
	status := http.StatusOK
	if len(page.Filter.Errors) > 0 {
		status = http.StatusUnprocessableEntity
	}
	return v.render(status, views.AuditPage(v.shell(), page))
}

// readAudit reads the filters of an address. Every field that is wrong is told at once.
func (v *visit) readAudit() (store.AuditQuery, views.AuditFilter, error) {
	q := store.AuditQuery{Kind: v.query("kind"), Actor: v.query("actor"), About: v.query("about"), Cursor: v.query("cursor"), Limit: listPage}
	f := views.AuditFilter{Kind: q.Kind, Actor: q.Actor, About: q.About, From: v.query("from"), To: v.query("to"), Kinds: store.Families(), Errors: map[string]string{}}
	if !v.actor.Can(tel.ActReadEvents) {
		return q, f, tel.Forbidden(tel.ActReadEvents)
	}
	var err error
	if q.From, err = parseDay("from", f.From); err != nil {
		f.Errors["from"] = err.Error()
	}
	if q.To, err = parseDay("to", f.To); err != nil {
		f.Errors["to"] = err.Error()
	} else if !q.To.IsZero() {
		if q.To = q.To.AddDate(0, 0, 1); !q.From.Before(q.To) {
			f.Errors["to"] = "The end is before the beginning."
		}
	}
	if q.Account, f.Accounts, err = v.accountFilter(v.r.URL.Query(), v.actor.Account); err != nil {
		return q, f, err
	}
	if f.From+f.To+f.Kind+f.Actor+f.About+v.query("account") != "" {
		f.Clear = "/audit"
	}
	return q, f, nil
}

func (v *visit) fillAudit(page *views.Audit, q store.AuditQuery) error {
	out, err := v.store.Audit(v.r.Context(), v.actor, q)
	if err != nil {
		return err
	}
	for _, e := range out.Rows {
		row, err := auditRow(e)
		if err != nil {
			return err
		}
		page.Rows = append(page.Rows, row)
	}
	values := v.r.URL.Query()
	page.Summary, page.Reached = tel.Plural(len(page.Rows), "event"), out.Reached
	if out.Next != "" {
		page.Next = with("/audit", values, "cursor", out.Next)
	}
	if q.Cursor != "" {
		page.First = with("/audit", values, "cursor", "")
	}
	if !page.OneThing {
		page.Export = with("/audit.csv", values, "cursor", "")
	}
	return nil
}

func auditRow(e store.AuditEntry) (views.AuditRow, error) {
	row := views.AuditRow{Event: *e.Event, AccountName: e.AccountName, ReservationID: e.ReservationID, OrderID: e.OrderID, Hash: hex.EncodeToString(e.Hash[:])}
	var err error
	if row.Before, err = factText(e.Facts.Before); err == nil {
		row.After, err = factText(e.Facts.After)
	}
	return row, err
}

// factText is what was before or after, as it is kept.
func factText(fact any) (string, error) {
	if fact == nil {
		return "", nil
	}
	b, err := json.MarshalIndent(fact, "", "  ")
	return string(b), err
}

// auditCSV exports the audit trail with its filters, as it streams.
func (v *visit) auditCSV() error {
	q, f, err := v.readAudit()
	if err != nil {
		return err
	}
	for _, field := range []string{"from", "to"} {
		if text := f.Errors[field]; text != "" {
			return tel.Invalid(field, "%s", text)
		}
	}
	q.Cursor = ""
	header := head("number", "at", "event", "account", "account_name", "reservation_id", "order_id", "tns", "subject", "reason", "before", "after",
		"actor_kind", "actor_id", "actor_name", "actor_role", "door", "address", "hash")
	return v.download("audit", "csv", header, func(write writeRow) error {
		return v.store.EachAudit(v.r.Context(), v.actor, q, func(e store.AuditEntry) error {
			cells, err := auditCells(e)
			if err != nil {
				return err
			}
			return write(cells...)
		})
	})
}

func auditCells(e store.AuditEntry) ([]any, error) {
	tns := ""
	for i, tn := range e.Facts.TNs {
		if i > 0 {
			tns += " "
		}
		tns += tn.Digits()
	}
	before, err := compact(e.Facts.Before)
	if err != nil {
		return nil, err
	}
	after, err := compact(e.Facts.After)
	account := ""
	if e.Account != 0 {
		account = e.Account.String()
	}
	return []any{e.Seq, e.At, string(e.Kind), account, e.AccountName, e.ReservationID, e.OrderID, tns, e.Facts.Subject, e.Facts.Reason, before, after,
		string(e.Actor.Kind), e.Actor.ID, e.Actor.Name, string(e.Actor.Role), e.Actor.Door, e.Actor.Addr, hex.EncodeToString(e.Hash[:])}, err
}

func compact(fact any) (string, error) {
	if fact == nil {
		return "", nil
	}
	b, err := json.Marshal(fact)
	return string(b), err
}

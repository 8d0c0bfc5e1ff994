package store_test

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tnreserve/store"
	"tnreserve/store/storetest"
	"tnreserve/store/tel"
)

// installation is a database with rows in every table.
func installation(t *testing.T) *storetest.Store {
	s := history(t)
	earlier(t, s)
	person(t, s, "ada@acme.example", tel.RoleAdmin, acme)
	must[*store.Session](t)(s.SignIn(ctx, "ada@acme.example", password, store.Caller{Addr: from}))
	_, _ = s.SignIn(ctx, "ada@acme.example", "wrong password", store.Caller{Addr: from})
	must[string](t)(s.NewEnterLink(ctx, tel.System("cli"), "ada@acme.example", time.Hour, false))
	made := client(t, s, acme, "Shop", 0)
	issue(t, s, made.ID)
	req := ask(acme, raleigh(1500))
	req.IdempotencyKey = "once"
	must[tel.Reserved](t)(s.Reserve(ctx, admin, req))
	site := must[tel.Site](t)(s.CreateSite(ctx, admin, acme, tel.Site{Name: "Ümläut ☎"}))
	must[tel.SIPPeer](t)(s.CreateSIPPeer(ctx, admin, acme, tel.SIPPeer{Site: site.ID, Name: "Peer", Default: true}))
	bring(t, s.Store, "start,end,state,city,monthly_cost\n9195555000,9195555499,NC,Raleigh,2.00\n9195552000,9195552000,NC,Raleigh,9.00\n")
	noneEmpty(t, s)
	return s
}

// earlier is what people, buyers, receivers and the house did.
func earlier(t *testing.T, s *storetest.Store) {
	withFactor(t, s, "eve@acme.example")
	invite(t, s, operator, "new@acme.example", tel.RoleMember, acme)
	withCheckout(t, s)
	bought := linkTo(t, s, admin, reserve(t, s, admin, raleigh(1510)))
	accept(t, s, bought, tel.PurchasePaying)
	o := order(t, s, admin, raleigh(1511))
	must[*tel.OrderNote](t)(s.AddOrderNote(ctx, admin, o.ID, "Grüße", "key of the note"))
	again := reserve(t, s, admin, raleigh(1512))
	must[*tel.Reservation](t)(s.Cancel(ctx, admin, again.ID, "=1+1"))
	reserve(t, s, admin, raleigh(1512))
	program := client(t, s, acme, "Uses", 0)
	must[tel.Actor](t)(s.ClientByPassword(ctx, program.Username, program.Password, from))
	hooked := endpoint(t, s, acme)
	reserve(t, s, admin, raleigh(1513))
	attempt(t, s, due(t, s, hooked.ID)[0], 500)
	must[string](t)(s.WebhookPublicKey(ctx))
	s.Clock.Add(3*time.Hour + 55*time.Minute)
	must[store.Swept](t)(s.Sweep(ctx))
}

// noneEmpty keeps tables that come later from being left out of what is copied here.
// Uploads are not copied.
func noneEmpty(t *testing.T, s *storetest.Store) {
	t.Helper()
	db := file(t, s.Path)
	rows, err := db.Query(`SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' AND name NOT LIKE 'upload%'`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var names []string
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			t.Fatal(err)
		}
		names = append(names, name)
	}
	for _, name := range names {
		if count(t, db, `SELECT COUNT(*) FROM `+name) == 0 {
			t.Errorf("table %s is empty", name)
		}
	}
}

// works does with a copy what one does with a database.
func works(t *testing.T, path string, s *storetest.Store) *store.Store {
	t.Helper()
	copied, err := store.Open(ctx, store.Config{DB: path, Now: s.Clock.Now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { copied.Close() })
	checked(t, copied)
	return copied
}

func TestPostgresCopyThereAndBack(t *testing.T) {
	p := storetest.Postgres(t)
	s := installation(t)
	there := p.CreateEmpty(t)
	first, err := store.Copy(ctx, s.Path, there, nil)
	if err != nil {
		t.Fatal(err)
	}
	node := works(t, there, s)
	r := must[tel.Reserved](t)(node.Reserve(ctx, admin, ask(acme, raleigh(1600)))) // numbers go on
	must[*tel.Order](t)(node.PlaceOrder(ctx, rival, orderOf(globex, raleigh(1601))))
	bring(t, node, "npa,nxx,x,city,state\n919,888,1,Elsewhere,NC\n")
	checked(t, node)
	node.Close()
	back := filepath.Join(t.TempDir(), "back.db")
	var told int64
	second, err := store.Copy(ctx, there, back, func(done, total int64) { told = done * 100 / total })
	if err != nil || second.Rows <= first.Rows || told != 100 {
		t.Fatal(err, first, second, told)
	}
	file := works(t, back, s)
	must[*tel.Reservation](t)(file.Cancel(ctx, admin, r.Reservation.ID, ""))
	checked(t, file)
	_, err = store.Copy(ctx, s.Path, back, nil)
	if e := code(t, err, tel.CodeConflict); !strings.Contains(e.Message, "in use") {
		t.Error(e)
	}
	_, err = store.Copy(ctx, back, back, nil)
	code(t, err, tel.CodeInvalid)
}

// A copy that was interrupted anywhere goes on from there; meanwhile nobody serves from
// the half of it.
func TestPostgresCopyInterrupted(t *testing.T) {
	p := storetest.Postgres(t)
	s := installation(t)
	for name, to := range map[string]string{"PostgreSQL": p.CreateEmpty(t), "SQLite": filepath.Join(t.TempDir(), "copy.db")} {
		for after := int64(0); ; after += 20 {
			cut, stop := context.WithCancel(ctx)
			out, err := store.Copy(cut, s.Path, to, func(done, _ int64) {
				if done > after {
					stop()
				}
			})
			stop()
			if err == nil {
				if out.Before == 0 {
					t.Errorf("%s: nothing was there before: %+v", name, out)
				}
				break
			}
			if !errors.Is(err, context.Canceled) {
				t.Fatal(name, err)
			}
			_, err = store.Open(ctx, store.Config{DB: to, Now: s.Clock.Now})
			if e := code(t, err, tel.CodeInvalid); !strings.Contains(e.Message, "interrupted") {
				t.Fatal(name, e)
			}
			_, err = store.Copy(ctx, to, filepath.Join(t.TempDir(), "half.db"), nil)
			if e := code(t, err, tel.CodeInvalid); !strings.Contains(e.Message, "interrupted") {
				t.Fatal(name, e)
			}
		}
		works(t, to, s)
	}
}

// Of a source that went on meanwhile no mixture is made.
func TestPostgresCopyOfAnother(t *testing.T) {
	p := storetest.Postgres(t)
	s := installation(t)
	to := p.CreateEmpty(t)
	cut, stop := context.WithCancel(ctx)
	_, err := store.Copy(cut, s.Path, to, func(int64, int64) { stop() })
	if !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	reserve(t, s, admin, raleigh(1700))
	_, err = store.Copy(ctx, s.Path, to, nil)
	if e := code(t, err, tel.CodeConflict); !strings.Contains(e.Message, "has changed") {
		t.Error(e)
	}
}

package main

import (
	"bytes"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"slices"
	"time"

	"tnreserve/store"
	"tnreserve/store/intake"
	"tnreserve/store/tel"
)

// The demo: an inventory of 1.3 million TNs over real area codes, cities and rate
// centers, three accounts, people of every role, and reservations under way. Its
// people have no passwords; they sign in by links that are printed.

// demoCSV is read and imported as any other file.
//
//go:embed demo.csv
var demoCSV []byte

var (
	firstOfDemo = store.NewPerson{Email: "olga@carrier.example", Name: "Olga Operator", Role: tel.RoleOperator}
	lastOfDemo  = store.NewPerson{Email: "sam@acme.example", Name: "Sam Support", Role: tel.RoleSupport, Account: acme}
)

const (
	acme      tel.AccountID = 9500012
	northwind tel.AccountID = 9500034
	contoso   tel.AccountID = 9500056
)

// demoPeople in the order in which their links are printed. The operator is the first
// thing that a filling makes and Acme's support the last, which tells how far it came.
var demoPeople = []struct {
	who    string
	person []store.NewPerson
}{
	{"operator", []store.NewPerson{firstOfDemo}},
	{"admin of Acme Tel", []store.NewPerson{{Email: "ada@acme.example", Name: "Ada Admin", Role: tel.RoleAdmin, Account: acme}}},
	{"member of Acme Tel", []store.NewPerson{{Email: "max@acme.example", Name: "Max Member", Role: tel.RoleMember, Account: acme}}},
	{"support of Acme Tel", []store.NewPerson{lastOfDemo}},
	{"support of all accounts", []store.NewPerson{{Email: "sue@carrier.example", Name: "Sue Support", Role: tel.RoleSupport}}},
	{"admin of Northwind Voice", []store.NewPerson{{Email: "nia@northwind.example", Name: "Nia North", Role: tel.RoleAdmin, Account: northwind}}},
	{"admin of Contoso Mobile", []store.NewPerson{{Email: "cleo@contoso.example", Name: "Cleo Contoso", Role: tel.RoleAdmin, Account: contoso}}},
	{"member of two accounts", []store.NewPerson{
		{Email: "tom@agency.example", Name: "Tom Two", Role: tel.RoleMember, Account: acme},
		{Email: "tom@agency.example", Name: "Tom Two", Role: tel.RoleMember, Account: northwind},
	}},
}

// demoLinkLife is how long a printed link signs in, as often as wanted.
const demoLinkLife = 24 * time.Hour

var demoHand = tel.System("demo")

type demoLink struct{ who, token string }

// demo fills a database that nobody has used, or goes on where an earlier filling was
// ended, and makes fresh links. It answers no links for a database that is not the
// demo's: nobody gets into another one by a flag.
func demo(ctx context.Context, s *store.Store) ([]demoLink, error) {
	begun, complete, err := demoProgress(ctx, s)
	if err != nil {
		return nil, err
	}
	if !begun {
		empty, err := s.Empty(ctx)
		if err != nil || !empty {
			return nil, err
		}
	}
	if !complete {
		if err := fillDemo(ctx, s); err != nil {
			return nil, err
		}
	}
	var links []demoLink
	for _, p := range demoPeople {
		token, err := s.NewEnterLink(ctx, demoHand, p.person[0].Email, demoLinkLife, true)
		if tel.CodeOf(err) == tel.CodeNotFound {
			continue // somebody took this person away
		}
		if err != nil {
			return nil, err
		}
		links = append(links, demoLink{p.who, token})
	}
	return links, nil
}

// demoProgress tells whether a filling was begun here, and whether it came to its end.
func demoProgress(ctx context.Context, s *store.Store) (begun, complete bool, err error) {
	// A link that is over at once is how to ask whether there is such a person.
	_, err = s.NewEnterLink(ctx, demoHand, firstOfDemo.Email, 0, false)
	if tel.CodeOf(err) == tel.CodeNotFound {
		return false, false, nil
	}
	if err != nil {
		return false, false, err
	}
	people, err := s.People(ctx, demoHand, acme)
	return true, slices.ContainsFunc(people, func(p *tel.Person) bool { return p.Email == lastOfDemo.Email }), err
}

func demoAccounts() []tel.Account {
	tight := tel.Policy{Window: time.Hour, Ceiling: 2 * time.Hour, MaxExtensions: 1, MaxHeld: 50, MaxPerReservation: 5, CoolDown: 10 * time.Minute}
	return []tel.Account{
		{ID: acme, Name: "Acme Tel", ReservationsOn: true, Policy: tel.DefaultPolicy(), Limits: tel.DefaultLimits()},
		{ID: northwind, Name: "Northwind Voice", ReservationsOn: true, Policy: tight, Limits: tel.Policy{Window: 2 * time.Hour, Ceiling: 4 * time.Hour, MaxExtensions: 2, MaxHeld: 100, MaxPerReservation: 10, CoolDown: 5 * time.Minute}},
		// Switched off at the end, so that it is seen how its holds run out.
		{ID: contoso, Name: "Contoso Mobile", ReservationsOn: true, Policy: tel.DefaultPolicy(), Limits: tel.DefaultLimits()},
	}
}

// fillDemo does each thing in a way that may be repeated, for it may be killed.
func fillDemo(ctx context.Context, s *store.Store) error {
	if _, err := s.CreatePerson(ctx, demoHand, firstOfDemo); unlessThere(err) != nil {
		return err
	}
	inv, err := intake.Read(ctx, bytes.NewReader(demoCSV), intake.Options{Strict: true})
	if err != nil {
		return err
	}
	if _, err := s.Import(ctx, demoHand, inv, nil); err != nil {
		return err
	}
	for _, a := range demoAccounts() {
		if err := unlessThere(s.CreateAccount(ctx, demoHand, a)); err != nil {
			return err
		}
	}
	for _, p := range demoPeople {
		for _, n := range p.person {
			if n == lastOfDemo {
				continue
			}
			if _, err := s.CreatePerson(ctx, demoHand, n); unlessThere(err) != nil {
				return err
			}
		}
	}
	if err := demoBusiness(ctx, s); err != nil {
		return err
	}
	for _, tn := range []tel.Number{tel.NewNumber(212, 283, 4100), tel.NewNumber(404, 247, 1666), tel.NewNumber(800, 247, 666)} {
		if err := s.Disable(ctx, demoHand, tn); err != nil && tel.CodeOf(err) != tel.CodeNotAvailable {
			return err
		}
	}
	if _, err := s.SwitchReservations(ctx, demoHand, contoso, false, store.LiveKeep); err != nil {
		return err
	}
	_, err = s.CreatePerson(ctx, demoHand, lastOfDemo)
	return unlessThere(err)
}

// unlessThere lets pass that something is there already.
func unlessThere(err error) error {
	if tel.CodeOf(err) == tel.CodeConflict {
		return nil
	}
	return err
}

// demoHold is one reservation of the demo.
type demoHold struct {
	account      tel.AccountID
	email        string
	npa, nxx     int
	lines        []int
	hold         time.Duration // 0: the account's window
	order, note  string
	extend       bool
	cancelReason string // "" leaves it alive
	dropFirst    bool
	ordered      bool // by its maker
	offered      bool // by a purchase link
	bought       bool // through one
}

// demoHolds are written down by hand where they show something, and the rest follow
// a pattern.
func demoHolds() []demoHold {
	const max, tom = "max@acme.example", "tom@agency.example"
	m := func(n int) time.Duration { return time.Duration(n) * time.Minute }
	holds := []demoHold{
		{account: acme, email: ada, npa: 919, nxx: 247, lines: []int{1200, 1201, 1202, 1203, 1204}, order: "ORD-2041", note: "New office in Raleigh, five in a row", offered: true},
		{account: acme, email: ada, npa: 212, nxx: 347, lines: []int{4000}, hold: m(2), order: "ORD-2042", note: "Decides on the phone right now"},
		{account: acme, email: max, npa: 984, nxx: 238, lines: []int{6411, 6412}, hold: m(4), order: "ORD-2043"},
		{account: acme, email: max, npa: 312, nxx: 284, lines: []int{2500, 3500, 4500}, hold: m(7), order: "ORD-2044", note: "Waits for the port-in date"},
		{account: acme, email: ada, npa: 415, nxx: 236, lines: []int{7000}, hold: m(12), order: "ORD-2045", note: "VIP; call back before it ends"},
		{account: acme, email: ada, npa: 206, nxx: 238, lines: []int{8800, 8801}, hold: m(20), order: "ORD-2046", extend: true},
		{account: acme, email: max, npa: 512, nxx: 243, lines: []int{1000}, hold: m(30), order: "ORD-2047", extend: true, note: "Customer asked for one more day"},
		{account: acme, email: tom, npa: 800, nxx: 247, lines: []int{1234}, hold: m(45), order: "AG-77", note: "Toll-free for the spring campaign"},
		{account: acme, email: ada, npa: 617, nxx: 243, lines: []int{5150, 5151, 5152, 5153}, order: "ORD-2048", dropFirst: true, note: "Four wanted, three needed"},
		{account: acme, email: ada, npa: 713, nxx: 247, lines: []int{3030}, order: "ORD-2039", cancelReason: "Customer chose a Dallas number"},
		{account: acme, email: max, npa: 303, nxx: 246, lines: []int{9090, 9091}, order: "ORD-2037", cancelReason: "Duplicate of ORD-2036"},
		{account: acme, email: tom, npa: 888, nxx: 356, lines: []int{2000}, order: "AG-75", cancelReason: "Budget not approved"},
		{account: acme, email: max, npa: 919, nxx: 247, lines: []int{4400, 4401, 4402}, order: "ORD-2035", ordered: true, note: "Signed on the phone"},
		{account: acme, email: ada, npa: 312, nxx: 284, lines: []int{6100}, order: "ORD-2036", ordered: true},
		{account: acme, email: tom, npa: 888, nxx: 356, lines: []int{2100}, order: "AG-74", ordered: true},
		{account: acme, email: ada, npa: 919, nxx: 247, lines: []int{7700}, order: "ORD-2038", bought: true, note: "Link sent by mail"},
		{account: northwind, email: nia, npa: 404, nxx: 247, lines: []int{5000, 5001, 5002}, hold: m(9), order: "NW-311", note: "Branch in Atlanta"},
		{account: northwind, email: nia, npa: 305, nxx: 246, lines: []int{6000}, hold: m(25), order: "NW-312", extend: true},
		{account: northwind, email: nia, npa: 615, nxx: 247, lines: []int{2400, 2401}, order: "NW-313"},
		{account: northwind, email: tom, npa: 704, nxx: 246, lines: []int{1900}, hold: m(50), order: "AG-78", note: "For the same agency, other account"},
		{account: northwind, email: nia, npa: 860, nxx: 246, lines: []int{7100}, order: "NW-309", cancelReason: "Wrong city"},
		{account: contoso, email: cleo, npa: 602, nxx: 237, lines: []int{4400, 4401}, order: "C-9001", note: "Made before reservation was switched off"},
		{account: contoso, email: cleo, npa: 702, nxx: 627, lines: []int{2100}, hold: m(90), order: "C-9002"},
	}
	cities := []struct{ npa, nxx int }{{214, 238}, {210, 246}, {602, 684}, {215, 247}, {904, 247}, {813, 243}, {614, 238}, {216, 246}, {317, 243}, {202, 247}, {901, 246}, {313, 238}, {503, 246}, {410, 246}, {414, 238}, {816, 246}, {314, 238}, {612, 238}, {504, 246}, {804, 247}, {502, 238}, {402, 243}, {973, 243}, {808, 238}}
	for i, c := range cities {
		h := demoHold{account: acme, email: ada, npa: c.npa, nxx: c.nxx, hold: m(15 + 9*i), order: fmt.Sprintf("ORD-%d", 2049+i)}
		if i%3 == 1 {
			h.email = max
		}
		for n := range 1 + i%4 {
			h.lines = append(h.lines, 2000+137*i+n)
		}
		holds = append(holds, h)
	}
	return holds
}

// demoActors are the people as the dashboard knows them, so that they find what is
// theirs.
type demoActors map[tel.AccountID]map[string]tel.Actor

func readDemoActors(ctx context.Context, s *store.Store) (demoActors, error) {
	actors := demoActors{}
	for _, a := range demoAccounts() {
		people, err := s.People(ctx, demoHand, a.ID)
		if err != nil {
			return nil, err
		}
		actors[a.ID] = map[string]tel.Actor{}
		for _, p := range people {
			actors[a.ID][p.Email] = tel.Actor{Kind: tel.KindPerson, ID: p.ID, Name: p.Email, Role: p.Memberships[0].Role, Account: a.ID, Door: "dashboard"}
		}
	}
	return actors, nil
}

// make reserves once: the key gives a second attempt the first one's answer.
func (h demoHold) make(ctx context.Context, s *store.Store, actor tel.Actor) error {
	if done, err := h.sold(ctx, s); err != nil || done {
		return err
	}
	req := tel.ReserveRequest{Account: h.account, TNs: h.tns(), AllOrNothing: true, For: h.hold, CustomerReference: h.order, Note: h.note, IdempotencyKey: "demo " + h.order}
	got, err := s.Reserve(ctx, actor, req)
	if err != nil {
		return err
	}
	if !got.Repeated {
		if err := h.follow(ctx, s, actor, got.Reservation.ID); err != nil {
			return err
		}
	}
	return h.sell(ctx, s, actor, got.Reservation)
}

func (h demoHold) tns() (list []tel.Number) {
	for _, line := range h.lines {
		list = append(list, tel.NewNumber(h.npa, h.nxx, line))
	}
	return list
}

// follow is what happens to a reservation while it lives.
func (h demoHold) follow(ctx context.Context, s *store.Store, actor tel.Actor, id string) (err error) {
	if h.extend {
		_, err = s.Extend(ctx, actor, id)
	}
	if h.dropFirst {
		_, dropErr := s.Drop(ctx, actor, id, h.tns()[0])
		err = errors.Join(err, dropErr)
	}
	if h.cancelReason != "" {
		_, cancelErr := s.Cancel(ctx, actor, id, h.cancelReason)
		err = errors.Join(err, cancelErr)
	}
	return err
}

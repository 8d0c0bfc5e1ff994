package tel_test

import (
	"strings"
	"testing"
	"time"

	"tnreserve/store/tel"
)

// Every state × every move; what is not named here is refused.
func TestOrderMoves(t *testing.T) {
	allowed := map[string]tel.OrderState{
		"RECEIVED complete": tel.OrderComplete, "RECEIVED complete in part": tel.OrderPartial, "RECEIVED fail": tel.OrderFailed, "RECEIVED back-order": tel.OrderBackordered,
		"BACKORDERED complete": tel.OrderComplete, "BACKORDERED complete in part": tel.OrderPartial, "BACKORDERED fail": tel.OrderFailed, "BACKORDERED fill": tel.OrderBackordered,
	}
	if len(tel.OrderStates()) != 5 || len(tel.OrderMoves()) != 5 || len(tel.OrderKinds()) != 3 {
		t.Fatal("a state, a move or a kind came: extend the tables")
	}
	for _, s := range tel.OrderStates() {
		for _, m := range tel.OrderMoves() {
			next, err := s.Next(m)
			want, ok := allowed[string(s)+" "+string(m)]
			switch {
			case ok && (err != nil || next != want):
				t.Errorf("%s %s: %v %v, want %s", s, m, next, err, want)
			case !ok && (tel.CodeOf(err) != tel.CodeEnded || next != s):
				t.Errorf("%s %s: %v %v, want a refusal", s, m, next, err)
			}
		}
		if final := s == tel.OrderComplete || s == tel.OrderPartial || s == tel.OrderFailed; s.Final() != final {
			t.Errorf("%s final: %v", s, !final)
		}
		if got, err := tel.ParseOrderState(" " + strings.ToLower(string(s))); got != s || err != nil {
			t.Error(got, err)
		}
	}
	_, err := tel.ParseOrderState("PROCESSING")
	code(t, err, tel.CodeInvalid)
}

// Takes and Settle: kind × part allowed × back-order × how many could be had of 3.
func TestSettle(t *testing.T) {
	for _, c := range []struct {
		kind       tel.OrderKind
		part, wait bool
		want       string // took and state when 0, 2, 3 and 9 could be had
	}{
		{tel.OrderKindExisting, true, false, "0 FAILED, 2 PARTIAL, 3 COMPLETE, 3 COMPLETE"},
		{tel.OrderKindExisting, false, false, "0 FAILED, 0 FAILED, 3 COMPLETE, 3 COMPLETE"},
		{tel.OrderKindExisting, true, true, "0 FAILED, 2 PARTIAL, 3 COMPLETE, 3 COMPLETE"}, // named TNs never wait
		{tel.OrderKindDisconnect, true, true, "0 FAILED, 2 PARTIAL, 3 COMPLETE, 3 COMPLETE"},
		{tel.OrderKindSearch, true, false, "0 FAILED, 2 PARTIAL, 3 COMPLETE, 3 COMPLETE"},
		{tel.OrderKindSearch, false, false, "0 FAILED, 0 FAILED, 3 COMPLETE, 3 COMPLETE"},
		{tel.OrderKindSearch, true, true, "0 BACKORDERED, 2 BACKORDERED, 3 COMPLETE, 3 COMPLETE"},
		{tel.OrderKindSearch, false, true, "0 BACKORDERED, 0 BACKORDERED, 3 COMPLETE, 3 COMPLETE"},
	} {
		var got []string
		for _, could := range []int{0, 2, 3, 9} {
			req := tel.OrderRequest{Kind: c.kind, PartialAllowed: c.part, BackOrder: c.wait, TNs: []tel.Number{1, 2, 3}}
			if c.kind == tel.OrderKindSearch {
				req.TNs, req.Search = nil, &tel.OrderSearch{Quantity: 3}
			}
			o := tel.NewOrder("id", req, tel.Signature{}, noon)
			took := o.Takes(could)
			if err := o.Settle(took, noon); err != nil {
				t.Fatal(err)
			}
			if o.State.Final() == o.CompletedAt.IsZero() || o.CompletedCount != took {
				t.Errorf("%+v", o)
			}
			got = append(got, string(rune('0'+took))+" "+string(o.State))
		}
		if s := strings.Join(got, ", "); s != c.want {
			t.Errorf("%+v: %s", c, s)
		}
	}
	for had, want := range map[int]tel.OrderState{0: tel.OrderFailed, 1: tel.OrderPartial} {
		o := &tel.Order{Kind: tel.OrderKindSearch, State: tel.OrderBackordered, Quantity: 2, CompletedCount: had}
		if err := o.Close(noon); err != nil || o.State != want || !o.CompletedAt.Equal(noon) {
			t.Errorf("%v %+v", err, o)
		}
		code(t, o.Close(noon), tel.CodeEnded)
	}
}

// Every standing of a TN × whose it is × whether the order brings its hold.
func TestOrderable(t *testing.T) {
	const own, other = 1, 2
	allowed := "available own, available own covered, available other, available other covered, reserved own covered, aging own, aging own covered, "
	for _, state := range tel.TNStates() {
		for account, name := range map[tel.AccountID]string{own: " own", other: " other"} {
			for covered, and := range map[bool]string{true: " covered", false: ""} {
				got := tel.TNStanding{State: state, Account: account}.Orderable(own, covered)
				if want := strings.Contains(allowed, string(state)+name+and+", "); got != want {
					t.Errorf("%s%s%s: %v", state, name, and, got)
				}
			}
		}
	}
}

func TestCleanOrder(t *testing.T) {
	good := func() tel.OrderRequest {
		return tel.OrderRequest{Kind: tel.OrderKindExisting, TNs: []tel.Number{3, 1, 3}, ReservationIDs: []string{" B ", "a", "b"}, CustomerOrderID: " A-1 b ", Name: "n"}
	}
	r := good()
	if err := r.Clean(); err != nil || len(r.TNs) != 2 || r.TNs[0] != 1 || strings.Join(r.ReservationIDs, " ") != "a b" || r.CustomerOrderID != "A-1 b" || r.Quantity() != 2 {
		t.Errorf("%v %+v", err, r)
	}
	search := func(r *tel.OrderRequest, quantity int) {
		r.Kind, r.Search = tel.OrderKindSearch, &tel.OrderSearch{Query: tel.NewQuery(), Quantity: quantity}
	}
	for field, spoil := range map[string]func(*tel.OrderRequest){
		"name":               func(r *tel.OrderRequest) { r.Name = strings.Repeat("x", 51) },
		"site_id":            func(r *tel.OrderRequest) { r.SiteID = "a\nb" },
		"customer_order_id":  func(r *tel.OrderRequest) { r.CustomerOrderID = strings.Repeat("x", 41) },
		"customer_order_id ": func(r *tel.OrderRequest) { r.CustomerOrderID = "a_b" },
		"idempotency_key":    func(r *tel.OrderRequest) { r.IdempotencyKey = strings.Repeat("x", 256) },
		"tn":                 func(r *tel.OrderRequest) { r.TNs = nil },
		"tn ":                func(r *tel.OrderRequest) { r.TNs = manyTNs(5001) },
		"reservation_id":     func(r *tel.OrderRequest) { r.ReservationIDs = make([]string, 5001) },
		"search":             func(r *tel.OrderRequest) { r.Kind = tel.OrderKindSearch },
		"quantity":           func(r *tel.OrderRequest) { search(r, 0) },
		"quantity ":          func(r *tel.OrderRequest) { search(r, 5001) },
		"npa":                func(r *tel.OrderRequest) { search(r, 1); r.Search.Query.NPAs = []int{911} },
	} {
		r := good()
		spoil(&r)
		if e := code(t, r.Clean(), tel.CodeInvalid); e.Field != strings.TrimSpace(field) {
			t.Errorf("%s: %+v", field, e)
		}
	}
	r = good()
	search(&r, 5000)
	r.Search.Query.Seed, r.UseOwnHolds = 7, true
	if err := r.Clean(); err != nil || r.Search.Query.Seed != 0 || r.TNs != nil || r.ReservationIDs != nil || r.UseOwnHolds || r.Quantity() != 5000 {
		t.Errorf("%v %+v", err, r)
	}
	for d, want := range map[time.Duration]tel.Code{0: tel.CodeInvalid, tel.MinAging - 1: tel.CodeInvalid, tel.MinAging: "", tel.DefaultAging: "", tel.BusinessAging: "", tel.BusinessAging + 1: tel.CodeInvalid} {
		code(t, tel.CheckAging(d), want)
	}
}

func manyTNs(n int) (tns []tel.Number) {
	for i := range n {
		tns = append(tns, tel.Number(i+1))
	}
	return tns
}

func TestOrderOfAHold(t *testing.T) {
	r := live(time.Hour, time.Hour)
	if ended, err := r.Order(1, tel.Signature{}, noon); ended || err != nil || r.TNCount != 1 || r.State != tel.StateLive {
		t.Fatal(ended, err, r)
	}
	if ended, err := r.Order(1, tel.Signature{ID: "x"}, noon); !ended || err != nil || r.State != tel.StateOrdered || r.EndedBy.ID != "x" || !r.EndedAt.Equal(noon) {
		t.Fatal(ended, err, r)
	}
	for _, n := range []int{1, 2} {
		r = live(time.Hour, time.Hour)
		_, err := r.Order(n, tel.Signature{}, noon.Add(time.Hour))
		code(t, err, tel.CodeRanOut)
		if r.TNCount != 2 || r.State != tel.StateLive {
			t.Error(r)
		}
	}
}

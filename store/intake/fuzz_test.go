package intake

import (
	"strings"
	"testing"
	"testing/iotest"

	"tnreserve/store/tel"
)

// FuzzRead: nothing panics, what is accepted is valid, how the bytes arrive does
// not matter, and a plain file of what was accepted reads back equal.
func FuzzRead(f *testing.F) {
	for _, s := range []string{
		"tn\n9192000001\n+1 (919) 200-0002\n1.9195551234E+10\n",
		"npa,nxx,x,city,state,lata,block_holder\n919,200,,Raleigh,NC,426,\"Acme, Inc.\"\n919,555,0,,,,\n",
		"start;end;tier;features;monthly_cost\r\n9192109000;9192121000;gold;sms|voice;1.25\r\n",
		"\uFEFFTN\tCity\r9192000001\t\"a\rb\"\r\"\r\r\n9192000003\t\n",
		"tn,start,end,city\n9192000001,,,Raleigh\n,9192000000,9192000999,Durham\n9195550100,,,\n",
		"tn,tier\n9192000001,a\n9192000002,b\n\"9192000001\",\"b\"x\n",
	} {
		f.Add(s, false)
		f.Add(s, true)
	}
	f.Fuzz(func(t *testing.T, file string, allow bool) {
		o := Options{AllowFictional: allow}
		inv, err := Read(t.Context(), strings.NewReader(file), o)
		slow, slowErr := Read(t.Context(), iotest.HalfReader(strings.NewReader(file)), o)
		if (err == nil) != (slowErr == nil) {
			t.Fatalf("%v and in pieces %v", err, slowErr)
		}
		if err != nil {
			if tel.CodeOf(err) != tel.CodeInvalid {
				t.Fatal(err)
			}
			return
		}
		check(t, inv, allow)
		if brief(inv) != brief(slow) {
			t.Fatalf("in pieces: %s and %s", brief(inv), brief(slow))
		}
		again(t, inv, o)
	})
}

// again writes an inventory down TN by TN and reads it back.
func again(t *testing.T, inv *Inventory, o Options) {
	if inv.TNs > 2000 || inv.TNs == 0 {
		return
	}
	var w strings.Builder
	w.WriteString("tn\n")
	for _, b := range inv.Blocks {
		m := b.Members
		if m == nil {
			m = &allTNs
		}
		each(m, func(i int) bool { w.WriteString(b.Block.Number(i).E164() + "\n"); return true })
	}
	o.Strict = true
	back, err := Read(t.Context(), strings.NewReader(w.String()), o)
	if err != nil || brief(back) != strings.Split(brief(inv)+" !", " !")[0] {
		t.Fatalf("%v: %s and %s", err, brief(inv), brief(back))
	}
}

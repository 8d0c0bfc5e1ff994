package intake

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"tnreserve/store/tel"
)

// seedFile is the file named by TNRESERVE_SEED_CSV, which lists whole exchanges, or
// a generated one of the same shape and about the same size.
func seedFile(t testing.TB) []byte {
	name := os.Getenv("TNRESERVE_SEED_CSV")
	if name == "" {
		return generated(343, 104)
	}
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// generated lists the first exchanges of as many area codes.
func generated(npas, exchanges int) []byte {
	var w bytes.Buffer
	w.WriteString("npa,nxx,city,state,rate_center,lata,block_holder,ilec_name,match\n")
	var c codes
	for npa := 200; npa < 1000 && npas > 0; npa++ {
		if c.checkNPA(npa) != nil || c.npa[npa].strange {
			continue
		}
		npas--
		for nxx, n := 200, 0; n < exchanges; nxx++ {
			if c.checkNXX(nxx) != nil || nxx == 555 {
				continue
			}
			n++
			fmt.Fprintf(&w, "%d,%d,City %d,NC,CENTER%d,%d,%q,\"VERIZON, INC.\",nanpa_block\n", npa, nxx, nxx%37, nxx%37, 200+npa%700, fmt.Sprintf("CARRIER, %d", nxx%11))
		}
	}
	return w.Bytes()
}

func TestSeed(t *testing.T) {
	file := seedFile(t)
	rows := bytes.Count(file, []byte("\n")) - 1
	inv, err := Read(t.Context(), bytes.NewReader(file), Options{})
	if err != nil {
		t.Fatal(err)
	}
	if inv.Rows != rows || inv.Accepted != rows || len(inv.Blocks) != 10*rows || inv.TNs != 10_000*int64(rows) {
		t.Errorf("rows %d of %d, accepted %d, blocks %d, TNs %d: %+v", inv.Rows, rows, inv.Accepted, len(inv.Blocks), inv.TNs, inv.Refused)
	}
	if len(inv.Notices) != 1 || told(inv)[0] != "Columns not used: ilec_name, match." {
		t.Error(inv.Notices)
	}
	for i, b := range inv.Blocks {
		if b.Members != nil || b.Place.State == "" || b.Place.RateCenter == "" || i > 0 && b.Block <= inv.Blocks[i-1].Block {
			t.Fatalf("%d: %+v", i, b)
		}
	}
}

// The format of us_inventory_seed.csv, by hand: blocks that nobody holds, names with
// commas and quotation marks, ones in capitals that a state shares.
const byHand = `npa,nxx,city,state,rate_center,lata,block_holder,ilec_name,match
201,234,Hackensack,NJ,HACKENSACK,224,,"EXAMPLE OF NEW JERSEY, INC.",rate_center_name
201,236,Hackensack,NJ,HACKENSACK,224,PAPER PLANES CORP. - NJ,"EXAMPLE OF NEW JERSEY, INC.",nanpa_block
201,240,Jersey City,NJ,JERSEYCITY,224,,"EXAMPLE OF NEW JERSEY, INC.",rate_center_name
202,220,Washington,DC,WSHNGTNZN1,236,"TIN CAN TELEPHONE, LLC",EXAMPLE OF WASHINGTON DC,nanpa_block
205,221,Birmingham,AL,BIRMINGHAM,476,"""BEST"" TELEPHONE, INC.",SOUTHERN EXAMPLE,nanpa_block
205,222,Birmingham,AL,BIRMINGHAM,476,,SOUTHERN EXAMPLE,rate_center_name
206,223,Seattle,WA,SEATTLE,674,,EXAMPLE CORPORATION,rate_center_name
207,224,Portland,ME,PORTLAND,120,STRING & CUP,NORTHERN EXAMPLE,nanpa_block
208,225,Boise,ID,BOISE,652,,EXAMPLE CORPORATION,rate_center_name
209,226,Stockton,CA,STOCKTON,738,O'EXAMPLE WIRELESS,PACIFIC EXAMPLE,nanpa_block
210,227,San Antonio,TX,SANANTONIO,566,,SOUTHWEST EXAMPLE,rate_center_name
212,228,New York,NY,NWYRCYZN01,132,"EXAMPLE BROADBAND, LP",EXAMPLE NEW YORK,nanpa_block
213,229,Los Angeles,CA,LSAN DA 01,730,,PACIFIC EXAMPLE,rate_center_name
214,230,Dallas,TX,DALLAS,552,EXAMPLE SPECTRUM - TX,SOUTHWEST EXAMPLE,nanpa_block
215,231,Philadelphia,PA,PHLDLPHIA,228,,EXAMPLE PENNSYLVANIA,rate_center_name
216,232,Cleveland,OH,CLEVELAND,320,,OHIO EXAMPLE,rate_center_name
217,233,Springfield,IL,SPRINGFLD,374,"VOICE, DATA & SONS",EXAMPLE ILLINOIS,nanpa_block
218,234,Duluth,MN,DULUTH,624,,,rate_center_name
219,235,Gary,IN,GARY,332,,EXAMPLE INDIANA,rate_center_name
225,236,Baton Rouge,LA,BATONROUGE,492,RIVER EXAMPLE,SOUTHERN EXAMPLE,nanpa_block
228,237,Gulfport,MS,GULFPORT,484,,SOUTHERN EXAMPLE,rate_center_name
229,238,Albany,GA,ALBANY,444,,SOUTHERN EXAMPLE,rate_center_name
417,239,Springfield,MO,SPRINGFLD,522,,SOUTHWEST EXAMPLE,rate_center_name
907,240,Anchorage,AK,ANCHORAGE,832,EXAMPLE OF ALASKA,EXAMPLE OF ALASKA,nanpa_block
808,241,Honolulu,HI,HONOLULU,834,,HAWAIIAN EXAMPLE,rate_center_name
`

func TestSeedByHand(t *testing.T) {
	inv, err := Read(t.Context(), strings.NewReader(byHand), Options{Strict: true})
	if err != nil {
		t.Fatal(err)
	}
	if inv.Rows != 25 || len(inv.Blocks) != 250 || inv.TNs != 250_000 || len(inv.Notices) != 1 || told(inv)[0] != "Columns not used: ilec_name, match." {
		t.Errorf("rows %d, blocks %d, TNs %d: %v", inv.Rows, len(inv.Blocks), inv.TNs, told(inv))
	}
	places := map[tel.Block]tel.Place{}
	for _, b := range inv.Blocks {
		places[b.Block] = b.Place
	}
	for b, want := range map[tel.Block]tel.Place{
		tel.NewBlock(201, 234, 0): {City: "Hackensack", State: "NJ", RateCenter: "HACKENSACK", LATA: "224"},
		tel.NewBlock(205, 221, 9): {City: "Birmingham", State: "AL", RateCenter: "BIRMINGHAM", LATA: "476", Carrier: "\"BEST\" TELEPHONE, INC."},
		tel.NewBlock(213, 229, 5): {City: "Los Angeles", State: "CA", RateCenter: "LSAN DA 01", LATA: "730"},
		tel.NewBlock(417, 239, 0): {City: "Springfield", State: "MO", RateCenter: "SPRINGFLD", LATA: "522"},
	} {
		if places[b] != want {
			t.Errorf("%s: %+v", b, places[b])
		}
	}
}

// Every area code in service in 2024 that the numbering plan opens for places, the
// newest among them, must pass; the library alone would not do.
func TestAreaCodes(t *testing.T) {
	var c codes
	for _, npa := range []int{201, 212, 340, 436, 624, 671, 684, 710, 787, 800, 833, 861, 900, 939, 670, 983, 835, 943, 986} {
		if f := c.checkNPA(npa); f != nil {
			t.Errorf("%d: %s", npa, f.reason())
		}
	}
	good := 0
	for npa := range 1000 {
		if c.checkNPA(npa) == nil {
			good++
		}
		if tel.CheckNPA(npa) != nil && c.checkNPA(npa) == nil {
			t.Errorf("%d is accepted", npa)
		}
	}
	if c.checkNPA(555) == nil || c.checkNPA(370) == nil || c.checkNPA(966) == nil || good < 450 {
		t.Error("codes that are no area codes are accepted, or real ones refused:", good)
	}
}

// hostile are files made to cost more than they should, 256 KiB each.
func hostile() map[string]string {
	const size = 256 << 10
	fill := func(header, row string) string { return header + strings.Repeat(row, size/len(row)) }
	var scattered strings.Builder
	scattered.WriteString("tn\n")
	for i := 0; scattered.Len() < size; i++ {
		fmt.Fprintf(&scattered, "919%03d%d000\n", 200+i/10%800, i%10)
	}
	return map[string]string{
		"bad TNs":           fill("tn\n", "x\n"),
		"nearly TNs":        fill("tn\n", "919555١٢٣٤\n"),
		"unclosed quotes":   fill("tn\n", "\"x\n"),
		"one unclosed":      "tn\n\"" + fill("", "9192000001\n"),
		"unclosed and even": fill("tn\n", "\"\n\"\"\"\"\n\"\"\n"),
		"only quotes":       fill("tn\n", "\""),
		"only commas":       fill("tn\n", ","),
		"only CR":           fill("tn\n", "\r"),
		"one long line":     fill("tn\n", "9"),
		"many columns":      fill("tn"+strings.Repeat(",x", 180)+"\n", strings.Repeat("\"\",", 180)+"\n"),
		"parts again":       fill("start,end,tier\n", "9192000000,9192000998,a\n9192000001,9192000998,b\n"),
		"scattered":         scattered.String(),
		"long features":     fill("tn,features\n", "9192000001,\""+strings.Repeat("a ", 400)+"\"\n"),
		"states":            fill("tn,state\n", "9192000001,nowhere\n"),
	}
}

func TestHostile(t *testing.T) {
	for name, file := range hostile() {
		t.Run(name, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			began := time.Now()
			inv, err := Read(t.Context(), strings.NewReader(file), Options{})
			took := time.Since(began)
			runtime.ReadMemStats(&after)
			if took > 5*time.Second { // a hundred times what it may take where nothing else runs
				t.Errorf("took %s", took)
			}
			if n := after.TotalAlloc - before.TotalAlloc; n > 20<<20 {
				t.Errorf("allocated %d bytes", n)
			}
			if err == nil {
				check(t, inv, false)
			} else if tel.CodeOf(err) != tel.CodeInvalid {
				t.Error(err)
			}
		})
	}
}

// Ranges name more than their bytes; the sum of their work is bounded.
func TestRangesBounded(t *testing.T) {
	inv, err := Read(t.Context(), strings.NewReader("start,end\n"+strings.Repeat("9192000000,9199999999\n", 10_000)+"9202000001,9202000001\n"), Options{})
	if err != nil || inv.TNs != (800-8)*10_000-100+1 { // without N11 and 555-01XX
		t.Fatal(err, inv)
	}
	if inv.RefusedCount == 0 || !strings.Contains(inv.Refused[0].Reason.String(), "too often") {
		t.Error(inv.RefusedCount)
	}
}

func BenchmarkHostile(b *testing.B) {
	for name, file := range hostile() {
		b.Run(name, func(b *testing.B) { bench(b, []byte(file)) })
	}
	b.Run("ranges again", func(b *testing.B) {
		bench(b, []byte("start,end\n"+strings.Repeat("9192000000,9199999999\n", 11_000)))
	})
}

func bench(b *testing.B, file []byte) {
	b.ReportAllocs()
	b.SetBytes(int64(len(file)))
	rows := 0
	for b.Loop() {
		inv, err := Read(context.Background(), bytes.NewReader(file), Options{})
		if err == nil {
			rows += inv.Rows
		}
	}
	b.ReportMetric(float64(rows)/b.Elapsed().Seconds(), "rows/s")
}

func BenchmarkSeed(b *testing.B) { bench(b, seedFile(b)) }

// BenchmarkTN reads a million TNs one by one, a third of them quoted.
func BenchmarkTN(b *testing.B) {
	var w bytes.Buffer
	w.WriteString("tn,city,state,rate_center,lata,features,tier,monthly_cost\n")
	for i := range 1_000_000 {
		features := "sms"
		if i%3 == 0 {
			features = `"sms,voice"`
		}
		fmt.Fprintf(&w, "+1919%07d,Raleigh,NC,RALEIGH,426,%s,,1.25\n", 212_0000+i*3, features)
	}
	bench(b, w.Bytes())
}

// check proves what Read promises of every inventory.
func check(t *testing.T, inv *Inventory, allowFictional bool) {
	t.Helper()
	var tns int64
	member := map[tel.Block]*Bits{}
	for i := range inv.Blocks {
		b := &inv.Blocks[i]
		if i > 0 && b.Block <= inv.Blocks[i-1].Block {
			t.Fatalf("%v is not after %v", b.Block, inv.Blocks[i-1].Block)
		}
		m := b.Members
		if m == nil {
			m = &allTNs
		} else if *m == allTNs || m.Count() == 0 || without(m, &allTNs) != (Bits{}) {
			t.Fatalf("%v has members %v", b.Block, m)
		}
		member[b.Block] = m
		tns += int64(m.Count())
		each(m, func(i int) bool {
			if err := tel.CheckNANP(b.Block.Number(i), allowFictional); err != nil {
				t.Fatalf("%v: %v", b.Block.Number(i), err)
			}
			return b.Block%10_000 == 5550 || i < 1 // the others are as good as one
		})
	}
	for _, o := range inv.TNOffers {
		if m := member[o.TN.Block()]; m == nil || !m.Has(o.TN.Index()) {
			t.Fatalf("%v has an offer and is in no block", o.TN)
		}
	}
	if tns != inv.TNs || inv.Rows != inv.Accepted+inv.RefusedCount || len(inv.Refused) > inv.RefusedCount {
		t.Fatalf("TNs %d of %d, rows %d, accepted %d, refused %d", inv.TNs, tns, inv.Rows, inv.Accepted, inv.RefusedCount)
	}
	for i, r := range inv.Refused {
		if r.Line < 2 || r.Field == "" || r.Reason.Format == "" || i > 0 && r.Line <= inv.Refused[i-1].Line {
			t.Fatalf("%+v", r)
		}
	}
}

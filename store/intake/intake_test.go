package intake

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"tnreserve/store/tel"
)

// read reads a file that must be readable as a whole.
func read(t *testing.T, file string, o Options) *Inventory {
	t.Helper()
	inv, err := Read(t.Context(), strings.NewReader(file), o)
	if err != nil {
		t.Fatalf("%q: %v", head(file), err)
	}
	return inv
}

func head(s string) string { return s[:min(len(s), 80)] }

// brief is an inventory on one line: its blocks with the number of TNs, or the one
// TN, and its refusals as line:field.
func brief(inv *Inventory) string {
	var parts []string
	for _, b := range inv.Blocks {
		switch {
		case b.Members == nil:
			parts = append(parts, b.Block.String())
		case b.Members.Count() == 1:
			each(b.Members, func(i int) bool { parts = append(parts, b.Block.Number(i).Digits()); return true })
		default:
			parts = append(parts, fmt.Sprintf("%s×%d", b.Block, b.Members.Count()))
		}
	}
	for _, r := range inv.Refused {
		parts = append(parts, fmt.Sprintf("!%d:%s", r.Line, r.Field))
	}
	return strings.Join(parts, " ")
}

func TestShapes(t *testing.T) {
	const ten = "919-200-0 919-200-1 919-200-2 919-200-3 919-200-4 919-200-5 919-200-6 919-200-7 919-200-8 919-200-9"
	for _, c := range []struct{ name, file, want string }{
		{"tn", "tn\n9192000123\n", "9192000123"},
		{"exchange", "npa,nxx\n919,200\n", ten},
		{"block", "npa,nxx,x\n919,200,4\n", "919-200-4"},
		{"x empty is the exchange", "npa,nxx,x\n919,200,\n", ten},
		{"range in a block", "start,end\n9192000100,9192000199\n", "919-200-0×100"},
		{"range of one", "start,end\n9192000100,9192000100\n", "9192000100"},
		{"range over blocks", "start,end\n9192000999,9192002000\n", "9192000999 919-200-1 9192002000"},
		{"range of a block", "start,end\n9192000000,9192000999\n", "919-200-0"},
		{"N11 inside a range", "start,end\n9192109000,9192120999\n", "919-210-9 919-212-0"},
		{"all ways in one file", "tn,npa,nxx,x,start,end\n9192000001,,,,,\n,919,201,3,,\n,,,,9192020000,9192020001\n", "9192000001 919-201-3 919-202-0×2"},
		{"two ways in a row", "tn,npa,nxx\n9192000001,919,200\n", "!2:row"},
		{"two ways, half of one", "tn,npa,nxx\n9192000001,919,\n", "!2:row"},
		{"no way in a row", "tn,city\n,Raleigh\n", "!2:row"},
		{"any order and case", "City, NXX ,x,N-P-A,NPA,State\nRaleigh,200,1,,919,nc\n", "919-200-1"},
		{"blank and empty rows", "tn,city\n\n9192000001,\n,\n   \n9192000002,\n", "919-200-0×2"},
		{"BOM", "\uFEFFtn\n9192000001\n", "9192000001"},
		{"CRLF", "tn\r\n9192000001\r\nx\r\n", "9192000001 !3:tn"},
		{"CR", "tn\r9192000001\rx\r", "9192000001 !3:tn"},
		{"no last line end", "tn\n9192000001", "9192000001"},
		{"semicolons", "tn;city\n9192000001;Raleigh, the city\n", "9192000001"},
		{"tabs", "tn\tcity\tstate\tlata\n9192000001\t\tNC\t\n", "9192000001"},
		{"quotes", "\"tn\",\"city\"\n\"9192000001\",\"a \"\"b\"\"\"\n", "9192000001"},
		{"space before a quote", "tn, city\n9192000001, \"Raleigh, NC\"\n", "9192000001"},
		{"fields too many but empty", "tn,city\n9192000001,Raleigh,,\n", "9192000001"},
		{"fields too many", "tn,city\n9192000001,Raleigh,NC\n", "!2:row"},
		{"fields too few", "tn,city\n9192000001\n", "!2:row"},
		{"an X that is no digit", "npa,nxx,x\n919,200,10\n919,200,a\n919,200,4.0\n", "919-200-4 !2:x !3:x"},
		{"codes", "npa,nxx,x\n919.0,'200,1\n(919),200,2\n91,200,1\n919,2000,1\n,200,1\n919,,1\n9l9,200,1\n", "919-200-1 919-200-2 !4:npa !5:nxx !6:npa !7:nxx !8:npa"},
		{"codes that cannot exist", "npa,nxx\n911,200\n291,200\n119,200\n919,911\n919,100\n555,200\n370,200\n", "!2:npa !3:npa !4:npa !5:nxx !6:nxx !7:npa !8:npa"},
		{"ranges that are none", "start,end\n9192000100,9192000099\n9192000000,9202000000\n9192000000,\n,9192000000\n9192110000,9192120000\n9192100000,9192119999\n", "!2:end !3:end !4:end !5:start !6:start !7:end"},
		{"toll-free", "tn\n8002345678\n8332345678\n", "8002345678 8332345678"},
		{"the islands", "tn\n3402345678\n6842345678\n6712345678\n7872345678\n8762345678\n", "3402345678 6712345678 6842345678 7872345678 8762345678"},
	} {
		t.Run(c.name, func(t *testing.T) {
			inv := read(t, c.file, Options{})
			if got := brief(inv); got != c.want {
				t.Errorf("got  %s\nwant %s\n%v", got, c.want, inv.Refused)
			}
			if inv.Rows != inv.Accepted+inv.RefusedCount || inv.RefusedCount != len(inv.Refused) {
				t.Errorf("rows %d, accepted %d, refused %d", inv.Rows, inv.Accepted, inv.RefusedCount)
			}
			slow, err := Read(t.Context(), iotest.OneByteReader(strings.NewReader(c.file)), Options{})
			if err != nil || brief(slow) != c.want {
				t.Errorf("byte by byte: %s, %v", brief(slow), err)
			}
		})
	}
}

func TestTN(t *testing.T) {
	const good = "9195551234"
	for _, s := range []string{
		"9195551234", "+19195551234", "19195551234", "(919) 555-1234", "919.555.1234", "1-919-555-1234",
		"'9195551234", "' +19195551234", "  9195551234  ", "919 555 1234", "919\u00a0555\u20111234", "tel:+1-919-555-1234",
		"1.9195551234E+10", "1.9195551234e10", "9.195551234E+9", "9.195551234E+09", "1,9195551234E+10", "1.91955512340E+10",
		"19195551234.0", "9195551234.00", "+19195551234.0", "19195551234,0", "919/555-1234", "19195551234E0",
	} {
		n, f := parseTN("tn", s)
		if f != nil || n.Digits() != good {
			t.Errorf("%q: %v, %v", s, n, f)
		}
	}
	for s, want := range map[string]string{
		"":                      "ten-digit",
		"'":                     "ten-digit",
		"919555123":             "ten-digit",
		"91955512345":           "ten-digit",
		"+9195551234":           "+1 and ten digits",
		"+442071838750":         "+1 and ten digits",
		"29195551234":           "ten-digit",
		"919-555-FLOW":          "ten-digit",
		"9195551234 x12":        "ten-digit",
		"1.91956E+10":           "rounded this number; format the column as text",
		"1.919555123E+10":       "rounded this number",
		"2E9":                   "rounded this number",
		"1.9195551234E+9":       "ten-digit",
		"1.91955512345E+10":     "ten-digit",
		"1E99":                  "rounded",
		"1E999999999999999":     "ten-digit",
		"9195551234.5":          "after the decimal point",
		"1212555123.4":          "after the decimal point",
		"1919555123.0":          "", // ten digits that cannot exist: said by another check
		"9195551234\x00":        "ten-digit",
		strings.Repeat("9", 70): "too long",
		"=1+1":                  "ten-digit",
		"-9195551234E":          "ten-digit",
		"E":                     "ten-digit",
		".":                     "ten-digit",
		"e+e":                   "ten-digit",
	} {
		_, f := parseTN("tn", s)
		if want == "" {
			if f != nil {
				t.Errorf("%q: %s", s, f.reason())
			}
			continue
		}
		if f == nil || !strings.Contains(f.reason().String(), want) {
			t.Errorf("%q: %v, want %q", s, f, want)
		}
	}
}

func TestFictional(t *testing.T) {
	file := "tn,npa,nxx,x,start,end\n" +
		"9195550142,,,,,\n" + // 2: refused
		",919,555,,,\n" +
		",,,,9195550150,9195550250\n" +
		",,,,9195550120,9195550130\n" + // 5: refused
		"9195550200,,,,,\n"
	inv := read(t, file, Options{})
	if got := brief(inv); !strings.HasPrefix(got, "919-555-0×900 919-555-1 ") || !strings.HasSuffix(got, "!2:tn !5:start") {
		t.Error(got)
	}
	if inv.TNs != 9900 || !slices.Contains(told(inv), "555-0100 to 555-0199 are fictional and were left out. Area codes with them: 1.") {
		t.Error(inv.TNs, inv.Notices)
	}
	if m := inv.Blocks[0].Members; m.Has(100) || m.Has(199) || !m.Has(99) || !m.Has(200) {
		t.Error("wrong TNs left out")
	}
	inv = read(t, file, Options{AllowFictional: true})
	if inv.TNs != 10_000 || inv.RefusedCount != 0 || inv.Blocks[0].Members != nil {
		t.Error(brief(inv), inv.Notices)
	}
}

func TestPlaceAndOffer(t *testing.T) {
	const columns = "tn,city,state,rate_center,lata,block_holder,features,tier,monthly_cost\n"
	inv := read(t, columns+`9192000001, Raleigh ,north  carolina,RALEIGH,426.0,"Acme, Inc.","Voice, SMS|mms;sms",PREMIUM,$1.25`, Options{})
	want := Block{
		Block:   tel.NewBlock(919, 200, 0),
		Place:   tel.Place{City: "Raleigh", State: "NC", RateCenter: "RALEIGH", LATA: "426", Carrier: "Acme, Inc."},
		Offer:   tel.Offer{Features: "mms,sms,voice", Tier: "premium", MonthlyCost: 125_000},
		Members: &Bits{2},
	}
	got := inv.Blocks[0]
	if *got.Members != *want.Members || got.Place != want.Place || got.Offer != want.Offer || got.Block != want.Block {
		t.Errorf("got %+v", got)
	}
	if inv.Notices != nil {
		t.Error(inv.Notices)
	}
	for row, field := range map[string]string{
		"Ral\xffeigh,,,,,,,":                        "city",
		"Ral\x1beigh,,,,,,,":                        "city",
		"Ral\u202eeigh,,,,,,,":                      "city",
		"\"Ral\neigh\",,,,,,,":                      "city",
		strings.Repeat("é", 65) + ",,,,,,,":         "city",
		strings.Repeat("é", 64) + ",,,,,,,":         "",
		",ZZ,,,,,,":                                 "state",
		",Carolina,,,,,,":                           "state",
		",Québec,,,,,,":                             "",
		",,a\u2028b,,,,,":                           "rate_center",
		",,,42,,,,":                                 "lata",
		",,,426001,,,,":                             "lata",
		",,,4a6,,,,":                                "lata",
		",,,42600,,,,":                              "",
		",,,,a\tb,,,":                               "carrier",
		",,,,,sm$,,":                                "features",
		",,,,," + strings.Repeat("x", 17) + ",,":    "features",
		",,,,,a b c d e f g h i j k l m,,":          "features",
		",,,,,a b c d e f g h i j k l a A,,":        "",
		",,,,," + strings.Repeat("a ", 5000) + ",,": "features",
		",,,,,,not one,":                            "tier",
		",,,,,," + strings.Repeat("t", 17) + ",":    "tier",
		",,,,,,," + strings.Repeat("1", 5000):       "monthly_cost",
		",,,,,,,-1":                                 "monthly_cost",
		",,,,,,,1.123456":                           "monthly_cost",
		",,,,,,,1.12345":                            "",
	} {
		inv := read(t, columns+"9192000001,"+row+"\n", Options{})
		if field == "" && inv.RefusedCount != 0 || field != "" && (len(inv.Refused) != 1 || inv.Refused[0].Field != field) {
			t.Errorf("%q: %+v, want %q", head(row), inv.Refused, field)
		}
		for _, r := range inv.Refused {
			if len(r.Reason.String()) > 250 || strings.ContainsFunc(r.Reason.String(), hidden) {
				t.Errorf("%q: reason %q", head(row), r.Reason)
			}
		}
	}
}

func TestSameBlock(t *testing.T) {
	inv := read(t, "npa,nxx,x,city,state,rate_center,lata,carrier\n"+
		"919,555,1,,NC,,,\n"+
		"919,555,1,Raleigh,NC,,,\n"+
		"919,555,1,,,RALEIGH,426,Acme\n"+
		"919,555,1,RALEIGH,nc,raleigh,426,ACME\n"+ // the same
		"919,555,1,Durham,NC,,,\n"+
		"919,555,1,,VA,,,\n"+
		"919,555,1,,,DURHAM,,\n"+
		"919,555,1,,,,224,\n"+
		"919,555,1,,,,,Other\n", Options{})
	want := []string{
		"6 city: 919-555-1 is Raleigh, NC since line 4; a thousands-block has one place.",
		"7 state: 919-555-1 is Raleigh, NC since line 4; a thousands-block has one place.",
		"8 rate_center: 919-555-1 is in rate center RALEIGH since line 4; a thousands-block has one place.",
		"9 lata: 919-555-1 is in LATA 426 since line 4; a thousands-block has one place.",
		"10 carrier: 919-555-1 is with Acme since line 4; a thousands-block has one place.",
	}
	var got []string
	for _, r := range inv.Refused {
		got = append(got, fmt.Sprintf("%d %s: %s", r.Line, r.Field, r.Reason))
	}
	if !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
	place := tel.Place{City: "Raleigh", State: "NC", RateCenter: "RALEIGH", LATA: "426", Carrier: "Acme"}
	if len(inv.Blocks) != 1 || inv.Blocks[0].Place != place || inv.TNs != 1000 || inv.Accepted != 4 {
		t.Errorf("%+v", inv)
	}
	if want := "Numbers named more than once in this file: 3000. Each counts once."; !slices.Equal(told(inv), []string{want}) {
		t.Error(inv.Notices)
	}
}

// A range that meets one block elsewhere is refused as a whole.
func TestRangeRefusedWhole(t *testing.T) {
	inv := read(t, "start,end,city\n9192005000,9192005999,Raleigh\n9192000000,9192009999,Durham\n", Options{})
	if got := brief(inv); got != "919-200-5 !3:city" {
		t.Error(got)
	}
}

func TestOwnOffers(t *testing.T) {
	for _, c := range []struct{ name, rows, want string }{
		{"differing in a block", "1,,a;2,,b;3,,a", "a:1=a 2=b 3=a"},
		{"the whole first", ",0,a;1,,b;2,,a", "a:1=b 2=a 3=a 4=a"},
		{"the whole last", "1,,b;2,,a;3,,c;,0,a", "a:1=b 2=a 3=c 4=a"},
		{"the whole last, parts alike", "1,,b;2,,b;,0,a", "a:1=b 2=b 3=a 4=a"},
		{"without an offer", "1,,;2,,a", ":1= 2=a"},
		{"no offer in a block of one", ",0,a;1,,", "a:1= 2=a 3=a 4=a"},
		{"twice", "1,,a;1,,a", "a:1=a"},
		{"twice, otherwise", "1,,a;1,,b", "a:1=a !3"},
		{"twice, otherwise, around the whole", "1,,a;,0,b;1,,b;1,,a", "b:1=a 2=b 3=b 4=b !4"},
		{"own twice, otherwise", "1,,a;2,,b;2,,c;2,,b", "a:1=a 2=b !4"},
		{"whole twice, otherwise", ",0,a;,0,b", "a:1=a 2=a 3=a 4=a !3"},
	} {
		t.Run(c.name, func(t *testing.T) {
			file := "tn,npa,nxx,x,tier\n"
			for _, r := range strings.Split(c.rows, ";") {
				f := strings.Split(r, ",")
				if f[1] != "" {
					file += ",919,200,0," + f[2] + "\n"
				} else {
					file += "919200000" + f[0] + ",,,," + f[2] + "\n"
				}
			}
			inv := read(t, file, Options{})
			b := inv.Blocks[0]
			got := b.Offer.Tier + ":"
			for i := 1; i <= 4; i++ {
				if b.Members == nil || b.Members.Has(i) {
					got += fmt.Sprintf("%d=%s ", i, offerOf(inv, b, i).Tier)
				}
			}
			for _, r := range inv.Refused {
				got += fmt.Sprintf("!%d ", r.Line)
			}
			if got != c.want+" " {
				t.Errorf("got %q want %q", got, c.want)
			}
			for _, o := range inv.TNOffers {
				if o.Offer == b.Offer {
					t.Errorf("%v is sold as its block and listed", o.TN)
				}
			}
		})
	}
	inv := read(t, "start,end,tier\n9192000000,9192000999,a\n9192000990,9192001009,b\n", Options{})
	if len(inv.TNOffers) != 10 || inv.TNOffers[0].TN != 19192000990 || inv.Blocks[1].Offer.Tier != "b" {
		t.Errorf("%+v", inv.TNOffers)
	}
}

func offerOf(inv *Inventory, b Block, i int) tel.Offer {
	for _, o := range inv.TNOffers {
		if o.TN == b.Block.Number(i) {
			return o.Offer
		}
	}
	return b.Offer
}

// told are a file's notices as a person reads them.
func told(inv *Inventory) (list []string) {
	for _, n := range inv.Notices {
		list = append(list, n.String())
	}
	return list
}

func TestNotices(t *testing.T) {
	for _, c := range []struct{ file, want string }{
		{"tn,Note, ILEC Name\n9192000001,,\n", "Columns not used: Note, ILEC Name."},
		{"tn,carrier,block_holder\n9192000001,A,B\n", "Columns not used: block_holder."},
		{"tn,npa\n9192000001,919\n", "Columns not used: npa."},
		{"tn,\x1b[31mred\n9192000001,\n", "Columns not used: ?[31mred."},
		{"tn\n9192000001\n(919) 200-0001\n", "Numbers named more than once in this file: 1. Each counts once."},
		{"start,end\n9192000000,9199999999\n", "Exchanges left out of ranges because they cannot exist: 8. N11 codes are services such as 911."},
		{"tn\n4362345678\n7102345678\n", "Area codes that the telephone number library does not know: 436, 710. Check that they are in service."},
	} {
		if inv := read(t, c.file, Options{AllowFictional: true}); !slices.Equal(told(inv), []string{c.want}) {
			t.Errorf("%q: %q", c.file, inv.Notices)
		}
	}
	wide := "tn"
	for i := range 150 {
		wide += fmt.Sprintf(",column %d %s", i, strings.Repeat("x", 100))
	}
	inv := read(t, wide+"\n9192000001"+strings.Repeat(",", 150)+"\n", Options{})
	if n := told(inv)[0]; len(n) > 1100 || !strings.HasSuffix(n, " and 130 more.") {
		t.Error(n)
	}
}

func TestNoCSV(t *testing.T) {
	utf16 := func(s string) (out string) {
		for _, r := range s {
			out += string([]byte{byte(r), 0})
		}
		return out
	}
	const noHeader = "This file has no header with tn, npa and nxx, or start and end."
	for _, c := range []struct{ file, want string }{
		{"", "This file is empty."},
		{"\uFEFF", "This file is empty."},
		{"\n\r\n  \n", "This file is empty."},
		{"tn\n", "This file has a header and no rows below it."},
		{"tn,city\n,\n\n", "This file has a header and no rows below it."},
		{"9192000001\n9192000002\n", noHeader},
		{"city,state\nRaleigh,NC\n", noHeader},
		{"npa,city\n919,Raleigh\n", noHeader},
		{"start,npa\n1,2\n", noHeader},
		{"tn,TN\n1,2\n", "This file's header has the column TN twice."},
		{"tn,note,Note\n1,2\n", "This file's header has the column Note twice."},
		{"tn;city;city\n1;2;3\n", "This file's header has the column city twice."},
		{"tn,\"city\n1,2\n", "A quotation mark in this file's header is opened and not closed."},
		{"tn" + strings.Repeat(",", 200) + "\n", "The header of this file cannot be read. This row has more than 200 fields."},
		{"tn,\"city\"x\n1,2\n", "The header of this file cannot be read. A quotation mark is followed by something else than a separator."},
		{strings.Repeat("a", 70_000), "The first line of this file is longer than 64 KiB; it is no header."},
		{"PK\x03\x04\x14\x00\x06\x00\x08\x00[Content_Types].xml", "This is an Excel workbook; save it as CSV first."},
		{"PK\x03\x04\x14\x00mimetypeapplication/vnd.oasis.opendocument.spreadsheet", "This is an OpenDocument file; save it as CSV first."},
		{"PK\x03\x04\x14\x00inventory.csv", "This is a ZIP archive; unpack it first."},
		{"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1\x00", "This is an Excel workbook; save it as CSV first."},
		{"%PDF-1.7\n", "This is a PDF document, not a CSV file."},
		{"\x1f\x8b\x08", "This is a compressed file (gzip); unpack it first."},
		{"SQLite format 3\x00", "This is a database, not a CSV file."},
		{"\xff\xfe" + utf16("tn\n"), "This file is in UTF-16; save it as CSV in UTF-8 first."},
		{"\xfe\xff\x00t\x00n", "This file is in UTF-16; save it as CSV in UTF-8 first."},
		{utf16("tn,city\n9192000001,Raleigh\n"), "This file is in UTF-16; save it as CSV in UTF-8 first."},
		{"tn\n\x00\x01\x02\x03", "This is not a text file; save the inventory as CSV first."},
		{"<!DOCTYPE html><html>", "This is a web page (HTML), not a CSV file."},
		{" \n<?xml version=\"1.0\"?>", "This is XML, not a CSV file."},
		{"<table>", "This is HTML or XML, not a CSV file."},
		{"[{\"tn\": 1}]", "This is JSON, not a CSV file."},
		{"\uFEFF{\"tn\": 1}", "This is JSON, not a CSV file."},
	} {
		inv, err := Read(t.Context(), strings.NewReader(c.file), Options{})
		e, ok := errors.AsType[*tel.Error](err)
		if inv != nil || !ok || e.Code != tel.CodeInvalid || e.Field != "file" || e.Message != c.want {
			t.Errorf("%q: %v\nwant %s", head(c.file), err, c.want)
		}
	}
}

// What is no CSV is told by its beginning.
func TestNoCSVAtOnce(t *testing.T) {
	end := errors.New("read on")
	in := io.MultiReader(strings.NewReader("%PDF-1.7"+strings.Repeat("x", sniffSize)), iotest.ErrReader(end))
	if _, err := Read(t.Context(), in, Options{}); tel.CodeOf(err) != tel.CodeInvalid {
		t.Error(err)
	}
}

func TestLines(t *testing.T) {
	for _, c := range []struct{ name, file, want string }{
		{"newlines in quotes", "note,tn\n\"a\nb\r\nc\rd\",9192000001\n,x\n\"\n\",y\n,z\n", "9192000001 !6:tn !7:tn !9:tn"},
		{"newlines in the header", "\"a\nb\",tn\n,x\n", "!3:tn"},
		{"blank lines before the header", "\n\ntn\nx\n", "!4:tn"},
		{"stray quote", "tn,city\n9192000001,a\"b\n9192000002,\n", "9192000002 !2:row"},
		{"text after a quote", "tn,city\n9192000001,\"a\"b\n9192000002,\n", "9192000002 !2:row"},
		{"quote never closed", "tn,city\n9192000001,\"a\n9192000002,\n9192000003,\n", "919-200-0×2 !2:row"},
		{"two quotes never closed", "tn,city\n9192000001,\"a\n9192000002,\n9192000003,\"b\n9192000004,\n", "919-200-0×2 !2:row !4:row"},
		{"quote at the end", "tn\n9192000001\n\"", "9192000001 !3:row"},
		{"long line", "tn,note\n9192000001," + strings.Repeat("x", 70_000) + "\n9192000002,\nx,\n", "9192000002 !2:row !4:tn"},
		{"long line with CRLF", "tn,note\r\n9192000001," + strings.Repeat("x", 900_000) + "\r\n9192000002,\r\nx,\r\n", "9192000002 !2:row !4:tn"},
		{"long line at the end", "tn,note\n9192000002,\n9192000001," + strings.Repeat("x", 900_000), "9192000002 !3:row"},
		{"long quoted field", "tn,note\n9192000001,\"" + strings.Repeat("x\n", 40_000) + "\"\n9192000002,\n", ""},
		{"many fields", "tn\n9192000001" + strings.Repeat(",", 60_000) + "\n9192000002\n", "9192000002 !2:row"},
		{"NUL later", "tn,city\n" + strings.Repeat("9192000001,\n", 500) + "9192000002,a\x00b\n", "9192000001 !502:city"},
	} {
		t.Run(c.name, func(t *testing.T) {
			inv := read(t, c.file, Options{})
			if c.want == "" { // every line is judged by itself
				if inv.Refused[0].Line != 2 || inv.RefusedCount != 40_001 || inv.TNs != 1 {
					t.Error(inv.RefusedCount, inv.TNs, inv.Refused[0])
				}
				return
			}
			if got := brief(inv); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
			slow, err := Read(t.Context(), iotest.OneByteReader(strings.NewReader(c.file)), Options{})
			if err != nil || brief(slow) != c.want {
				t.Errorf("byte by byte: %s, %v", brief(slow), err)
			}
		})
	}
	// Rows on every side of the buffer's end.
	for shift := range 20 {
		const rows = 30_000 // of 20 bytes: over two ends of the buffer
		file := "note,tn\r\n" + strings.Repeat("y", shift) + ",9192000001\r\n" +
			strings.Repeat("\"a\r\nb\",9192000001\r\n", rows) + ",x\r\n"
		inv := read(t, file, Options{})
		if want := 3 + 2*rows; len(inv.Refused) != 1 || inv.Refused[0].Line != want {
			t.Fatalf("shift %d: %+v, want line %d", shift, inv.Refused, want)
		}
	}
}

func TestStrict(t *testing.T) {
	inv, err := Read(t.Context(), strings.NewReader("tn\n9192000001\n9112000001\nx\n"), Options{Strict: true})
	e, ok := errors.AsType[*tel.Error](err)
	if inv != nil || !ok || e.Code != tel.CodeInvalid || e.Field != "tn" || !strings.HasPrefix(e.Message, "Line 3: Area code 911 cannot exist") {
		t.Error(err)
	}
}

func TestMaxRefusals(t *testing.T) {
	file := "tn\n" + strings.Repeat("x\n", 1500)
	for max, want := range map[int]int{0: DefaultRefusals, 3: 3, -1: 0, 5000: 1500} {
		if inv := read(t, file, Options{MaxRefusals: max}); len(inv.Refused) != want || inv.RefusedCount != 1500 || inv.Rows != 1500 {
			t.Errorf("%d: kept %d of %d", max, len(inv.Refused), inv.RefusedCount)
		}
	}
}

func TestProgressAndEnd(t *testing.T) {
	file := "tn\n" + strings.Repeat("9192000001\n", 100_000)
	var seen []int64
	read(t, file, Options{Progress: func(n int64) { seen = append(seen, n) }})
	if !slices.IsSorted(seen) || len(seen) < 4 || seen[len(seen)-1] != int64(len(file)) {
		t.Error(seen)
	}
	ctx, cancel := context.WithCancel(t.Context())
	_, err := Read(ctx, strings.NewReader(file), Options{Progress: func(int64) { cancel() }})
	if !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	cut := errors.New("cut")
	if _, err := Read(t.Context(), io.MultiReader(strings.NewReader(file), iotest.ErrReader(cut)), Options{}); !errors.Is(err, cut) {
		t.Error(err)
	}
	if _, err := Read(t.Context(), stuck{}, Options{}); !errors.Is(err, io.ErrNoProgress) {
		t.Error(err)
	}
}

// stuck is a reader that never gets on.
type stuck struct{}

func (stuck) Read([]byte) (int, error) { return 0, nil }

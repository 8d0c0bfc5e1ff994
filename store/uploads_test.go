package store_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"reflect"
	"strings"
	"sync/atomic"
	"testing"
	"testing/iotest"
	"time"

	"tnreserve/store"
	"tnreserve/store/intake"
	"tnreserve/store/storetest"
	"tnreserve/store/tel"
)

// uploaded is a file that waits to be confirmed.
func uploaded(t *testing.T, s *store.Store, who tel.Actor, text string) *store.Upload {
	t.Helper()
	u := must[*store.Upload](t)(s.ReceiveUpload(ctx, who, "numbers.csv", strings.NewReader(text)))
	_, err := s.Upload(ctx, who, u.ID)
	code(t, err, tel.CodeNotFound) // not before it is read
	inv := must[*intake.Inventory](t)(s.ReadUpload(ctx, who, u, 200))
	if err := s.ShowUpload(ctx, who, u, inv); err != nil {
		t.Fatal(err)
	}
	return u
}

const faulty = `tn,npa,nxx,start,end,city,state,features,tier,monthly_cost,lata,colour
3035551000,,,,,Denver,CO,sms,,1.00,,blue
3035551001,,,,,Boulder,CO,sms,,1.00,,
3035551000,,,,,Denver,CO,voice,,1.00,,
,303,911,,,Denver,CO,,,,,
,911,200,,,Denver,CO,,,,,
,199,200,,,Denver,CO,,,,,
1.21E+10,,,,,,,,,,,
2345,,,,,,,,,,,
3035550142,,,,,,,,,,,
,,,3035559999,3035550000,,,,,,,
3035551002,303,555,,,,,,,,,
3035551003,,,,,Denver,Nowhere,,,,,
3035551004,,,,,Denver,CO,a b c d e f g h i j k l m n,,,,
3035551005,,,,,Denver,CO,,gold!,,,
3035551006,,,,,Denver,CO,,,much,,
3035551007,,,,,Denver,CO,,,,9,
3035551008,,
,436,200,,,Denver,CO,,,,,
`

// An upload lies in the database: another node shows it, one node runs it, and when that
// one dies another does.
func TestUploadsOnTwoNodes(t *testing.T) {
	s := storetest.Open(t)
	here, there := s.Store, again(t, s)
	u := uploaded(t, here, operator, faulty)
	if len(u.Report.Bad) < 14 || len(u.Report.Notices) < 2 || u.Added == 0 {
		t.Fatalf("%+v", u)
	}
	seen := must[*store.Upload](t)(there.Upload(ctx, operator, u.ID))
	if !reflect.DeepEqual(seen, u) {
		t.Errorf("another node sees\n%+v, not\n%+v", seen, u)
	}
	_, err := there.Upload(ctx, admin, u.ID)
	code(t, err, tel.CodeForbidden)

	var runners atomic.Int32
	var runner string
	parallel(8, func(i int) {
		got, err := []*store.Store{here, there}[i%2].StartUpload(ctx, operator, u)
		if err != nil {
			t.Error(err)
		}
		if got != "" {
			runner = got
			runners.Add(1)
		}
	})
	if runners.Load() != 1 {
		t.Fatalf("%d run it", runners.Load())
	}
	state := func(want tel.UploadState, done int) {
		t.Helper()
		for _, node := range []*store.Store{here, there} {
			if u := must[*store.Upload](t)(node.Upload(ctx, operator, u.ID)); u.State != want || u.Done != done {
				t.Errorf("%s, %d blocks", u.State, u.Done)
			}
		}
	}
	if discarded, err := there.DiscardUpload(ctx, operator, u.ID); discarded || err != nil {
		t.Error("one that runs was discarded", err)
	}
	s.Clock.Add(50 * time.Second)
	if mine, err := here.TouchUpload(ctx, operator, u.ID, runner, 1); !mine || err != nil {
		t.Error(mine, err)
	}
	s.Clock.Add(50 * time.Second)
	state(tel.UploadRunning, 1)
	s.Clock.Add(11 * time.Second) // no sign of life
	state(tel.UploadFailed, 1)
	next := must[string](t)(there.StartUpload(ctx, operator, u))
	if next == "" {
		t.Fatal("it cannot be run again")
	}
	if mine, err := here.TouchUpload(ctx, operator, u.ID, runner, 1); mine || err != nil {
		t.Error("the dead one speaks", err)
	}
	if err := here.EndUpload(ctx, operator, u.ID, runner, 1, store.Imported{}, true); err != nil {
		t.Error(err)
	}
	state(tel.UploadRunning, 0)
	result := must[store.Imported](t)(there.Import(ctx, operator, must[*intake.Inventory](t)(there.ReadUpload(ctx, operator, seen, 0)), nil))
	if err := there.EndUpload(ctx, operator, u.ID, next, u.Report.Blocks, result, true); err != nil {
		t.Error(err)
	}
	state(tel.UploadDone, u.Report.Blocks)
	if again := must[string](t)(here.StartUpload(ctx, operator, u)); again != "" {
		t.Error("what is done runs again")
	}
	db := file(t, s.Path)
	if n := count(t, db, `SELECT COUNT(*) FROM upload_piece`); n != 0 {
		t.Errorf("%d pieces of its text are left", n)
	}

	uploaded(t, here, operator, faulty)
	s.Clock.Add(time.Hour + time.Second)
	for range 2 {
		must[store.Swept](t)(there.Sweep(ctx))
	}
	if n := count(t, db, `SELECT (SELECT COUNT(*) FROM upload) + (SELECT COUNT(*) FROM upload_piece)`); n != 0 {
		t.Errorf("%d rows are left after an hour", n)
	}
	checked(t, there)
}

// A large file is many rows, and one again.
func TestUploadsInPieces(t *testing.T) {
	s := storetest.Open(t)
	random := rand.New(rand.NewPCG(1, 2))
	text := []byte("npa,nxx,city\n")
	for len(text) < 2_000_000 {
		text = fmt.Appendf(text, "303,%d,%x%x\n", 200+random.IntN(700), random.Uint64(), random.Uint64())
	}
	u := must[*store.Upload](t)(s.ReceiveUpload(ctx, operator, "numbers.csv", strings.NewReader(string(text))))
	if n := count(t, file(t, s.Path), `SELECT COUNT(*) FROM upload_piece`); n < 3 || u.Bytes != int64(len(text)) {
		t.Errorf("%d bytes in %d pieces", u.Bytes, n)
	}
	got := must[*intake.Inventory](t)(s.ReadUpload(ctx, operator, u, 0))
	want, err := intake.Read(ctx, strings.NewReader(string(text)), intake.Options{})
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Error("it reads otherwise", err)
	}
	_, err = s.ReceiveUpload(ctx, operator, "numbers.csv", io.MultiReader(bytes.NewReader(text[:1_500_000]), iotest.ErrReader(errors.New("the line broke"))))
	if err == nil || count(t, file(t, s.Path), `SELECT COUNT(*) FROM upload`) != 1 {
		t.Error("half a file is kept", err)
	}
}

// One person's uploads that wait are bounded, and are nobody else's trouble.
func TestUploadsOfOnePerson(t *testing.T) {
	s := storetest.Open(t)
	other := operator
	other.ID = "another operator"
	const text = "npa,nxx\n303,555\n"
	theirs := uploaded(t, s.Store, other, text)
	var mine []*store.Upload
	for range 9 {
		s.Clock.Add(time.Second)
		mine = append(mine, uploaded(t, s.Store, operator, text))
	}
	_, err := s.Upload(ctx, operator, mine[0].ID)
	code(t, err, tel.CodeNotFound)
	if list := must[[]*store.Upload](t)(s.UnfinishedUploads(ctx, operator)); len(list) != 8 || list[0].ID != mine[1].ID || list[7].ID != mine[8].ID {
		t.Errorf("%d wait", len(list))
	}
	must[*store.Upload](t)(s.Upload(ctx, operator, theirs.ID))
	strict := mine[1]
	strict.Strict, strict.Report.Refused = true, 1
	if runner := must[string](t)(s.StartUpload(ctx, operator, strict)); runner != "" {
		t.Error("a blocked one runs")
	}
}

// A file that waited long for its turn is kept from then on; one that is gone is said to be.
func TestUploadWaitsForItsTurn(t *testing.T) {
	s := storetest.Open(t)
	receive := func() *store.Upload {
		return must[*store.Upload](t)(s.ReceiveUpload(ctx, operator, "numbers.csv", strings.NewReader("npa,nxx\n303,555\n")))
	}
	u := receive()
	s.Clock.Add(40 * time.Minute)
	inv := must[*intake.Inventory](t)(s.ReadUpload(ctx, operator, u, 0))
	s.Clock.Add(40 * time.Minute)
	must[store.Swept](t)(s.Sweep(ctx))
	if err := s.ShowUpload(ctx, operator, u, inv); err != nil {
		t.Error(err)
	}
	gone := receive()
	s.Clock.Add(time.Hour + time.Second)
	for range 2 {
		must[store.Swept](t)(s.Sweep(ctx))
	}
	code(t, second(s.ReadUpload(ctx, operator, gone, 0)), tel.CodeNotFound)
	code(t, s.ShowUpload(ctx, operator, gone, inv), tel.CodeNotFound)
}

// What only operators may is refused to an account's own people, and is as it was.
func TestUploadsAreForOperators(t *testing.T) {
	s := storetest.Open(t)
	u := uploaded(t, s.Store, operator, "npa,nxx\n303,555\n")
	coming := must[*store.Upload](t)(s.ReceiveUpload(ctx, operator, "numbers.csv", strings.NewReader("npa,nxx\n303,556\n")))
	inv := must[*intake.Inventory](t)(s.ReadUpload(ctx, operator, u, 0))
	runner := must[string](t)(s.StartUpload(ctx, operator, u))
	for name, call := range map[string]func(who tel.Actor) error{
		"ReceiveUpload": func(who tel.Actor) error {
			return second(s.ReceiveUpload(ctx, who, "numbers.csv", strings.NewReader("x")))
		},
		"ReadUpload":        func(who tel.Actor) error { return second(s.ReadUpload(ctx, who, u, 0)) },
		"ShowUpload":        func(who tel.Actor) error { return s.ShowUpload(ctx, who, coming, inv) },
		"DropUpload":        func(who tel.Actor) error { return s.DropUpload(ctx, who, coming) },
		"Upload":            func(who tel.Actor) error { return second(s.Upload(ctx, who, u.ID)) },
		"UnfinishedUploads": func(who tel.Actor) error { return second(s.UnfinishedUploads(ctx, who)) },
		"StartUpload":       func(who tel.Actor) error { return second(s.StartUpload(ctx, who, u)) },
		"TouchUpload":       func(who tel.Actor) error { return second(s.TouchUpload(ctx, who, u.ID, runner, 1)) },
		"EndUpload":         func(who tel.Actor) error { return s.EndUpload(ctx, who, u.ID, runner, 1, store.Imported{}, true) },
		"DiscardUpload":     func(who tel.Actor) error { return second(s.DiscardUpload(ctx, who, u.ID)) },
		"Import":            func(who tel.Actor) error { return second(s.Import(ctx, who, inv, nil)) },
		"CompareImport":     func(who tel.Actor) error { return second(s.CompareImport(ctx, who, inv)) },
	} {
		for _, who := range []tel.Actor{admin, member} {
			if err := call(who); tel.CodeOf(err) != tel.CodeForbidden {
				t.Errorf("%s by %s: %v", name, who.Role, err)
			}
		}
	}
	if got := must[*store.Upload](t)(s.Upload(ctx, operator, u.ID)); got.State != tel.UploadRunning || got.Done != 0 {
		t.Errorf("%+v", got)
	}
	must[*intake.Inventory](t)(s.ReadUpload(ctx, operator, coming, 0))
}

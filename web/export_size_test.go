package web

import (
	"net/http"
	"net/http/httptest"
	"os"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/xuri/excelize/v2"

	"tnreserve/store/tel"
)

// discarded counts what is answered and keeps none of it.
type discarded struct {
	header http.Header
	bytes  int64
}

func (d *discarded) Header() http.Header { return d.header }
func (d *discarded) WriteHeader(int)     {}
func (d *discarded) Write(b []byte) (int, error) {
	d.bytes += int64(len(b))
	return len(b), nil
}

// longExport writes so many rows of eight cells to a download and answers the most
// memory that was in use meanwhile, beyond what there was before, and what was sent.
func longExport(t testing.TB, format string, rows int, w http.ResponseWriter) (most uint64) {
	t.Helper()
	v := &visit{Server: &Server{}, w: w, r: httptest.NewRequest("GET", "/", nil), now: time.Unix(1, 0)}
	runtime.GC()
	var before, now runtime.MemStats
	runtime.ReadMemStats(&before)
	err := v.download("long", format, head("a", "b", "c", "d", "e", "f", "g", "h"), func(write writeRow) error {
		for i := range rows {
			if i%20_000 == 0 {
				runtime.GC() // what is garbage is not kept
				runtime.ReadMemStats(&now)
				most = max(most, now.HeapAlloc-min(now.HeapAlloc, before.HeapAlloc))
			}
			if err := write("reservation-"+strconv.Itoa(i), "9500001", "Acme Tel", tel.Number(19195550000+i), "Raleigh", i, v.now, "A note of some length"); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return most
}

// TestLongExportsFillNoMemory: 80,000 rows need no more memory than a
// few, in either format.
func TestLongExportsFillNoMemory(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	for _, format := range []string{"csv", "xlsx"} {
		w := &discarded{header: http.Header{}}
		most := longExport(t, format, 80_000, w)
		t.Logf("%s: %d MB sent, %d MB in use", format, w.bytes>>20, most>>20)
		if most > 64<<20 || w.bytes < 1<<20 {
			t.Errorf("%s: %d MB in use for %d MB sent", format, most>>20, w.bytes>>20)
		}
	}
	if left, err := os.ReadDir(os.TempDir()); err != nil || len(left) != 0 {
		t.Errorf("left behind: %v %v", left, err)
	}
}

// ending is a connection whose server gives an answer a few minutes.
type ending struct {
	discarded
	end time.Time
}

func (e *ending) SetWriteDeadline(t time.Time) error {
	if time.Now().Before(e.end) { // afterwards it is too late
		e.end = t
	}
	return nil
}

func (e *ending) Write(b []byte) (int, error) {
	if time.Now().After(e.end) {
		return 0, os.ErrDeadlineExceeded
	}
	return e.discarded.Write(b)
}

// TestDownloadsTakeTheirTime: one that goes on is not cut off.
func TestDownloadsTakeTheirTime(t *testing.T) {
	for _, format := range []string{"csv", "xlsx"} {
		synctest.Test(t, func(t *testing.T) {
			w := &ending{discarded{header: http.Header{}}, time.Now().Add(5 * time.Minute)}
			v := &visit{Server: &Server{}, w: w, r: httptest.NewRequest("GET", "/", nil), now: time.Now()}
			err := v.download("long", format, head("n"), func(write writeRow) error {
				for i := range 10 {
					time.Sleep(3 * time.Minute)
					if err := write(strings.Repeat("n", 8<<10), i); err != nil {
						return err
					}
				}
				return nil
			})
			if err != nil || w.bytes == 0 {
				t.Errorf("%s: %v after %d bytes", format, err, w.bytes)
			}
		})
	}
}

// TestMoreThanASheet: rows that one sheet cannot hold go on in the next, under the same
// heading.
func TestMoreThanASheet(t *testing.T) {
	w := httptest.NewRecorder()
	out := &xlsxSheet{v: &visit{w: w}, name: "long", file: excelize.NewFile(), header: head("n"), most: 100}
	if err := out.row(out.header); err != nil {
		t.Fatal(err)
	}
	for i := range 250 {
		if err := out.row([]any{i}); err != nil {
			t.Fatal(err)
		}
	}
	if err := out.end(); err != nil {
		t.Fatal(err)
	}
	book, err := excelize.OpenReader(w.Body)
	if err != nil {
		t.Fatal(err)
	}
	defer book.Close()
	if got := strings.Join(book.GetSheetList(), " "); got != "Sheet1 Sheet2 Sheet3" {
		t.Fatalf("sheets %s", got)
	}
	for name, last := range map[string]string{"Sheet1": "98", "Sheet2": "197", "Sheet3": "249"} {
		rows, err := book.GetRows(name)
		if err != nil || rows[0][0] != "n" || rows[len(rows)-1][0] != last {
			t.Errorf("%s: %v %v", name, rows, err)
		}
	}
}

// BenchmarkExport writes a million rows.
func BenchmarkExport(b *testing.B) {
	for _, format := range []string{"csv", "xlsx"} {
		b.Run(format, func(b *testing.B) {
			for b.Loop() {
				w := &discarded{header: http.Header{}}
				b.ReportMetric(float64(longExport(b, format, 1_000_000, w)>>20), "MB-in-use")
				b.ReportMetric(float64(w.bytes>>20), "MB-sent")
			}
		})
	}
}

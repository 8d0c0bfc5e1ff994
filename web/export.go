package web

import (
	"encoding/csv"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/xuri/excelize/v2"

	"tnreserve/store/tel"
)

// writeRow takes one row of a download: text, whole numbers, times and TNs. Text that a
// spreadsheet would run is made harmless.
type writeRow func(cells ...any) error

// sheet is a file that is written row by row.
type sheet interface {
	row(cells []any) error
	// end finishes the file.
	end() error
	// begun tells whether the reader has had a part of it.
	begun() bool
}

// download answers with a file of a format, "csv" or "xlsx", as it is made. A refusal
// before the first row is answered as on a page; a file that fails in the middle is cut
// off, so that nobody takes half for the whole.
func (v *visit) download(name, format string, header []any, fill func(writeRow) error) error {
	lasting := &lasting{ResponseWriter: v.w}
	v.w = lasting
	var out sheet
	switch format {
	case "csv":
		out = &csvSheet{v: v, name: name, out: csv.NewWriter(v.w)}
	case "xlsx":
		out = &xlsxSheet{v: v, name: name, file: excelize.NewFile(), header: header, most: mostSheetRows}
	default:
		return tel.NotFound()
	}
	started := false
	write := func(cells ...any) error {
		if !started {
			started = true
			if err := out.row(header); err != nil {
				return err
			}
		}
		lasting.goOn()
		return out.row(cells)
	}
	err := fill(write)
	if err == nil && !started {
		err = out.row(header)
	}
	if err = errors.Join(err, out.end()); err == nil || !out.begun() {
		return err
	}
	v.log.Error("a download was cut short", "request", v.id(), "error", err)
	panic(http.ErrAbortHandler)
}

// lasting lets an answer take as long as it goes on, whatever time answers have.
type lasting struct {
	http.ResponseWriter
	next time.Time // when it is time to ask for more
}

const (
	onePiece = 5 * time.Minute // how long the reader may take for a piece, and the store for a row
	askEvery = 5 * time.Second
)

func (l *lasting) goOn() {
	if now := time.Now(); !now.Before(l.next) { // the connection's clock
		_ = http.NewResponseController(l.ResponseWriter).SetWriteDeadline(now.Add(onePiece))
		l.next = now.Add(askEvery)
	}
}

func (l *lasting) Write(b []byte) (int, error) {
	l.goOn()
	return l.ResponseWriter.Write(b)
}

// attach are the headers of a file to keep.
func (v *visit) attach(name, ext, kind string) {
	h := v.w.Header()
	h.Set("Content-Type", kind)
	h.Set("Content-Disposition", `attachment; filename="`+name+"-"+v.now.Format("2006-01-02")+"."+ext+`"`)
}

// cell is a value as every format writes it: a whole number or harmless text.
func cell(value any) any {
	switch value := value.(type) {
	case string:
		return harmless(value)
	case time.Time:
		return csvTime(value)
	case tel.Number: // without "+", which the guard against formulas would spoil
		return value.Digits()
	case tel.Day:
		return value.String()
	case int, int64:
		return value
	}
	return harmless(fmt.Sprint(value))
}

// csvSheet streams.
type csvSheet struct {
	v    *visit
	name string
	out  *csv.Writer
	sent bool
}

func (s *csvSheet) row(cells []any) error {
	if !s.sent {
		s.sent = true
		s.v.attach(s.name, "csv", "text/csv; charset=utf-8")
	}
	line := make([]string, len(cells))
	for i, c := range cells {
		line[i] = fmt.Sprint(cell(c))
	}
	return s.out.Write(line)
}

func (s *csvSheet) end() error {
	if !s.sent {
		return nil
	}
	s.out.Flush()
	return s.out.Error()
}

func (s *csvSheet) begun() bool { return s.sent }

// mostSheetRows is how many rows one sheet of a workbook can have.
const mostSheetRows = excelize.TotalRows

// xlsxSheet writes through a temporary file, which is sent when it is whole.
type xlsxSheet struct {
	v      *visit
	name   string
	file   *excelize.File
	header []any
	stream *excelize.StreamWriter
	most   int // rows of one sheet
	rows   int // of this one
	sheets int
	failed bool
	sent   bool
}

func (s *xlsxSheet) row(cells []any) (err error) {
	defer func() { s.failed = s.failed || err != nil }()
	if s.stream == nil || s.rows == s.most {
		again := s.stream != nil
		if err := s.next(); err != nil {
			return err
		}
		if again {
			if err := s.row(s.header); err != nil {
				return err
			}
		}
	}
	s.rows++
	line := make([]any, len(cells))
	for i, c := range cells {
		line[i] = cell(c)
	}
	return s.stream.SetRow("A"+strconv.Itoa(s.rows), line)
}

// next begins another sheet.
func (s *xlsxSheet) next() (err error) {
	if s.stream != nil {
		if err := s.stream.Flush(); err != nil {
			return err
		}
	}
	s.sheets++
	s.rows = 0
	name := "Sheet" + strconv.Itoa(s.sheets)
	if s.sheets > 1 {
		if _, err := s.file.NewSheet(name); err != nil {
			return err
		}
	}
	s.stream, err = s.file.NewStreamWriter(name)
	return err
}

func (s *xlsxSheet) end() error {
	if s.failed || s.stream == nil {
		return s.file.Close()
	}
	if err := s.stream.Flush(); err != nil {
		return errors.Join(err, s.file.Close())
	}
	s.sent = true
	s.v.attach(s.name, "xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet")
	return errors.Join(s.file.Write(s.v.w), s.file.Close())
}

func (s *xlsxSheet) begun() bool { return s.sent }

// fileName splits "days.csv" into what it is and its format.
func fileName(file string) (what, format string) {
	what, format, _ = strings.Cut(file, ".")
	return what, format
}

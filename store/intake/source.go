package intake

import (
	"bufio"
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
)

const (
	bom        = "\uFEFF"
	bufferSize = 256 << 10
	// maxLine bounds a row, in bytes, over all lines of its quoted fields.
	maxLine = 64 << 10
	// maxFields bounds a row's fields and a header's columns.
	maxFields = 200
)

// source cuts a file into rows. Where a row ends is decided here, by lines and
// pairs of quotes, and only then encoding/csv reads it: so lines are counted
// exactly whatever ends them, a row's size is bounded before it is read, and a
// quote that is never closed costs its own line and not the rest of the file.
type source struct {
	ctx      context.Context
	in       io.Reader
	progress func(int64)

	buf      []byte
	pos, end int   // what is read and not yet used
	eof      bool  // in has ended
	read     int64 // bytes of in
	line     int   // number of the line at pos

	csv  *csv.Reader
	text *bufio.Reader // what csv reads: one row at a time
	one  bytes.Reader
}

func newSource(ctx context.Context, in io.Reader, progress func(int64)) *source {
	s := &source{ctx: ctx, in: in, progress: progress, buf: make([]byte, bufferSize), line: 1}
	s.text = bufio.NewReaderSize(&s.one, bufferSize/16)
	s.csv = csv.NewReader(s.text) // uses text itself, so that Reset below reaches it
	s.csv.ReuseRecord = true
	s.csv.FieldsPerRecord = -1
	s.separate(',')
	return s
}

// separate sets the separator of the rows that follow.
func (s *source) separate(by rune) {
	s.csv.Comma = by
	s.csv.TrimLeadingSpace = by != '\t' // it would eat empty fields between tabs
}

// sniff refuses what is no CSV by its beginning, and passes over a UTF-8 BOM.
func (s *source) sniff() error {
	for s.end < sniffSize && !s.eof {
		if err := s.fill(); err != nil {
			return err
		}
	}
	start := s.buf[:min(s.end, sniffSize)]
	if words := notCSV(start); words.Format != "" {
		return badFile("%s", words)
	}
	if bytes.HasPrefix(start, []byte(bom)) {
		s.pos = len(bom)
	}
	return nil
}

// fill reads one more piece of the file, or finds its end.
func (s *source) fill() error {
	if s.end == len(s.buf) {
		s.end = copy(s.buf, s.buf[s.pos:s.end])
		s.pos = 0
	}
	for range 100 {
		if err := s.ctx.Err(); err != nil {
			return err
		}
		n, err := s.in.Read(s.buf[s.end:])
		s.end += n
		s.read += int64(n)
		if n > 0 && s.progress != nil {
			s.progress(s.read)
		}
		if errors.Is(err, io.EOF) {
			s.eof = true
			return nil
		}
		if err != nil {
			return fmt.Errorf("reading the inventory file: %w", err)
		}
		if n > 0 {
			return nil
		}
	}
	return fmt.Errorf("reading the inventory file: %w", io.ErrNoProgress)
}

// frame is where a row ends, in bytes from pos.
type frame struct {
	size  int  // the row without its line end
	next  int  // the row with it
	first int  // its first line with its line end
	lines int  // line ends in next
	open  bool // the file ends inside quotes
	long  bool // no end within maxLine
}

// find looks for the end of the row at pos: the first line end (LF, CRLF or CR)
// that is not between quotes. Quotes of a well-formed row come in pairs.
func (s *source) find() (frame, error) {
	var f frame
	quoted := false
	for i := 0; ; {
		if f.long = i > maxLine; f.long {
			return f, nil
		}
		if s.pos+i == s.end && s.eof {
			f.size, f.next, f.open = i, i, quoted
			if f.lines == 0 {
				f.first = i
			}
			return f, nil
		}
		i += plainRun(s.buf[s.pos+i : s.end])
		if s.pos+i >= s.end-1 && !s.eof { // one more: CR at the end may be CRLF
			if err := s.fill(); err != nil {
				return f, err
			}
			continue
		}
		if s.pos+i == s.end {
			continue
		}
		switch rest := s.buf[s.pos+i : s.end]; rest[0] {
		case '"':
			quoted = !quoted
			i++
		case '\r', '\n':
			size := i
			i++
			if rest[0] == '\r' && len(rest) > 1 && rest[1] == '\n' {
				i++
			}
			if f.lines++; f.lines == 1 {
				f.first = i
			}
			if !quoted {
				f.size, f.next = size, i
				return f, nil
			}
		}
	}
}

// plainRun is how many bytes come before a quote or a line end, at most a little
// more than a line may have.
func plainRun(b []byte) int {
	b = b[:min(len(b), maxLine+1)]
	for i, c := range b {
		if c == '\n' || c == '\r' || c == '"' {
			return i
		}
	}
	return len(b)
}

// row is one row of the file.
type row struct {
	line   int // where it starts
	fields []string
	fault  *fault // why it could not be read
}

// next is the next row that is not blank, or io.EOF. Fields are good until next.
func (s *source) next() (row, error) {
	for {
		f, err := s.find()
		if err != nil {
			return row{}, err
		}
		if f.next == 0 && !f.long {
			return row{}, io.EOF
		}
		r := row{line: s.line}
		raw := s.buf[s.pos : s.pos+f.size]
		switch {
		case f.long && f.lines == 0:
			r.fault = bad("row", "This line is longer than 64 KiB.")
			return r, s.skipLine()
		case f.long || f.open:
			r.fault = bad("row", "A quotation mark in this line is opened and not closed.")
			s.advance(f.first, 1)
			return r, nil
		case blank(raw):
			s.advance(f.next, f.lines)
			continue
		}
		if r.fields, r.fault = s.decode(raw); r.fault != nil {
			// The lines that its quotes seemed to join may be rows of their own.
			s.advance(f.first, 1)
		} else {
			s.advance(f.next, f.lines)
		}
		return r, nil
	}
}

func (s *source) advance(bytes, lines int) {
	s.pos += bytes
	s.line += lines
}

// decode reads the fields of one row.
func (s *source) decode(raw []byte) ([]string, *fault) {
	s.one.Reset(raw)
	s.text.Reset(&s.one)
	fields, err := s.csv.Read()
	switch {
	case errors.Is(err, csv.ErrBareQuote):
		return nil, bad("row", "A quotation mark stands inside a field that does not begin with one.")
	case err != nil:
		return nil, bad("row", "A quotation mark is followed by something else than a separator.")
	case len(fields) > maxFields:
		return nil, bad("row", "This row has more than %d fields.", maxFields)
	}
	return fields, nil
}

// skipLine passes over the rest of a line, however long it is.
func (s *source) skipLine() error {
	for {
		rest := s.buf[s.pos:s.end]
		i := bytes.IndexAny(rest, "\r\n")
		if i >= 0 && (i+1 < len(rest) || s.eof) {
			s.pos += i + 1
			if rest[i] == '\r' && i+1 < len(rest) && rest[i+1] == '\n' {
				s.pos++
			}
			s.line++
			return nil
		}
		if i >= 0 {
			s.pos += i
		} else {
			s.pos = s.end
		}
		if s.eof {
			return nil
		}
		if err := s.fill(); err != nil {
			return err
		}
	}
}

// blank tells whether a line holds nothing but spaces.
func blank(raw []byte) bool {
	for _, c := range raw {
		if c != ' ' && c != '\t' {
			return false
		}
	}
	return true
}

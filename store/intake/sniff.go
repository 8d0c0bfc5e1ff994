package intake

import (
	"bytes"
	"unicode/utf8"

	"tnreserve/store/tel"
)

// sniffSize is how much of a file is looked at to tell whether it is text.
const sniffSize = 4096

// signatures are the first bytes of what people pick instead of a CSV.
var signatures = []struct {
	magic string
	words tel.Sentence
}{
	{"\xff\xfe", tel.Say("This file is in UTF-16; save it as CSV in UTF-8 first.")},
	{"\xfe\xff", tel.Say("This file is in UTF-16; save it as CSV in UTF-8 first.")},
	{"%PDF-", tel.Say("This is a PDF document, not a CSV file.")},
	{"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", tel.Say("This is an Excel workbook; save it as CSV first.")},
	{"\x1f\x8b", tel.Say("This is a compressed file (gzip); unpack it first.")},
	{"BZh", tel.Say("This is a compressed file (bzip2); unpack it first.")},
	{"\x28\xb5\x2f\xfd", tel.Say("This is a compressed file (zstd); unpack it first.")},
	{"\xfd7zXZ", tel.Say("This is a compressed file (xz); unpack it first.")},
	{"7z\xbc\xaf", tel.Say("This is a compressed file (7-Zip); unpack it first.")},
	{"SQLite format 3\x00", tel.Say("This is a database, not a CSV file.")},
	{"{\\rtf", tel.Say("This is a text document (RTF); save it as CSV first.")},
}

// notCSV tells from a file's beginning why it cannot be a CSV, if so.
func notCSV(b []byte) tel.Sentence {
	for _, s := range signatures {
		if bytes.HasPrefix(b, []byte(s.magic)) {
			return s.words
		}
	}
	if bytes.HasPrefix(b, []byte("PK\x03\x04")) || bytes.HasPrefix(b, []byte("PK\x05\x06")) {
		return zipWords(b)
	}
	text := bytes.TrimLeft(bytes.TrimPrefix(b, []byte(bom)), " \t\r\n")
	switch {
	case bytes.IndexByte(b, 0) >= 0:
		return nulWords(b)
	case len(text) == 0:
		return tel.Sentence{}
	case text[0] == '<':
		return markupWords(text)
	case text[0] == '{' || text[0] == '[':
		return tel.Say("This is JSON, not a CSV file.")
	}
	return tel.Sentence{}
}

// zipWords tells a spreadsheet from another ZIP: the names of its parts stand in
// the clear.
func zipWords(b []byte) tel.Sentence {
	switch {
	case bytes.Contains(b, []byte("application/vnd.oasis")):
		return tel.Say("This is an OpenDocument file; save it as CSV first.")
	case bytes.Contains(b, []byte("word/")):
		return tel.Say("This is a Word document, not a CSV file.")
	case bytes.Contains(b, []byte("[Content_Types].xml")), bytes.Contains(b, []byte("xl/")):
		return tel.Say("This is an Excel workbook; save it as CSV first.")
	}
	return tel.Say("This is a ZIP archive; unpack it first.")
}

// nulWords tells UTF-16 without its mark from other binary files: of ASCII in
// UTF-16 every other byte is zero and the text between is plain.
func nulWords(b []byte) tel.Sentence {
	n := min(len(b), 64) &^ 1
	var zero [2]int
	for i, c := range b[:n] {
		if c == 0 {
			zero[i&1]++
		}
	}
	if n >= 4 && (zero[0] >= n/2-1 && zero[1] == 0 || zero[1] >= n/2-1 && zero[0] == 0) {
		return tel.Say("This file is in UTF-16; save it as CSV in UTF-8 first.")
	}
	return tel.Say("This is not a text file; save the inventory as CSV first.")
}

func markupWords(text []byte) tel.Sentence {
	start := bytes.ToLower(text[:min(len(text), 64)])
	switch {
	case bytes.HasPrefix(start, []byte("<!doctype html")), bytes.HasPrefix(start, []byte("<html")):
		return tel.Say("This is a web page (HTML), not a CSV file.")
	case bytes.HasPrefix(start, []byte("<?xml")):
		return tel.Say("This is XML, not a CSV file.")
	}
	return tel.Say("This is HTML or XML, not a CSV file.")
}

// clip shortens what a file says to a length that a message can quote.
func clip(s string) string {
	const most = 40
	if len(s) <= most {
		return s
	}
	cut := most
	for cut > most-utf8.UTFMax && !utf8.RuneStart(s[cut]) {
		cut--
	}
	return s[:cut] + "…"
}

package tel

import (
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// How long free text may be, in characters.
const (
	MaxReference = 100
	MaxNote      = 500
	MaxReason    = 200
	MaxName      = 100
)

// Sentence is something to tell: a format of fmt and what it takes, so that a page can
// say it in its reader's language. Words among the arguments have types that say so, as
// those of a refusal.
type Sentence struct {
	Format string
	Args   []any
}

// Say makes a Sentence.
func Say(format string, args ...any) Sentence { return Sentence{format, args} }

// String is the sentence in English.
func (s Sentence) String() string { return fmt.Sprintf(s.Format, s.Args...) }

// Word is a word that stands in a sentence, not somebody's text.
type Word string

// CleanText trims free text and refuses what would harm a log line, a CSV or a
// page: invalid UTF-8, control characters, line and paragraph separators, and the
// characters that reverse the writing direction.
func CleanText(field, s string, most int) (string, error) {
	s = strings.TrimSpace(s)
	if !utf8.ValidString(s) {
		return "", Invalid(field, "This is not valid text (UTF-8).")
	}
	if n := utf8.RuneCountInString(s); n > most {
		return "", Invalid(field, "At most %d characters; this has %d.", most, n)
	}
	for _, r := range s {
		if unicode.IsControl(r) || r == '\u2028' || r == '\u2029' || r >= '\u202a' && r <= '\u202e' || r >= '\u2066' && r <= '\u2069' {
			return "", Invalid(field, "Line breaks and control characters are not allowed here.")
		}
	}
	return s, nil
}

// HumanDuration is a duration in a person's words: "4 hours", "1 hour 30 minutes".
func HumanDuration(d time.Duration) string {
	if d == 0 {
		return "none"
	}
	var parts []string
	for _, unit := range []struct {
		size time.Duration
		name string
	}{{24 * time.Hour, "day"}, {time.Hour, "hour"}, {time.Minute, "minute"}, {time.Second, "second"}} {
		if n := d / unit.size; n > 0 && len(parts) < 2 {
			parts = append(parts, Plural(int(n), unit.name))
			d %= unit.size
		}
	}
	if len(parts) == 0 {
		return d.String()
	}
	return strings.Join(parts, " ")
}

// ParseDuration reads a length of time as people write it: 90m, 4h, 1h30m, 2d, 1d12h.
// CodeInvalid with the given field for anything else.
func ParseDuration(field, s string) (time.Duration, error) {
	bad := Invalid(field, "%q is not a length of time such as 4h, 90m or 2d.", s)
	rest := strings.ToLower(strings.ReplaceAll(s, " ", ""))
	var days time.Duration
	if before, after, ok := strings.Cut(rest, "d"); ok {
		n, err := strconv.Atoi(before)
		if err != nil || n < 0 || n > 3650 {
			return 0, bad
		}
		if days = time.Duration(n) * 24 * time.Hour; after == "" {
			return days, nil
		}
		rest = after
	}
	d, err := time.ParseDuration(rest)
	if err != nil || d < 0 || days+d < days { // more than a length of time can be
		return 0, bad
	}
	return days + d, nil
}

// Span is a length of time among the arguments of a refusal.
type Span time.Duration

func (d Span) String() string { return HumanDuration(time.Duration(d)) }

// Instant is a time among the arguments of a refusal.
type Instant time.Time

func (i Instant) String() string {
	return time.Time(i).UTC().Format("2 January 2006 at 15:04:05 UTC")
}

// Plural is a count with its noun: "1 TN", "1,284 TNs".
func Plural(n int, noun string) string {
	if n != 1 {
		noun += "s"
	}
	return Count(n) + " " + noun
}

// Count is a whole number with thousands separators: "1,284".
func Count(n int) string {
	if n < 0 {
		return "-" + Count(-n)
	}
	if n < 1000 {
		return fmt.Sprint(n)
	}
	return fmt.Sprintf("%s,%03d", Count(n/1000), n%1000)
}

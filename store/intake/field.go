package intake

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"tnreserve/store/tel"
)

// What a field may hold at most.
const (
	maxText     = 64 // characters of a city, rate center or carrier
	maxFeatures = 12
	maxWord     = 16 // characters of a feature or tier
)

// bare is a field without the spaces around it and the ' with which spreadsheets
// mark a number as text.
func bare(s string) string {
	return strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(s), "'"))
}

// parseTN reads a TN as people and spreadsheets write it: "(919) 555-0142",
// "+19195550142", "19195550142.0", "1.9195550142E+10". Whether the TN can exist is
// checked elsewhere. Only forms that tel.ParseNumber reads by itself reach it: for
// others it asks a library that takes 36 µs, which hostile files would buy in bulk.
func parseTN(field, s string) (tel.Number, *fault) {
	s = bare(s)
	if len(s) > 64 {
		return 0, bad(field, "That is too long for a telephone number.")
	}
	if d, ok := tenDigits(s); ok {
		return parsePlain(field, d)
	}
	switch whole, fraction, exponent := decimal(s); {
	case exponent >= 0:
		return fromScientific(field, s, whole, fraction, exponent)
	case fraction != "":
		if strings.Trim(fraction, "0") != "" {
			return 0, bad(field, "%q is not a telephone number: it has digits after the decimal point.", s)
		}
		s = whole
	default:
		s = plainMarks(s)
	}
	if d, ok := tenDigits(s); ok {
		return parsePlain(field, d)
	}
	if strings.HasPrefix(s, "+") && len(s) > 1 && s[1] >= '2' && s[1] <= '9' {
		return 0, bad(field, "%q is not a North American telephone number (+1 and ten digits).", clip(s))
	}
	return 0, bad(field, "%q is not a ten-digit North American telephone number.", clip(s))
}

func parsePlain(field, s string) (tel.Number, *fault) {
	n, err := tel.ParseNumber(s)
	if err != nil {
		return 0, because(field, err)
	}
	return n, nil
}

// tenDigits tells whether s is ten digits, or eleven of which the first is 1, with
// the usual punctuation; not when a decimal point may stand in it.
func tenDigits(s string) (string, bool) {
	var digits, points, others int
	first := byte(0)
	for i := range len(s) {
		switch c := s[i]; {
		case c >= '0' && c <= '9':
			if digits == 0 {
				first = c
			}
			digits++
		case c == '.':
			points++
		case c == '+' && i == 0:
			others++
		case strings.IndexByte(" -()/", c) >= 0:
			others++
		default:
			return "", false
		}
	}
	if points == 1 && strings.IndexByte(s, '.') >= 9 { // 2125551234.0
		return "", false
	}
	plus := others > 0 && s[0] == '+'
	return s, digits == 10 && !plus || digits == 11 && first == '1'
}

// decimal takes apart what a spreadsheet makes of a TN: digits, a decimal point
// (or comma) with more digits, an exponent (below 0 when there is none). All is
// empty for anything else.
func decimal(s string) (whole, fraction string, exponent int) {
	exponent = -1
	if len(s) < 3 || (s[0] < '0' || s[0] > '9') && s[0] != '+' {
		return "", "", -1
	}
	number, power, scientific := strings.Cut(strings.ToUpper(s), "E")
	if scientific {
		power = strings.TrimLeft(strings.TrimPrefix(power, "+"), "0")
		if power == "" {
			power = "0"
		}
		if !digitsOnly(power) || len(power) > 2 {
			return "", "", -1
		}
		exponent = 0
		for _, c := range power {
			exponent = exponent*10 + int(c-'0')
		}
	}
	number = strings.Replace(strings.TrimPrefix(number, "+"), ",", ".", 1)
	whole, fraction, _ = strings.Cut(number, ".")
	if !digitsOnly(whole) || fraction != "" && !digitsOnly(fraction) {
		return "", "", -1
	}
	if !scientific && len(whole) < 9 {
		return "", "", -1
	}
	return whole, fraction, exponent
}

func digitsOnly(s string) bool {
	return s != "" && strings.Trim(s, "0123456789") == ""
}

// fromScientific moves the decimal point. A TN of which digits are missing is not
// filled up with zeros: it would be another one.
func fromScientific(field, s, whole, fraction string, exponent int) (tel.Number, *fault) {
	if len(fraction) < exponent {
		return 0, bad(field, "%q: the spreadsheet rounded this number; format the column as text.", s)
	}
	d, ok := tenDigits(whole + fraction[:exponent])
	if !ok || strings.Trim(fraction[exponent:], "0") != "" {
		return 0, bad(field, "%q is not a ten-digit North American telephone number.", s)
	}
	return parsePlain(field, d)
}

var marks = strings.NewReplacer(
	"\u00a0", " ", "\u202f", " ", "\u2009", " ",
	"\u2010", "-", "\u2011", "-", "\u2012", "-", "\u2013", "-", "\u2014", "-", "\u2212", "-", "\u00b7", "-",
)

// plainMarks puts the plain signs for what word processors make of spaces and
// hyphens.
func plainMarks(s string) string {
	if len(s) > 4 && strings.EqualFold(s[:4], "tel:") {
		s = s[4:]
	}
	if strings.IndexFunc(s, func(r rune) bool { return r > unicode.MaxASCII }) < 0 {
		return s
	}
	return marks.Replace(s)
}

// parseCode reads an NPA, NXX or X of exactly size digits: "919", "(919)", "919.0".
func parseCode(field, s string, size int) (int, *fault) {
	d := bare(s)
	if whole, zeros, ok := strings.Cut(d, "."); ok && strings.Trim(zeros, "0") == "" {
		d = whole
	}
	if strings.HasPrefix(d, "(") {
		d = strings.TrimSuffix(d[1:], ")")
	}
	if len(d) != size || !digitsOnly(d) {
		if size == 1 {
			return 0, bad(field, "%q is not one digit.", clip(s))
		}
		return 0, bad(field, "%q is not three digits.", clip(s))
	}
	n := 0
	for i := range size {
		n = n*10 + int(d[i]-'0')
	}
	return n, nil
}

// hidden tells whether a character could not be seen or would change how the text
// around it looks: controls, line separators, direction overrides.
func hidden(r rune) bool {
	return unicode.IsControl(r) || r >= 0x2028 && r <= 0x202e || r >= 0x2066 && r <= 0x2069 || r == 0xfeff
}

// parseText checks a name: UTF-8, nothing hidden, at most 64 characters.
func parseText(field, s string) (string, *fault) {
	s = strings.TrimSpace(s)
	switch {
	case !utf8.ValidString(s):
		return "", bad(field, "This %s is not in UTF-8; save the file as CSV UTF-8.", spaced(field))
	case strings.ContainsFunc(s, hidden):
		return "", bad(field, "This %s holds a control character.", spaced(field))
	case len(s) > maxText && utf8.RuneCountInString(s) > maxText:
		return "", bad(field, "This %s is longer than %d characters.", spaced(field), maxText)
	}
	return s, nil
}

func spaced(field string) tel.Word { return tel.Word(strings.ReplaceAll(field, "_", " ")) }

// parseLATA reads three to five digits, or nothing.
func parseLATA(s string) (string, *fault) {
	s = strings.TrimSpace(s)
	d := bare(s)
	if whole, zeros, ok := strings.Cut(d, "."); ok && strings.Trim(zeros, "0") == "" {
		d = whole
	}
	if d != "" && (len(d) < 3 || len(d) > 5 || !digitsOnly(d)) {
		return "", bad("lata", "%q is not a LATA: three to five digits.", clip(s))
	}
	return d, nil
}

// parseState reads two letters or a state's name.
func parseState(s string) (string, *fault) {
	s = strings.TrimSpace(s)
	if s == "" {
		return "", nil
	}
	if len(s) <= maxText {
		code := strings.ToUpper(strings.Join(strings.Fields(s), " "))
		if stateCodes[code] {
			return code, nil
		}
		if code, ok := stateNames[code]; ok {
			return code, nil
		}
	}
	return "", bad("state", "%q is not a state, territory or province of the US or Canada.", clip(s))
}

// parseFeatures reads words between commas, bars, semicolons or spaces:
// "SMS|voice" is "sms,voice".
func parseFeatures(s string) (string, *fault) {
	if len(s) > 1024 {
		return "", bad("features", "These features are too long: at most %d of %d characters.", maxFeatures, maxWord)
	}
	words := strings.FieldsFunc(strings.ToLower(s), func(r rune) bool {
		return r == ',' || r == '|' || r == ';' || unicode.IsSpace(r)
	})
	for _, w := range words {
		if !word(w) {
			return "", bad("features", "%q is not a feature: a–z, 0–9, _ and -, at most %d characters.", clip(w), maxWord)
		}
	}
	slices.Sort(words)
	words = slices.Compact(words)
	if len(words) > maxFeatures {
		return "", bad("features", "At most %d features; this row has %d.", maxFeatures, len(words))
	}
	return strings.Join(words, ","), nil
}

// parseTier reads one word.
func parseTier(s string) (string, *fault) {
	t := strings.TrimSpace(s)
	if len(t) <= 4*maxWord {
		if t = strings.ToLower(t); t == "" || word(t) {
			return t, nil
		}
	}
	return "", bad("tier", "%q is not a tier: a–z, 0–9, _ and -, at most %d characters.", clip(s), maxWord)
}

// word tells whether s is 1–16 characters of a–z, 0–9, _ and -.
func word(s string) bool {
	for i := range len(s) {
		c := s[i]
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '_' && c != '-' {
			return false
		}
	}
	return s != "" && len(s) <= maxWord
}

// parseCost reads an amount per month.
func parseCost(s string) (tel.Money, *fault) {
	s = bare(s)
	if s == "" {
		return 0, nil
	}
	if len(s) > 32 {
		return 0, bad("monthly_cost", "%q is not an amount such as 1.25.", clip(s))
	}
	m, err := tel.ParseMoney(s)
	if err != nil {
		return 0, because("monthly_cost", err)
	}
	return m, nil
}

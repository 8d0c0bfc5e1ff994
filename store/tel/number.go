package tel

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/nyaruka/phonenumbers"
)

// Number is a telephone number (TN) as its E.164 digits, country code included
// and without '+': 19195550142. Zero is no number. Only the North American
// Numbering Plan (country code 1) is parsed today; the type and Block hold any.
type Number int64

// Block is a thousands-block (NPA-NXX-X): the Number divided by 1,000. The 1,000
// TNs of a block share rate center, LATA, state, city and carrier.
type Block int64

// BlockSize is the number of TNs in a thousands-block.
const BlockSize = 1000

const nanp = 1_00_0000_0000 // country code 1 in front of ten digits

// NewNumber makes a TN from area code, exchange and line number.
func NewNumber(npa, nxx, line int) Number {
	return Number(nanp + int64(npa)*1_000_0000 + int64(nxx)*1_0000 + int64(line))
}

// NPA is the area code, 200–999.
func (n Number) NPA() int { return int(n / 1_000_0000 % 1000) }

// NXX is the exchange, 200–999.
func (n Number) NXX() int { return int(n / 1_0000 % 1000) }

// Line is the last four digits, 0–9999.
func (n Number) Line() int { return int(n % 1_0000) }

// Block is the thousands-block that the TN stands in.
func (n Number) Block() Block { return Block(n / BlockSize) }

// Index is the TN's place in its block, 0–999.
func (n Number) Index() int { return int(n % BlockSize) }

// E164 is "+19195550142", the form for programs and the clipboard.
func (n Number) E164() string { return "+" + strconv.FormatInt(int64(n), 10) }

// Digits is the ten national digits, "9195550142".
func (n Number) Digits() string { return fmt.Sprintf("%010d", int64(n)%nanp) }

// String is the one form for people: "(919) 555-0142".
func (n Number) String() string {
	d := n.Digits()
	return "(" + d[:3] + ") " + d[3:6] + "-" + d[6:]
}

// TollFree tells whether the called party pays (800, 833, 844, 855, 866, 877, 888).
func (n Number) TollFree() bool { return TollFreeNPA(n.NPA()) }

// TollFreeNPA tells whether an area code is toll-free.
func TollFreeNPA(npa int) bool {
	switch npa {
	case 800, 833, 844, 855, 866, 877, 888:
		return true
	}
	return false
}

// NewBlock makes a thousands-block from area code, exchange and the digit X.
func NewBlock(npa, nxx, x int) Block { return NewNumber(npa, nxx, x*1000).Block() }

// Number is the i-th TN of the block, 0–999.
func (b Block) Number(i int) Number { return Number(int64(b)*BlockSize + int64(i)) }

// NPA is the block's area code.
func (b Block) NPA() int { return b.Number(0).NPA() }

// NXX is the block's exchange.
func (b Block) NXX() int { return b.Number(0).NXX() }

// X is the digit that names the block in its exchange, 0–9.
func (b Block) X() int { return int(b % 10) }

// String is "919-555-0".
func (b Block) String() string { return fmt.Sprintf("%03d-%03d-%d", b.NPA(), b.NXX(), b.X()) }

// ParseNumber reads a TN in any usual written form: "(919) 555-0142",
// "919.555.0142", "1-919-555-0142", "+19195550142", "tel:+1-919-555-0142".
// It answers CodeInvalid for anything that is not a ten-digit North American TN.
// Whether that TN can exist is CheckNANP's question.
func ParseNumber(s string) (Number, error) {
	s = strings.TrimSpace(s)
	if n, ok := parsePlain(s); ok {
		return n, nil
	}
	if len(s) > 64 {
		return 0, Invalid("tn", "That is too long for a telephone number.")
	}
	parsed, err := phonenumbers.Parse(s, "US")
	if err != nil || parsed.GetCountryCode() != 1 || parsed.GetNationalNumber() < 1_00_0000_000 || parsed.GetNationalNumber() >= nanp || parsed.GetExtension() != "" {
		return 0, Invalid("tn", "%q is not a ten-digit North American telephone number.", s)
	}
	return Number(nanp + int64(parsed.GetNationalNumber())), nil
}

// parsePlain is the fast path: digits with the usual punctuation. The library
// takes 36 µs for a TN, which a file of a million TNs would feel.
func parsePlain(s string) (Number, bool) {
	var n int64
	digits, plus := 0, false
	for i := range len(s) {
		switch c := s[i]; {
		case c >= '0' && c <= '9':
			n = n*10 + int64(c-'0')
			if digits++; digits > 11 {
				return 0, false
			}
		case c == '+' && i == 0:
			plus = true
		case c == ' ' || c == '-' || c == '.' || c == '(' || c == ')' || c == '/':
		default:
			return 0, false
		}
	}
	if digits == 10 && !plus {
		return Number(nanp + n), true
	}
	return Number(n), digits == 11 && n/nanp == 1
}

// CheckNANP tells why a TN cannot be in anybody's inventory: CodeInvalid with the
// reason, or nil. Rules: NPA and NXX begin with 2–9 and are not N11, the NPA is
// not N9X (kept for expansion), 555-0100 to 555-0199 are fictional.
func CheckNANP(n Number, allowFictional bool) error {
	if err := CheckExchange(n.NPA(), n.NXX()); err != nil {
		return err
	}
	if !allowFictional && n.Fictional() {
		return Invalid("tn", "555-0100 to 555-0199 are fictional and belong to nobody.")
	}
	return nil
}

// Fictional tells whether the TN is one of NPA-555-0100 to 555-0199.
func (n Number) Fictional() bool {
	return n.NXX() == 555 && n.Line() >= 100 && n.Line() < 200
}

// CheckNPA tells why an area code cannot exist, or nil.
func CheckNPA(npa int) error {
	switch {
	case npa < 200 || npa > 999:
		return Invalid("npa", "Area code %03d cannot exist: the first digit is 2 to 9.", npa)
	case npa%100 == 11:
		return Invalid("npa", "Area code %d cannot exist: N11 codes are services such as 911.", npa)
	case npa/10%10 == 9:
		return Invalid("npa", "Area code %d cannot exist: N9X codes are kept for expansion.", npa)
	}
	return nil
}

// CheckExchange tells why an NPA-NXX cannot exist, or nil.
func CheckExchange(npa, nxx int) error {
	if err := CheckNPA(npa); err != nil {
		return err
	}
	switch {
	case nxx < 200 || nxx > 999:
		return Invalid("nxx", "Exchange %03d cannot exist: the first digit is 2 to 9.", nxx)
	case nxx%100 == 11:
		return Invalid("nxx", "Exchange %d cannot exist: N11 codes are services such as 911.", nxx)
	}
	return nil
}

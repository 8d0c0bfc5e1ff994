package tel

import (
	"fmt"
	"strconv"
	"strings"
)

// Money is an amount in US dollars, in hundred-thousandths ($1.00 is 100,000): the
// vendors' wires carry five decimals.
type Money int64

const moneyUnit = 100_000

// ParseMoney reads "1", "1.25", "$0.35000"; at most five decimals, never negative.
func ParseMoney(s string) (Money, error) {
	s = strings.TrimPrefix(strings.TrimSpace(s), "$")
	if s == "" {
		return 0, nil
	}
	whole, frac, _ := strings.Cut(s, ".")
	bad := Invalid("monthly_cost", "%q is not an amount such as 1.25.", s)
	if len(frac) > 5 || len(whole) > 9 || whole+frac == "" || strings.Trim(whole+frac, "0123456789") != "" {
		return 0, bad
	}
	n, err := strconv.ParseInt(whole+frac+strings.Repeat("0", 5-len(frac)), 10, 64)
	if err != nil {
		return 0, bad
	}
	return Money(n), nil
}

// String is the amount with at least two decimals: "1.25", "0.35001".
func (m Money) String() string {
	s := fmt.Sprintf("%d.%05d", m/moneyUnit, m%moneyUnit)
	for strings.HasSuffix(s, "0") && len(s)-strings.IndexByte(s, '.') > 3 {
		s = s[:len(s)-1]
	}
	return s
}

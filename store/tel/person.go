package tel

import (
	"net/mail"
	"strings"
	"time"
)

// Person is somebody who signs in.
type Person struct {
	ID          string
	Email       string // lower case
	Name        string
	Platform    Role // RoleOperator, RoleSupport (of all accounts), or ""
	Memberships []Membership
	CreatedAt   time.Time
}

// Membership is a person's role in one account.
type Membership struct {
	Account     AccountID
	AccountName string
	Role        Role
}

// RoleFor is the person's role when acting for an account (0: the platform). An
// operator is an operator everywhere; ok is false where the person has no place.
func (p *Person) RoleFor(account AccountID) (role Role, ok bool) {
	if p.Platform == RoleOperator || p.Platform != "" && account == 0 {
		return p.Platform, true
	}
	for _, m := range p.Memberships {
		if m.Account == account && account != 0 {
			return m.Role, true
		}
	}
	return "", false
}

// CleanEmail lower-cases an e-mail address and refuses what is none.
func CleanEmail(s string) (string, error) {
	s = strings.ToLower(strings.TrimSpace(s))
	addr, err := mail.ParseAddress(s)
	if err != nil || addr.Address != s || len(s) > 254 || !strings.Contains(s, ".") {
		return "", Invalid("email", "That is not an e-mail address.")
	}
	return s, nil
}

// MinPassword is the shortest password, in characters; length is what counts.
const MinPassword = 10

// CheckPassword refuses a password that is too short or absurdly long.
func CheckPassword(p string) error {
	switch n := len([]rune(p)); {
	case n < MinPassword:
		return Invalid("password", "A password has at least %d characters; a few words do well.", MinPassword)
	case len(p) > 1024:
		return Invalid("password", "A password has at most 1,024 bytes.")
	}
	return nil
}

package tel

import (
	"net/mail"
	"regexp"
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
	OffAt       time.Time // deactivated; zero: not
	FactorAt    time.Time // since when a second factor is asked for; zero: none
	SSO         bool      // known to the identity provider
	HasPassword bool      // and can sign in with it
	Zone        string    // chosen time zone; "" is the browser's
	Theme       string    // "light", "dark" or "" for the system's
	Language    string    // chosen language, such as "es"; "" is the browser's
}

// Membership is a person's role in one account.
type Membership struct {
	Account     AccountID
	AccountName string
	Role        Role
	OffAt       time.Time // deactivated in this account; zero: not
}

// RoleFor is the person's role when acting for an account (0: the platform). An
// operator is an operator everywhere; ok is false where the person has no place.
func (p *Person) RoleFor(account AccountID) (role Role, ok bool) {
	if p.Platform == RoleOperator || p.Platform != "" && account == 0 {
		return p.Platform, true
	}
	for _, m := range p.Memberships {
		if m.Account == account && account != 0 && m.OffAt.IsZero() {
			return m.Role, true
		}
	}
	return "", false
}

// CleanEmail lower-cases an e-mail address and refuses what is none.
func CleanEmail(s string) (string, error) {
	s, err := CleanText("email", s, 254)
	if err != nil {
		return "", Invalid("email", "That is not an e-mail address.")
	}
	s = strings.ToLower(s)
	addr, err := mail.ParseAddress(s)
	if err != nil || addr.Address != s || len(s) > 254 || !strings.Contains(s, ".") {
		return "", Invalid("email", "That is not an e-mail address.")
	}
	return s, nil
}

// CheckPlace refuses a role where there is no such role: operators are of the whole
// platform (0), admins and members of an account, support of either.
func CheckPlace(role Role, account AccountID) error {
	if _, err := ParseRole(string(role)); err != nil {
		return err
	}
	switch {
	case role == RoleOperator && account != 0:
		return Invalid("account", "An operator belongs to no account.")
	case (role == RoleAdmin || role == RoleMember) && account == 0:
		return Invalid("account", "This role, %s, needs an account.", role)
	}
	return nil
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

// CheckTheme refuses what is no theme; "" follows the system.
func CheckTheme(theme string) error {
	switch theme {
	case "", "light", "dark":
		return nil
	}
	return Invalid("theme", "There are two themes: light and dark.")
}

// languageForm is what names a language: es, pt-BR.
var languageForm = regexp.MustCompile(`^[a-z]{2,3}(-[A-Za-z0-9]{2,8}){0,3}$`)

// CheckLanguage refuses what names no language; "" is the browser's. Which there are
// is the pages' to say.
func CheckLanguage(language string) error {
	if language != "" && !languageForm.MatchString(language) {
		return Invalid("language", "Choose a language from the list.")
	}
	return nil
}

// How long the links live that somebody is given by hand.
const (
	InvitationLife = 7 * 24 * time.Hour
	ResetLife      = 24 * time.Hour
)

// MostInvitations is how many of an account, or of the platform, may wait at once.
const MostInvitations = 500

// Invitation offers somebody a role; a link to it was handed over.
type Invitation struct {
	ID          string
	Email       string
	Account     AccountID // 0: the platform
	AccountName string
	Role        Role
	CreatedAt   time.Time
	CreatedBy   string
	ExpiresAt   time.Time
}

// SignInStep is what is left of signing in before a session counts.
type SignInStep string

// The steps.
const (
	StepNone  SignInStep = ""
	StepCode  SignInStep = "code"   // a code of the second factor
	StepSetUp SignInStep = "set-up" // an account asks for a second factor; there is none yet
)

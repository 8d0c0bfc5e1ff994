package views

import (
	"context"
	"net/url"
	"strings"
	"time"

	"tnreserve/store/tel"
	"tnreserve/views/texts"
)

// SignIn is the sign-in page. Fields: email, password.
type SignIn struct {
	Email     string
	Next      string // where to go afterwards, checked by web
	SignedOut bool   // the reader has just signed out
	Ended     bool   // the session ended by itself
	SSO       bool   // there is an identity provider to sign in with
	// Wait is how long until the next attempt is taken; 0 is now.
	Wait   time.Duration
	Error  string // what was wrong with both fields together
	Errors map[string]string
}

func (v SignIn) ssoPath() string {
	if v.Next == "" {
		return "/sign-in/sso"
	}
	return "/sign-in/sso?" + url.Values{"next": {v.Next}}.Encode()
}

// SetUp makes the first operator. Fields: email, name, password.
type SetUp struct {
	Token  string
	Email  string
	Name   string
	Left   time.Duration // the link is good for so long
	Errors map[string]string
}

// Enter is the page behind a sign-in link: one button.
type Enter struct {
	Token   string
	Name    string
	Role    tel.Role
	Account string // its name; "" is the whole platform
}

// LinkOver is the page of a link that was used or is too old.
type LinkOver struct {
	SetUp bool // it was the link for the first operator
}

// rolesOf are roles in an account.
var rolesOf = map[tel.Role]string{
	tel.RoleOperator: texts.Mark("Operator of %s"), tel.RoleAdmin: texts.Mark("Admin of %s"),
	tel.RoleSupport: texts.Mark("Support of %s"), tel.RoleMember: texts.Mark("Member of %s"),
}

// rolePhrase says who somebody will be: "Admin of Acme Tel", "Operator".
func rolePhrase(ctx context.Context, role tel.Role, account string) string {
	switch {
	case account != "":
		return texts.T(ctx, rolesOf[role], account)
	case role == tel.RoleSupport:
		return texts.T(ctx, "Support of all accounts")
	}
	return RoleName(ctx, role)
}

func upperFirst(s string) string {
	if s == "" {
		return ""
	}
	return strings.ToUpper(s[:1]) + s[1:]
}

package views

import (
	"cmp"
	"context"
	"strings"
	"time"

	"tnreserve/store/tel"
	"tnreserve/views/texts"
)

// People is a list of people: of one account, or everybody for operators.
type People struct {
	Account     *tel.Account // nil: everybody
	Rows        []*tel.Person
	Q           string
	Self        string // the list's address
	Next, First string
	Invitations []*tel.Invitation
	Form        InviteForm
	Required    bool // the account asks for a second factor
	Operator    bool
	Link        *HandedLink // just made, shown this once
}

// InviteForm is what somebody typed to invite somebody. Fields: email, role, account.
type InviteForm struct {
	Email, Role, Account string
	Errors               map[string]string
}

// HandedLink is a link to be handed over; it is shown once.
type HandedLink struct {
	Title, Text, URL string
	Until            time.Time
}

// PersonDetail is one person, in an account or as a whole.
type PersonDetail struct {
	Account  *tel.Account // nil: as a whole
	Person   *tel.Person
	Sessions []SessionRow
	Operator bool
	Link     *HandedLink
}

// SessionRow is a signed-in browser.
type SessionRow struct {
	ID, Account, Addr, Browser string
	CreatedAt, SeenAt          time.Time
	Current                    bool // the one that looks
}

// PeoplePath is the address of a list of people; account 0 is everybody's.
func PeoplePath(account tel.AccountID) string {
	if account == 0 {
		return "/people"
	}
	return accountPath(account, "/people")
}

// PersonPath is the address of a person in a list.
func PersonPath(account tel.AccountID, id string) string { return PeoplePath(account) + "/" + id }

func (v People) account() tel.AccountID {
	if v.Account == nil {
		return 0
	}
	return v.Account.ID
}

func (v People) title(ctx context.Context) string {
	if v.Account == nil {
		return texts.T(ctx, "People")
	}
	return texts.T(ctx, "People of %s", v.Account.Name)
}

func (v People) lede(ctx context.Context) string {
	if v.Account == nil {
		return texts.T(ctx, "Everybody who can sign in, and where they have a role.")
	}
	return texts.T(ctx, "Who works for %s, and as what.", v.Account.Name)
}

// counted is how many people the list has, around the figure.
func (v People) counted(ctx context.Context) (before, after string) {
	if v.Next != "" {
		return texts.Split(ctx, "%[2]s people on this page", len(v.Rows))
	}
	return texts.Split(ctx, "%[2]s people", len(v.Rows))
}

func (v People) invitePath(i *tel.Invitation) string {
	if v.Account == nil {
		return "/people/invitations/" + i.ID + "/revoke"
	}
	return accountPath(v.Account.ID, "/invitations/"+i.ID+"/revoke")
}

func (f InviteForm) roles(ctx context.Context, everybody bool) []Choice {
	list := roleChoices(ctx, f.Role)
	if everybody {
		list = append(list, chosen(f.Role, Choice{Value: string(tel.RoleOperator), Label: texts.T(ctx, "Operator: runs the installation")})...)
	}
	return list
}

func roleChoices(ctx context.Context, role string) []Choice {
	return chosen(role,
		Choice{Value: string(tel.RoleMember), Label: texts.T(ctx, "Member: search, reserve, order")},
		Choice{Value: string(tel.RoleAdmin), Label: texts.T(ctx, "Admin: also people, policy, lists")},
		Choice{Value: string(tel.RoleSupport), Label: texts.T(ctx, "Support: look things up")})
}

func (v PersonDetail) account() tel.AccountID {
	if v.Account == nil {
		return 0
	}
	return v.Account.ID
}

func (v PersonDetail) path(rest string) string { return PersonPath(v.account(), v.Person.ID) + rest }

// off tells since when a person is deactivated here; zero: not.
func (v PersonDetail) off() time.Time { return offSince(v.Person, v.account()) }

func offSince(p *tel.Person, account tel.AccountID) time.Time {
	if account != 0 && p.OffAt.IsZero() && len(p.Memberships) > 0 {
		return p.Memberships[0].OffAt
	}
	return p.OffAt
}

// role is the role here, "" none.
func (v PersonDetail) role() tel.Role {
	if v.Account == nil || len(v.Person.Memberships) == 0 {
		return v.Person.Platform
	}
	return v.Person.Memberships[0].Role
}

func (v PersonDetail) platformRoles(ctx context.Context) []Choice {
	return chosen(string(v.role()),
		Choice{Value: "", Label: texts.T(ctx, "None: only in accounts")},
		Choice{Value: string(tel.RoleSupport), Label: texts.T(ctx, "Support of all accounts")},
		Choice{Value: string(tel.RoleOperator), Label: texts.T(ctx, "Operator")})
}

func personLook(ctx context.Context, p *tel.Person, account tel.AccountID) look {
	switch {
	case !p.OffAt.IsZero():
		return look{"off", "ban", texts.T(ctx, "Deactivated|person")}
	case !offSince(p, account).IsZero():
		return look{"off", "ban", texts.T(ctx, "Deactivated here")}
	}
	return look{"good", "circle-check", texts.T(ctx, "Active|person")}
}

func (s SessionRow) browser(ctx context.Context) string {
	if name, system, ok := strings.Cut(s.Browser, " on "); ok {
		return texts.T(ctx, "%s on %s|browser and system", name, system)
	}
	return cmp.Or(s.Browser, texts.T(ctx, "Unknown browser"))
}

func (v PersonDetail) sessionsNote(ctx context.Context) string {
	if v.Account == nil {
		return texts.T(ctx, "No browser is signed in.")
	}
	return texts.T(ctx, "No browser is signed in for %s.", v.Account.Name)
}

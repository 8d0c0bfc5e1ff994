package views

import (
	"cmp"
	"time"

	"tnreserve/store/tel"
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

func (v People) title() string {
	if v.Account == nil {
		return "People"
	}
	return "People of " + v.Account.Name
}

func (v People) lede() string {
	if v.Account == nil {
		return "Everybody who can sign in, and where they have a role."
	}
	return "Who works for " + v.Account.Name + ", and as what."
}

func (v People) invitePath(i *tel.Invitation) string {
	if v.Account == nil {
		return "/people/invitations/" + i.ID + "/revoke"
	}
	return accountPath(v.Account.ID, "/invitations/"+i.ID+"/revoke")
}

func (f InviteForm) roles(everybody bool) []Choice {
	list := roleChoices(f.Role)
	if everybody {
		list = append(list, chosen(f.Role, Choice{Value: string(tel.RoleOperator), Label: "Operator: runs the installation"})...)
	}
	return list
}

func roleChoices(role string) []Choice {
	return chosen(role,
		Choice{Value: string(tel.RoleMember), Label: "Member: search, reserve, order"},
		Choice{Value: string(tel.RoleAdmin), Label: "Admin: also people, policy, lists"},
		Choice{Value: string(tel.RoleSupport), Label: "Support: look things up"})
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

func (v PersonDetail) platformRoles() []Choice {
	return chosen(string(v.role()), Choice{Value: "", Label: "None: only in accounts"}, Choice{Value: string(tel.RoleSupport), Label: "Support of all accounts"}, Choice{Value: string(tel.RoleOperator), Label: "Operator"})
}

func personLook(p *tel.Person, account tel.AccountID) look {
	switch {
	case !p.OffAt.IsZero():
		return look{"off", "ban", "Deactivated"}
	case !offSince(p, account).IsZero():
		return look{"off", "ban", "Deactivated here"}
	}
	return look{"good", "circle-check", "Active"}
}

func (s SessionRow) browser() string { return cmp.Or(s.Browser, "Unknown browser") }

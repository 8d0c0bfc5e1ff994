package views

import (
	"time"

	"tnreserve/store/tel"
)

// Clients is the page of an account's API clients.
type Clients struct {
	Account  tel.Account
	Clients  []*tel.Client
	Now      time.Time
	Form     ClientForm
	Base     string             // address of this installation, "https://numbers.example.com"
	Operator bool               // came by the account's page
	Docs     bool               // a page shows the JSON API
	Made     *ClientCredentials // just made, shown this once
}

// ClientForm is what somebody typed to create a client; with errors it stands above
// the list. Fields: name, role, expires; account for what concerns none of them.
type ClientForm struct {
	Name    string
	Role    string
	Expires string // "90d"; "" never
	Errors  map[string]string
}

// ClientCredentials are shown once, on the answer to the form that made them.
type ClientCredentials struct {
	Name     string
	Username string
	Password string
	Key      string
	Rotated  bool
	OldUntil time.Time // when the ones before end; zero: they have
}

// ClientQuestion is the page before a client is revoked or its secrets are replaced.
type ClientQuestion struct {
	Account tel.Account
	Client  *tel.Client
	Now     time.Time
	Overlap string // as chosen
	Errors  map[string]string
}

// NewClientForm is the form as it begins.
func NewClientForm() ClientForm { return ClientForm{Role: string(tel.RoleMember), Expires: "365d"} }

func clientsPath(account tel.AccountID) string { return accountPath(account, "/clients") }

func clientPath(c *tel.Client, rest string) string {
	return clientsPath(c.Account) + "/" + c.ID + rest
}

func chosen(value string, options ...Choice) []Choice {
	for i := range options {
		options[i].Selected = options[i].Value == value
	}
	return options
}

func (f ClientForm) roles() []Choice {
	return chosen(f.Role,
		Choice{Value: string(tel.RoleMember), Label: "Member: search, reserve, order by id"},
		Choice{Value: string(tel.RoleAdmin), Label: "Admin: also list, look up, switch"})
}

func (f ClientForm) lives() []Choice {
	return chosen(f.Expires, Choice{Value: "30d", Label: "30 days"}, Choice{Value: "90d", Label: "90 days"},
		Choice{Value: "365d", Label: "1 year"}, Choice{Value: "", Label: "Never"})
}

func (q ClientQuestion) overlaps() []Choice {
	return chosen(q.Overlap, Choice{Value: "0s", Label: "End now"}, Choice{Value: "1h", Label: "Go on for 1 hour"},
		Choice{Value: "24h", Label: "Go on for 1 day"}, Choice{Value: "7d", Label: "Go on for 1 week"})
}

// newest names the secrets that the reader has seen: a form that is sent twice does
// not replace what its first sending has made.
func (q ClientQuestion) newest() string {
	if len(q.Client.Secrets) == 0 {
		return ""
	}
	return q.Client.Secrets[0].ID
}

// clientSoon is how long before its end a client is shown as ending.
const clientSoon = 14 * 24 * time.Hour

func clientLook(c *tel.Client, now time.Time) look {
	switch state := c.StateAt(now); {
	case state == tel.ClientRevoked:
		return look{"off", "ban", "Revoked"}
	case state == tel.ClientExpired:
		return look{"bad", "clock", "Expired"}
	case !c.ExpiresAt.IsZero() && c.ExpiresAt.Sub(now) < clientSoon:
		return look{"warn", "triangle-alert", "Ends soon"}
	}
	return look{"good", "circle-check", "Active"}
}

// clientUse is "1,234 requests, 56 in the last day".
func clientUse(c *tel.Client) string {
	return tel.Plural(int(c.Requests), "request") + ", " + tel.Count(int(c.RequestsDay)) + " in the last day"
}

// overlapEnd is when the secrets before the newest end; zero when there are none.
func overlapEnd(c *tel.Client, now time.Time) time.Time {
	if c.StateAt(now) != tel.ClientActive || len(c.Secrets) < 2 {
		return time.Time{}
	}
	return c.Secrets[1].ExpiresAt
}

func (v Clients) lede() string {
	return "Programs that search, reserve and order for " + v.Account.Name + " over the APIs."
}

func (c ClientCredentials) title() string {
	return onOff(c.Rotated, "New credentials of ", "Credentials of ") + c.Name
}

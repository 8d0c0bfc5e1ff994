package views

import (
	"context"
	"time"

	"tnreserve/store/tel"
	"tnreserve/views/texts"
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

func (f ClientForm) roles(ctx context.Context) []Choice {
	return chosen(f.Role,
		Choice{Value: string(tel.RoleMember), Label: texts.T(ctx, "Member: search, reserve, order by id")},
		Choice{Value: string(tel.RoleAdmin), Label: texts.T(ctx, "Admin: also list, look up, switch")})
}

func (f ClientForm) lives(ctx context.Context) []Choice {
	return chosen(f.Expires, Choice{Value: "30d", Label: texts.T(ctx, "%d days", 30)}, Choice{Value: "90d", Label: texts.T(ctx, "%d days", 90)},
		Choice{Value: "365d", Label: texts.T(ctx, "1 year")}, Choice{Value: "", Label: texts.T(ctx, "Never|expires")})
}

func (q ClientQuestion) overlaps(ctx context.Context) []Choice {
	return chosen(q.Overlap, Choice{Value: "0s", Label: texts.T(ctx, "End now")}, Choice{Value: "1h", Label: texts.T(ctx, "Go on for 1 hour")},
		Choice{Value: "24h", Label: texts.T(ctx, "Go on for 1 day")}, Choice{Value: "7d", Label: texts.T(ctx, "Go on for 1 week")})
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

func clientLook(ctx context.Context, c *tel.Client, now time.Time) look {
	switch state := c.StateAt(now); {
	case state == tel.ClientRevoked:
		return look{"off", "ban", texts.T(ctx, "Revoked|client")}
	case state == tel.ClientExpired:
		return look{"bad", "clock", texts.T(ctx, "Expired|client")}
	case !c.ExpiresAt.IsZero() && c.ExpiresAt.Sub(now) < clientSoon:
		return look{"warn", "triangle-alert", texts.T(ctx, "Ends soon|client")}
	}
	return look{"good", "circle-check", texts.T(ctx, "Active|client")}
}

// clientUse is "1,234 requests, 56 in the last day".
func clientUse(ctx context.Context, c *tel.Client) string {
	return texts.T(ctx, "%d requests, %d in the last day", c.Requests, c.RequestsDay)
}

// overlapEnd is when the secrets before the newest end; zero when there are none.
func overlapEnd(c *tel.Client, now time.Time) time.Time {
	if c.StateAt(now) != tel.ClientActive || len(c.Secrets) < 2 {
		return time.Time{}
	}
	return c.Secrets[1].ExpiresAt
}

func (v Clients) lede(ctx context.Context) string {
	return texts.T(ctx, "Programs that search, reserve and order for %s over the APIs.", v.Account.Name)
}

func (c ClientCredentials) title(ctx context.Context) string {
	return onOff(c.Rotated, texts.T(ctx, "New credentials of %s", c.Name), texts.T(ctx, "Credentials of %s", c.Name))
}

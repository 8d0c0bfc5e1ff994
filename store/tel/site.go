package tel

import (
	"net/mail"
	"net/url"
	"strings"
	"time"
)

// Kinds of event about what an account's programs arrange.
const (
	EventSiteCreated         EventKind = "site.created"
	EventPeerCreated         EventKind = "sippeer.created"
	EventSubscriptionCreated EventKind = "subscription.created"
	EventSubscriptionChanged EventKind = "subscription.changed"
	EventSubscriptionDeleted EventKind = "subscription.deleted"
)

// FirstSite and FirstPeer are the site, and the peer of each site, that every account
// has from the beginning. Numbers count from there within the account, or the site.
const (
	FirstSite = 1
	FirstPeer = 1
)

// Site is a place that orders name, in Bandwidth's words a sub-account.
type Site struct {
	ID          int64
	Name        string
	Description string
}

// SIPPeer is where a site's TNs are answered, in Bandwidth's words a location. This
// product routes no calls: it keeps the name.
type SIPPeer struct {
	ID          int64
	Site        int64
	Name        string
	Description string
	Default     bool
}

// MostSites is how many sites an account may have, and peers a site.
const MostSites = 1000

// Subscription is a wish to be told what becomes of orders: by e-mail or at a URL.
type Subscription struct {
	ID        string // UUIDv4
	Account   AccountID
	OrderType string // "orders", "disconnects"
	OrderID   string // of one order; "" of all
	Email     string
	Digest    string // "NONE", "DAILY", "WEEKLY"
	URL       string
	Expiry    time.Duration // from the last change; 0 never
	CreatedAt time.Time
	ChangedAt time.Time
}

// MostSubscriptions is how many an account may have.
const MostSubscriptions = 100

// Check trims a subscription and tells what about it cannot be: CodeInvalid with the
// field (order_type, email, digest, url, expiry).
func (s *Subscription) Check() (err error) {
	s.OrderType = strings.ToLower(strings.TrimSpace(s.OrderType))
	switch {
	case s.OrderType != "orders" && s.OrderType != "disconnects":
		return Invalid("order_type", "What happens to orders or disconnects can be told.")
	case (s.Email == "") == (s.URL == ""):
		return Invalid("email", "A subscription has an e-mail address or a URL.")
	case s.Expiry < 0 || s.Expiry > MaxSubscription:
		return Invalid("expiry", "A subscription lasts at most %s.", Span(MaxSubscription))
	}
	if s.OrderID, err = CleanText("order_id", s.OrderID, MaxReference); err != nil {
		return err
	}
	if s.URL != "" {
		return s.checkURL()
	}
	if addr, err := mail.ParseAddress(s.Email); err != nil || addr.Address != s.Email || len(s.Email) > 254 {
		return Invalid("email", "That is not an e-mail address.")
	}
	if s.Digest = strings.ToUpper(s.Digest); s.Digest == "" {
		s.Digest = "NONE"
	}
	if s.Digest != "NONE" && s.Digest != "DAILY" && s.Digest != "WEEKLY" {
		return Invalid("digest", "A digest is NONE, DAILY or WEEKLY.")
	}
	return nil
}

// MaxSubscription is the longest Expiry.
const MaxSubscription = 10 * 365 * 24 * time.Hour

func (s *Subscription) checkURL() error {
	u, err := url.Parse(s.URL)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || u.User != nil || len(s.URL) > 2000 {
		return Invalid("url", "That is not a URL such as https://example.com/notices, without credentials.")
	}
	s.Digest = ""
	return nil
}

package views

import (
	"context"
	"slices"
	"strings"
	"time"

	"tnreserve/store/tel"
	"tnreserve/views/texts"
)

// Settings are a person's own. Fields: name, zone, theme; old, password.
type Settings struct {
	Person            *tel.Person
	Name, Zone, Theme string
	Language          string // "" is the browser's
	Keys              bool   // single letters do something
	Sessions          []SessionRow
	Errors            map[string]string
}

func (v Settings) themes(ctx context.Context) []Choice {
	return chosen(v.Theme, Choice{Value: "", Label: texts.T(ctx, "As the system")}, Choice{Value: "light", Label: texts.T(ctx, "Light|theme")}, Choice{Value: "dark", Label: texts.T(ctx, "Dark|theme")})
}

// languages are named in themselves, so that everybody finds theirs.
func (v Settings) languages(ctx context.Context) []Choice {
	list := []Choice{{Label: texts.T(ctx, "As the browser has it")}}
	for _, l := range texts.Languages {
		list = append(list, Choice{Value: l.Code, Label: l.Name})
	}
	return chosen(v.Language, list...)
}

// zoneGroup is the time zones of one part of the world.
type zoneGroup struct {
	Name  string
	Zones []Choice
}

// zones are the time zones to choose from; UTC stands before the parts of the world.
func (v Settings) zones() (groups []zoneGroup) {
	for _, zone := range tel.Zones() {
		part, place, found := strings.Cut(zone, "/")
		if !found {
			continue
		}
		if len(groups) == 0 || groups[len(groups)-1].Name != part {
			groups = append(groups, zoneGroup{Name: part})
		}
		g := &groups[len(groups)-1]
		label := strings.ReplaceAll(strings.ReplaceAll(place, "_", " "), "/", ", ")
		g.Zones = append(g.Zones, Choice{Value: zone, Label: label, Selected: zone == v.Zone})
	}
	for _, g := range groups {
		slices.SortStableFunc(g.Zones, func(a, b Choice) int { return strings.Compare(a.Label, b.Label) })
	}
	return groups
}

// FactorPicture is a second factor that is being set up: a QR code as a path of an
// SVG so many units wide, and the secret for typing.
type FactorPicture struct {
	Path   string
	Size   int
	Secret string
}

// Code asks for a code at the door.
type Code struct {
	Next    string
	Error   string
	Wait    time.Duration
	Picture *FactorPicture // while it is set up
}

// FactorSettings is the second factor in a person's settings. Errors are by form:
// code, codes, off.
type FactorSettings struct {
	Since   time.Time // zero: off
	Left    int       // recovery codes
	Picture *FactorPicture
	Errors  map[string]string
}

// RecoveryCodes are shown once.
type RecoveryCodes struct {
	Codes []string
	Next  string
}

// Invitation is what a link offers. Fields: name, password, and old of whoever signs in
// here already.
type Invitation struct {
	Token, Email, Account string
	Role                  tel.Role
	Until                 time.Time
	SignedInAs            string // "" nobody
	HasPassword           bool   // the one who is signed in
	Name, Error           string
	Errors                map[string]string
}

func (v Invitation) path() string { return "/invitations/" + v.Token }

// Reset sets a new password. Field: password.
type Reset struct {
	Token, Email string
	Errors       map[string]string
}

package store

import (
	"context"

	"tnreserve/store/tel"
)

// Settings are what a person chooses for themselves.
type Settings struct {
	Name     string `json:"name"`
	Zone     string `json:"zone"`
	Theme    string `json:"theme"`
	Language string `json:"language"`
}

func (n *Settings) clean() (err error) {
	if n.Name, err = tel.CleanText("name", n.Name, tel.MaxName); err != nil {
		return err
	}
	if n.Name == "" {
		return tel.Invalid("name", "Say how others should call you.")
	}
	if err := tel.CheckZone(n.Zone); err != nil {
		return err
	}
	if err := tel.CheckTheme(n.Theme); err != nil {
		return err
	}
	return tel.CheckLanguage(n.Language)
}

// SaveSettings changes the signed-in person's own settings.
func (s *Store) SaveSettings(ctx context.Context, actor tel.Actor, n Settings) error {
	if actor.Kind != tel.KindPerson {
		return tel.NotFound()
	}
	if err := n.clean(); err != nil {
		return err
	}
	return s.change(ctx, actor, func(t *tx) error {
		p, err := scanPersonIn(t.row(personInSQL, t.actor.ID, 0), 0)
		if err != nil {
			return err
		}
		before := Settings{p.Name, p.Zone, p.Theme, p.Language}
		if before == n {
			return nil
		}
		if _, err := t.exec(`UPDATE person SET name = $1, zone = $2, theme = $3, language = $4 WHERE id = $5`, n.Name, n.Zone, n.Theme, n.Language, p.ID); err != nil {
			return err
		}
		t.event(tel.EventUpdated, 0, 0, tel.Facts{Subject: p.ID, Before: before, After: n})
		return nil
	})
}

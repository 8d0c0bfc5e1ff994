package store

import (
	"context"
	"slices"

	"tnreserve/store/tel"
)

// Sites lists an account's sites: the first, which every account has, and those that
// were made.
func (s *Store) Sites(ctx context.Context, actor tel.Actor, account tel.AccountID) ([]tel.Site, error) {
	if _, err := s.Account(ctx, actor, account); err != nil {
		return nil, err
	}
	rows, err := s.read.QueryContext(ctx, `SELECT id, name, description FROM site WHERE account_id = $1 ORDER BY id`, int64(account))
	if err != nil {
		return nil, err
	}
	made, err := collect(rows, scanSite)
	return append([]tel.Site{{ID: tel.FirstSite, Name: "Default"}}, made...), err
}

func scanSite(row scanner) (site tel.Site, err error) {
	return site, row.Scan(&site.ID, &site.Name, &site.Description)
}

// Site reads one site of an account.
func (s *Store) Site(ctx context.Context, actor tel.Actor, account tel.AccountID, id int64) (tel.Site, error) {
	list, err := s.Sites(ctx, actor, account)
	if err != nil {
		return tel.Site{}, err
	}
	if i := slices.IndexFunc(list, func(site tel.Site) bool { return site.ID == id }); i >= 0 {
		return list[i], nil
	}
	return tel.Site{}, tel.NotFound()
}

// CreateSite makes a site. Whoever sets the account's policy may.
func (s *Store) CreateSite(ctx context.Context, actor tel.Actor, account tel.AccountID, site tel.Site) (tel.Site, error) {
	var err error
	if site.Name, site.Description, err = cleanNamed(site.Name, site.Description); err != nil {
		return tel.Site{}, err
	}
	err = s.change(ctx, actor, func(t *tx) error {
		if _, err := t.accountFor(tel.ActSetPolicy, account); err != nil {
			return err
		}
		var last int64
		if err := t.row(`SELECT COALESCE(MAX(id), 1) FROM site WHERE account_id = $1`, int64(account)).Scan(&last); err != nil {
			return err
		}
		if last >= tel.MostSites {
			return tel.Refuse(tel.CodeConflict, "An account has at most %d sites.", tel.MostSites)
		}
		site.ID = last + 1
		t.event(tel.EventSiteCreated, account, 0, tel.Facts{After: site})
		_, err := t.exec(`INSERT INTO site (account_id, id, name, description) VALUES ($1, $2, $3, $4)`, int64(account), site.ID, site.Name, site.Description)
		return err
	})
	return site, err
}

func cleanNamed(name, description string) (string, string, error) {
	name, err := tel.CleanText("name", name, tel.MaxName)
	if err != nil {
		return "", "", err
	}
	if name == "" {
		return "", "", tel.Invalid("name", "A name is needed.")
	}
	description, err = tel.CleanText("description", description, tel.MaxNote)
	return name, description, err
}

// SIPPeers lists the peers of a site; one of them is the default.
func (s *Store) SIPPeers(ctx context.Context, actor tel.Actor, account tel.AccountID, site int64) ([]tel.SIPPeer, error) {
	if _, err := s.Site(ctx, actor, account, site); err != nil {
		return nil, err
	}
	rows, err := s.read.QueryContext(ctx, `SELECT id, name, description, is_default FROM sip_peer WHERE account_id = $1 AND site_id = $2 ORDER BY id`, int64(account), site)
	if err != nil {
		return nil, err
	}
	made, err := collect(rows, func(row scanner) (tel.SIPPeer, error) {
		p := tel.SIPPeer{Site: site}
		return p, row.Scan(&p.ID, &p.Name, &p.Description, &p.Default)
	})
	other := slices.ContainsFunc(made, func(p tel.SIPPeer) bool { return p.Default })
	return append([]tel.SIPPeer{{ID: tel.FirstPeer, Site: site, Name: "Default", Default: !other}}, made...), err
}

// SIPPeer reads one peer of a site.
func (s *Store) SIPPeer(ctx context.Context, actor tel.Actor, account tel.AccountID, site, id int64) (tel.SIPPeer, error) {
	list, err := s.SIPPeers(ctx, actor, account, site)
	if err != nil {
		return tel.SIPPeer{}, err
	}
	if i := slices.IndexFunc(list, func(p tel.SIPPeer) bool { return p.ID == id }); i >= 0 {
		return list[i], nil
	}
	return tel.SIPPeer{}, tel.NotFound()
}

// CreateSIPPeer makes a peer of a site. The site has one default: a new one takes the
// old one's place.
func (s *Store) CreateSIPPeer(ctx context.Context, actor tel.Actor, account tel.AccountID, p tel.SIPPeer) (tel.SIPPeer, error) {
	var err error
	if p.Name, p.Description, err = cleanNamed(p.Name, p.Description); err != nil {
		return tel.SIPPeer{}, err
	}
	err = s.change(ctx, actor, func(t *tx) error {
		if _, err := t.accountFor(tel.ActSetPolicy, account); err != nil {
			return err
		}
		var sites, last int64
		err := t.row(`SELECT (SELECT COUNT(*) FROM site WHERE account_id = $1 AND id = $2), COALESCE(MAX(id), 1) FROM sip_peer WHERE account_id = $1 AND site_id = $2`,
			int64(account), p.Site).Scan(&sites, &last)
		switch {
		case err != nil:
			return err
		case sites == 0 && p.Site != tel.FirstSite:
			return tel.NotFound()
		case last >= tel.MostSites:
			return tel.Refuse(tel.CodeConflict, "A site has at most %d peers.", tel.MostSites)
		}
		p.ID = last + 1
		t.event(tel.EventPeerCreated, account, 0, tel.Facts{After: p})
		if p.Default {
			if _, err := t.exec(`UPDATE sip_peer SET is_default = $1 WHERE account_id = $2 AND site_id = $3`, false, int64(account), p.Site); err != nil {
				return err
			}
		}
		_, err = t.exec(`INSERT INTO sip_peer (account_id, site_id, id, name, description, is_default) VALUES ($1, $2, $3, $4, $5, $6)`,
			int64(account), p.Site, p.ID, p.Name, p.Description, p.Default)
		return err
	})
	return p, err
}

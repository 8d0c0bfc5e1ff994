package bandwidth

import (
	"encoding/xml"
	"strconv"

	"tnreserve/store/tel"
)

type wireSite struct {
	ID          int64 `xml:"Id"`
	Name        string
	Description string `xml:",omitempty"`
}

func siteOnWire(s tel.Site) wireSite { return wireSite{s.ID, s.Name, s.Description} }

type wirePeer struct {
	PeerID      int64 `xml:"PeerId"`
	PeerName    string
	Description string `xml:",omitempty"`
	Default     bool   `xml:"IsDefaultPeer"`
}

func peerOnWire(p tel.SIPPeer) wirePeer { return wirePeer{p.ID, p.Name, p.Description, p.Default} }

type sitesResponse struct {
	XMLName xml.Name   `xml:"SitesResponse"`
	Sites   []wireSite `xml:"Sites>Site"`
}

type siteResponse struct {
	XMLName xml.Name `xml:"SiteResponse"`
	Site    wireSite
}

type peersResponse struct {
	XMLName xml.Name   `xml:"TNSipPeersResponse"`
	Peers   []wirePeer `xml:"SipPeers>SipPeer"`
}

type peerResponse struct {
	XMLName xml.Name `xml:"SipPeerResponse"`
	Peer    wirePeer `xml:"SipPeer"`
}

// number reads a small id of the path; what is none is unknown.
func (c *call) number(i int) (int64, error) {
	n, err := strconv.ParseInt(c.args[i], 10, 64)
	if err != nil || n < 1 {
		return 0, tel.NotFound()
	}
	return n, nil
}

func (c *call) listSites() error {
	list, err := c.store.Sites(c.r.Context(), c.actor, c.account)
	if err != nil {
		return err
	}
	var out sitesResponse
	for _, s := range list {
		out.Sites = append(out.Sites, siteOnWire(s))
	}
	return c.answer(200, out)
}

func (c *call) getSite() error {
	id, err := c.number(0)
	if err != nil {
		return err
	}
	s, err := c.store.Site(c.r.Context(), c.actor, c.account, id)
	if err != nil {
		return err
	}
	return c.answer(200, siteResponse{Site: siteOnWire(s)})
}

func (c *call) createSite() error {
	body, err := c.body("Site")
	if err != nil {
		return err
	}
	if body.value("Name") == "" {
		return bad(codeRequired, "Name is required")
	}
	s, err := c.store.CreateSite(c.r.Context(), c.actor, c.account, tel.Site{Name: body.value("Name"), Description: body.value("Description")})
	if err != nil {
		return err
	}
	return c.created(c.own("/sites/" + strconv.FormatInt(s.ID, 10)))
}

func (c *call) listPeers() error {
	site, err := c.number(0)
	if err != nil {
		return err
	}
	list, err := c.store.SIPPeers(c.r.Context(), c.actor, c.account, site)
	if err != nil {
		return err
	}
	var out peersResponse
	for _, p := range list {
		out.Peers = append(out.Peers, peerOnWire(p))
	}
	return c.answer(200, out)
}

func (c *call) getPeer() error {
	site, err := c.number(0)
	if err != nil {
		return err
	}
	id, err := c.number(1)
	if err != nil {
		return err
	}
	p, err := c.store.SIPPeer(c.r.Context(), c.actor, c.account, site, id)
	if err != nil {
		return err
	}
	return c.answer(200, peerResponse{Peer: peerOnWire(p)})
}

func (c *call) createPeer() error {
	site, err := c.number(0)
	if err != nil {
		return err
	}
	body, err := c.body("SipPeer")
	if err != nil {
		return err
	}
	if body.value("PeerName") == "" {
		return bad(codeRequired, "PeerName is required")
	}
	isDefault, ok := parseBool(body.value("IsDefaultPeer"), false)
	if !ok {
		return bad(codeRange, "IsDefaultPeer is out of range: true or false")
	}
	p, err := c.store.CreateSIPPeer(c.r.Context(), c.actor, c.account, tel.SIPPeer{Site: site, Name: body.value("PeerName"), Description: body.value("Description"), Default: isDefault})
	if err != nil {
		return err
	}
	return c.created(c.own("/sites/" + strconv.FormatInt(site, 10) + "/sippeers/" + strconv.FormatInt(p.ID, 10)))
}

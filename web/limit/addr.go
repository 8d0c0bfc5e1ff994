package limit

import (
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// Proxies are the addresses whose X-Forwarded-For is believed.
type Proxies []netip.Prefix

// Addr is the caller's address without its port, for every door alike. A proxy's word
// for it is believed only from the proxies that the operator named: anybody can send a
// header. So it is read from its end, and what stands before the first address that is
// no such proxy counts for nothing.
func (p Proxies) Addr(r *http.Request) string {
	addr, host, ok := sender(r)
	if !ok {
		return host
	}
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for i := len(hops) - 1; i >= 0 && p.has(addr); i-- {
		hop, ok := parseHop(strings.TrimSpace(hops[i]))
		if !ok {
			break
		}
		addr = hop
	}
	return addr.String()
}

// Sent tells whether a request came from one of the proxies.
func (p Proxies) Sent(r *http.Request) bool {
	addr, _, ok := sender(r)
	return ok && p.has(addr)
}

// sender is the address that a request's connection comes from; not ok, what it says
// instead.
func sender(r *http.Request) (addr netip.Addr, text string, ok bool) {
	text, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		text = r.RemoteAddr
	}
	addr, err = netip.ParseAddr(text)
	return plain(addr), text, err == nil
}

// has tells whether an address is one of the operator's proxies.
func (p Proxies) has(addr netip.Addr) bool {
	return slices.ContainsFunc(p, func(one netip.Prefix) bool { return one.Contains(addr) })
}

// parseHop reads an address; some proxies add its port.
func parseHop(s string) (netip.Addr, bool) {
	addr, err := netip.ParseAddr(s)
	if err != nil {
		var with netip.AddrPort
		with, err = netip.ParseAddrPort(s)
		addr = with.Addr()
	}
	return plain(addr), err == nil
}

// plain is the one way to write an address: IPv4 is not IPv6, and a zone means nothing
// elsewhere.
func plain(addr netip.Addr) netip.Addr { return addr.Unmap().WithZone("") }

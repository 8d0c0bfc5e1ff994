package notify

import (
	"context"
	"fmt"
	"net/netip"
	"syscall"
)

// insideError is the refusal of an address that is not out in the world.
type insideError struct{ addr netip.Addr }

func (e insideError) Error() string {
	return fmt.Sprintf("The address %s is not a public one; nothing is sent there.", e.addr)
}

// inner are the IPv4 networks that are not the public internet (IANA's special-purpose
// registry, multicast and what is reserved).
var inner = prefixes(
	"0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24",
	"192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
)

// outer is IPv6's global unicast, and innerOfOuter what in it is documentation or leads
// back into IPv4 (Teredo, 6to4) or the like. Everything outside outer is inner: loopback,
// unspecified, unique local, link-local, multicast, mapped and translated IPv4.
var (
	outer        = netip.MustParsePrefix("2000::/3")
	innerOfOuter = prefixes("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20")
)

func prefixes(list ...string) (out []netip.Prefix) {
	for _, p := range list {
		out = append(out, netip.MustParsePrefix(p))
	}
	return out
}

// public tells whether an address is out in the world.
func public(addr netip.Addr) bool {
	among := inner
	if addr.Is6() {
		if !outer.Contains(addr) || addr.Zone() != "" {
			return false
		}
		among = innerOfOuter
	}
	for _, p := range among {
		if p.Contains(addr) {
			return false
		}
	}
	return addr.IsValid()
}

// only is the dialer's hook before each connection, with the address it goes to.
func only(allowed func(netip.Addr) bool) func(context.Context, string, string, syscall.RawConn) error {
	return func(_ context.Context, _, address string, _ syscall.RawConn) error {
		to, err := netip.ParseAddrPort(address)
		if err != nil {
			return err
		}
		if !allowed(to.Addr()) {
			return insideError{to.Addr()}
		}
		return nil
	}
}

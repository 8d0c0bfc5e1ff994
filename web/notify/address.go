package notify

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
)

// insideError is the refusal of an address that is not out in the world. Its words are
// for the log: to others they would tell what the house's names stand for.
type insideError struct{ addr netip.Addr }

func (e insideError) Error() string { return fmt.Sprintf("%s is not a public address", e.addr) }

// nowhere is said of a name that leads inside and of one that leads nowhere.
const nowhere = "The host has no public address; nothing is sent there."

// homeError is the refusal of an address that leads back to this server.
type homeError struct{}

func (homeError) Error() string { return "The address is this server's own; nothing is sent there." }

// home knows where this server itself is reached, from inside and from outside.
type home struct {
	host    string // of the base URL; "" none
	resolve func(ctx context.Context, network, host string) ([]netip.Addr, error)
	local   func() ([]net.Addr, error) // this machine's addresses
	fault   func(error)                // is told how asking for them went
	now     func() time.Time

	first sync.Once
	mu    sync.Mutex // never held while somebody asks
	known []netip.Addr
	until time.Time
}

const (
	knownFor = time.Minute      // how long what the own name resolved to is believed
	askAgain = 10 * time.Second // after how long another asks, when one got no answer or waits for it
	askMost  = 2 * time.Second  // of an attempt's time, which this is taken from
)

func newHome(baseURL string, now func() time.Time, fault func(error)) *home {
	h := &home{resolve: net.DefaultResolver.LookupNetIP, local: net.InterfaceAddrs, fault: fault, now: now}
	if u, err := url.Parse(baseURL); err == nil {
		h.host = u.Hostname()
	}
	return h
}

// named tells whether a host's name is the own one.
func (h *home) named(host string) bool {
	return h.host != "" && strings.EqualFold(strings.TrimSuffix(host, "."), strings.TrimSuffix(h.host, "."))
}

// has tells whether an address leads back here, or may.
func (h *home) has(ctx context.Context, addr netip.Addr) bool {
	list, err := h.local()
	h.fault(err)
	own := func(a net.Addr) bool {
		network, err := netip.ParsePrefix(a.String())
		return err == nil && network.Addr().Unmap() == addr
	}
	return err != nil || slices.ContainsFunc(list, own) || slices.Contains(h.addresses(ctx), addr)
}

// addresses are what the own name resolves to; while somebody asks, and while it does
// not resolve, what it did last. Only the first answer is waited for by all: before it
// nothing is known.
func (h *home) addresses(ctx context.Context) []netip.Addr {
	if h.host == "" {
		return nil
	}
	h.first.Do(func() { h.ask(ctx) })
	h.ask(ctx)
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.known
}

// ask asks what the own name resolves to, when it is time. What comes of it is for all:
// that the delivery which asks is cut does not end it.
func (h *home) ask(ctx context.Context) {
	if !h.turn() {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), askMost)
	defer cancel()
	list, err := h.resolve(ctx, "ip", h.host)
	if err != nil {
		return
	}
	for i, addr := range list {
		list[i] = addr.Unmap()
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.known, h.until = list, h.now().Add(knownFor)
}

// turn tells whether it is time to ask; for a while nobody else does then.
func (h *home) turn() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	now := h.now()
	if now.Before(h.until) {
		return false
	}
	h.until = now.Add(askAgain)
	return true
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

// judge says whether an address is connected to.
type judge func(context.Context, netip.Addr) error

// onlyOutside lets through what is out in the world and not this server.
func (h *home) onlyOutside(ctx context.Context, addr netip.Addr) error {
	if !public(addr) {
		return insideError{addr}
	}
	if h.has(ctx, addr) {
		return homeError{}
	}
	return nil
}

// only is the dialer's hook before each connection, with the address it goes to.
func only(allowed judge) func(context.Context, string, string, syscall.RawConn) error {
	return func(ctx context.Context, _, address string, _ syscall.RawConn) error {
		to, err := netip.ParseAddrPort(address)
		if err != nil {
			return err
		}
		return allowed(ctx, to.Addr())
	}
}

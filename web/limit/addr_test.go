package limit

import (
	"net/http"
	"net/netip"
	"strings"
	"testing"
)

func TestAddr(t *testing.T) {
	one := Proxies{netip.MustParsePrefix("127.0.0.1/32")}
	many := Proxies{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("::1/128"), netip.MustParsePrefix("fd00::/8")}
	for name, c := range map[string]struct {
		proxies Proxies
		remote  string
		header  []string
		want    string
	}{
		"no proxy, no header":           {nil, "203.0.113.7:4711", nil, "203.0.113.7"},
		"no proxy, a forged header":     {nil, "203.0.113.7:4711", []string{"198.51.100.1"}, "203.0.113.7"},
		"past the proxy, forged":        {one, "203.0.113.7:4711", []string{"198.51.100.1"}, "203.0.113.7"},
		"through the proxy":             {one, "127.0.0.1:4711", []string{"203.0.113.7"}, "203.0.113.7"},
		"through it, forged in front":   {one, "127.0.0.1:4711", []string{"198.51.100.1, 203.0.113.7"}, "203.0.113.7"},
		"forged in a header of its own": {one, "127.0.0.1:4711", []string{"198.51.100.1", "203.0.113.7"}, "203.0.113.7"},
		"forged to be the proxy":        {one, "127.0.0.1:4711", []string{"127.0.0.1, 203.0.113.7"}, "203.0.113.7"},
		"the proxy says nothing":        {one, "127.0.0.1:4711", nil, "127.0.0.1"},
		"the proxy says nonsense":       {one, "127.0.0.1:4711", []string{"198.51.100.1, unknown"}, "127.0.0.1"},
		"an empty header":               {one, "127.0.0.1:4711", []string{""}, "127.0.0.1"},
		"two proxies":                   {many, "10.0.0.2:4711", []string{"198.51.100.1, 203.0.113.7, 10.9.9.9"}, "203.0.113.7"},
		"proxies all the way":           {many, "10.0.0.2:4711", []string{"10.1.1.1, 10.9.9.9"}, "10.1.1.1"},
		"a proxy not named between":     {many, "10.0.0.2:4711", []string{"203.0.113.7, 192.168.1.1, 10.9.9.9"}, "192.168.1.1"},
		"IPv6":                          {many, "[::1]:4711", []string{"2001:DB8:0::7"}, "2001:db8::7"},
		"IPv6, no proxy":                {many, "[2001:db8::7]:4711", []string{"2001:db8::8"}, "2001:db8::7"},
		"IPv6 with a zone":              {many, "[fe80::7%eth0]:4711", nil, "fe80::7"},
		"IPv4 in IPv6":                  {one, "[::ffff:127.0.0.1]:4711", []string{"::ffff:203.0.113.7"}, "203.0.113.7"},
		"with ports":                    {many, "[fd00::1]:4711", []string{"[2001:db8::7]:99, 10.1.1.1:80"}, "2001:db8::7"},
		"a socket without an address":   {one, "@", []string{"203.0.113.7"}, "@"},
	} {
		t.Run(name, func(t *testing.T) {
			r := &http.Request{RemoteAddr: c.remote, Header: http.Header{"X-Forwarded-For": c.header}}
			if got := c.proxies.Addr(r); got != c.want {
				t.Errorf("%s, want %s", got, c.want)
			}
			if past := strings.HasPrefix(c.remote, "203.") || strings.HasPrefix(c.remote, "[2001:") || strings.HasPrefix(c.remote, "[fe80:") || c.remote == "@"; c.proxies.Sent(r) == past {
				t.Errorf("sent by a proxy: %v", !past)
			}
		})
	}
}

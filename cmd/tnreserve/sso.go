package main

import (
	"fmt"
	"net/netip"
	"net/url"
	"os"
	"strings"

	"tnreserve/store/tel"
	"tnreserve/web"
)

// sso are the flags of single sign-on.
type sso struct {
	Issuer     string `name:"oidc-issuer" placeholder:"URL" help:"Let people sign in with this OpenID Connect provider; --base-url, --oidc-client-id and a secret go with it."`
	ClientID   string `name:"oidc-client-id" placeholder:"ID" help:"What the provider knows this server by."`
	Secret     string `name:"oidc-client-secret" placeholder:"SECRET" help:"The secret that goes with it. An argument is in every process list: better by its variable, or from a file."`
	SecretFile string `name:"oidc-client-secret-file" placeholder:"FILE" help:"A file with the secret, instead."`
	Groups     string `name:"oidc-groups" placeholder:"GROUP=ROLE@ACCOUNT" help:"What the provider's groups are here, such as ops=operator,acme-admins=admin@9500012. Applied at each sign-in."`
}

// provider reads the flags; nil where there are none. Half of them is a mistake.
func (c sso) provider(base string) (*web.SSO, error) {
	if c == (sso{}) {
		return nil, nil
	}
	if err := c.whole(base); err != nil {
		return nil, err
	}
	out := &web.SSO{Issuer: c.Issuer, ClientID: c.ClientID, ClientSecret: c.Secret}
	if c.SecretFile != "" {
		text, err := os.ReadFile(c.SecretFile)
		if err != nil {
			return nil, fmt.Errorf("--oidc-client-secret-file: %w", err)
		}
		out.ClientSecret = strings.TrimSpace(string(text))
	}
	if out.ClientSecret == "" {
		return nil, usageError("the secret of single sign-on is empty")
	}
	if c.Groups != "" {
		groups, err := tel.ParseGroupRoles(c.Groups)
		if err != nil {
			return nil, usageError("--oidc-groups: " + err.Error())
		}
		out.Groups = groups
	}
	return out, nil
}

func (c sso) whole(base string) error {
	for flag, value := range map[string]string{"--oidc-issuer": c.Issuer, "--oidc-client-id": c.ClientID, "--oidc-client-secret or --oidc-client-secret-file": c.Secret + c.SecretFile, "--base-url": base} {
		if value == "" {
			return usageError("single sign-on needs " + flag + " too")
		}
	}
	if c.Secret != "" && c.SecretFile != "" {
		return usageError("give --oidc-client-secret or --oidc-client-secret-file, not both")
	}
	u, err := url.Parse(c.Issuer)
	if err != nil || u.Host == "" || u.RawQuery != "" || u.Fragment != "" || u.Scheme != "https" && (u.Scheme != "http" || !loopback(u.Hostname())) {
		return usageError(fmt.Sprintf("--oidc-issuer %q is not like https://login.example", c.Issuer))
	}
	return nil
}

func loopback(host string) bool {
	addr, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && addr.IsLoopback()
}

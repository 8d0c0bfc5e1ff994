package main

import (
	"fmt"
	"net/netip"
	"net/url"

	"tnreserve/store/tel"
	"tnreserve/web"
)

// sso are the flags of single sign-on.
type sso struct {
	Issuer     string `name:"oidc-issuer" placeholder:"URL" help:"Let people sign in with this OpenID Connect provider; --base-url, --oidc-client-id and a secret go with it."`
	ClientID   string `name:"oidc-client-id" placeholder:"ID" help:"What the provider knows this server by."`
	Secret     string `name:"oidc-client-secret" placeholder:"SECRET" secret:"all" help:"The secret that goes with it. An argument is in every process list: better by its variable, or from a file."`
	SecretFile string `name:"oidc-client-secret-file" placeholder:"FILE" help:"A file with the secret, instead."`
	Groups     string `name:"oidc-groups" placeholder:"GROUP=ROLE@ACCOUNT" help:"What the provider's groups are here, such as ops=operator,acme-admins=admin@9500012. Applied at each sign-in."`
}

// provider is the provider that the flags describe; nil where there are none.
func (c sso) provider() (*web.SSO, error) {
	if c == (sso{}) {
		return nil, nil
	}
	secret, err := c.secret()
	if err != nil {
		return nil, err
	}
	groups, err := c.groups()
	return &web.SSO{Issuer: c.Issuer, ClientID: c.ClientID, ClientSecret: secret, Groups: groups}, err
}

func (c sso) secret() (string, error) {
	if c.SecretFile == "" {
		return c.Secret, nil
	}
	secret, err := readSecret(c.SecretFile)
	if err != nil {
		return "", fmt.Errorf("--oidc-client-secret-file: %w", err)
	}
	return secret, nil
}

func (c sso) groups() (groups tel.GroupRoles, err error) {
	if c.Groups == "" {
		return nil, nil
	}
	if groups, err = tel.ParseGroupRoles(c.Groups); err != nil {
		return nil, fmt.Errorf("--oidc-groups: %w", err)
	}
	return groups, nil
}

// faults are what is missing or wrong: half of the flags is a mistake.
func (c sso) faults(base string) (out []string) {
	if c == (sso{}) {
		return nil
	}
	for _, need := range [][2]string{{"--oidc-issuer", c.Issuer}, {"--oidc-client-id", c.ClientID}, {"--oidc-client-secret or --oidc-client-secret-file", c.Secret + c.SecretFile}, {"--base-url", base}} {
		if need[1] == "" {
			out = append(out, "single sign-on needs "+need[0]+" too")
		}
	}
	if c.Secret != "" && c.SecretFile != "" {
		out = append(out, "give --oidc-client-secret or --oidc-client-secret-file, not both")
	} else if _, err := c.secret(); err != nil {
		out = append(out, err.Error())
	}
	if c.Issuer != "" && !issuerFits(c.Issuer) {
		out = append(out, fmt.Sprintf("--oidc-issuer %q is not like https://login.example", c.Issuer))
	}
	if _, err := c.groups(); err != nil {
		out = append(out, err.Error())
	}
	return out
}

func issuerFits(issuer string) bool {
	u, err := url.Parse(issuer)
	return err == nil && u.Host != "" && u.RawQuery == "" && u.Fragment == "" && (u.Scheme == "https" || u.Scheme == "http" && loopback(u.Hostname()))
}

func loopback(host string) bool {
	addr, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && addr.IsLoopback()
}

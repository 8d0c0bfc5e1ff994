package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"

	"tnreserve/store"
)

// facts are what serve prints when it is ready: a line each.
type facts []fact

type fact struct {
	Kind string `json:"kind"` // "address", "sign-in", "storefront", "set-up" or "notice"
	Who  string `json:"who,omitempty"`
	URL  string `json:"url"`

	line string
}

// facts gathers the links to print under a base URL.
func (c *serveCommand) facts(ctx context.Context, s *store.Store, base string) (facts, error) {
	var out facts
	if c.Demo {
		var err error
		if out, err = demoFacts(ctx, s, base); err != nil {
			return nil, fmt.Errorf("filling the demo: %w", err)
		}
	}
	token, err := s.NewSetupLink(ctx)
	if err != nil {
		return nil, err
	}
	if token != "" {
		url := base + "/setup/" + token
		out = append(out, fact{Kind: "set-up", URL: url, line: "set-up link for the first operator (30 minutes, once): " + url})
	}
	return out, nil
}

// demoFacts fills the demo and says where to begin.
func demoFacts(ctx context.Context, s *store.Store, base string) (out facts, err error) {
	links, err := demo(ctx, s)
	if err != nil {
		return nil, err
	}
	if len(links) == 0 {
		return facts{{Kind: "notice", Who: "--demo", line: "this database is not the demo's; --demo changes nothing and gives no sign-in links"}}, nil
	}
	for _, l := range links {
		url := base + "/enter/" + l.token
		out = append(out, fact{Kind: "sign-in", Who: l.who, URL: url, line: fmt.Sprintf("sign in as %-32s %s", l.who+":", url)})
	}
	shop, err := demoStorefront(ctx, s)
	if shop != "" {
		out = append(out, fact{Kind: "storefront", Who: "end users of Acme Tel", URL: base + shop, line: fmt.Sprintf("%-43s %s", "storefront for end users of Acme Tel:", base+shop)})
	}
	return out, err
}

func (f facts) print(w io.Writer, asJSON bool, listening string) {
	all := append(facts{{Kind: "address", URL: listening, line: "tnreserve serves " + listening}}, f...)
	for _, one := range all {
		if !asJSON {
			fmt.Fprintln(w, one.line)
			continue
		}
		line, _ := json.Marshal(one) // strings only: cannot fail
		fmt.Fprintf(w, "%s\n", line)
	}
}

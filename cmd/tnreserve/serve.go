package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"tnreserve/store"
	"tnreserve/web"
	"tnreserve/web/bandwidth"
	"tnreserve/web/limit"
	"tnreserve/web/notify"
	"tnreserve/web/telnyx"
)

type serveCommand struct {
	database
	Addr    string `placeholder:"HOST:PORT" default:"127.0.0.1:8080" help:"Where to listen; port 0 picks a free one. Default: ${default}."`
	Demo    bool   `help:"Fill an empty database with a demo, and print sign-in links to it."`
	BaseURL string `name:"base-url" placeholder:"URL" help:"How people reach the server, if something stands in front of it: https://numbers.example."`
	JSON    bool   `name:"json" help:"Print what is printed as one JSON object per line."`

	IdleStaff   time.Duration `placeholder:"30m" default:"30m" help:"An operator's or admin's session ends when unused for so long. Default: ${default}."`
	IdleOthers  time.Duration `placeholder:"4h" default:"4h" help:"The same for everybody else. Default: ${default}."`
	SessionMost time.Duration `placeholder:"12h" default:"12h" help:"Any session ends after so long. Default: ${default}."`

	TrustedProxy []netip.Prefix `name:"trusted-proxy" placeholder:"CIDR" help:"Believe X-Forwarded-For from these addresses, such as 127.0.0.1/32; limits and the audit trail go by address. Comma-separated."`

	sso

	Connections        int     `placeholder:"N" default:"8192" help:"How many connections may be open at once; 0 is no limit. Default: ${default}."`
	ConnectionsPerAddr int     `placeholder:"N" default:"256" help:"The same per address of a client; behind a proxy set it to 0. Default: ${default}."`
	ClientRate         float64 `placeholder:"N" default:"200" help:"How many requests per second an API client may make on the long run; 0 is no limit. Default: ${default}."`
	ClientBurst        int     `placeholder:"N" default:"1000" help:"How many it may make at once. Default: ${default}."`

	SearchRate  float64 `placeholder:"N" default:"5" help:"How many searches per second a person may make on the dashboard on the long run, and all of an account ten times as many; 0 is no limit. Default: ${default}."`
	SearchBurst int     `placeholder:"N" default:"100" help:"How many they may make at once. Default: ${default}."`

	AllowPrivateWebhooks bool `help:"Send webhooks to loopback and private addresses too; for trials only."`

	ShopSearches int `placeholder:"N" default:"60" help:"How many searches a minute an address may make in storefronts. Default: ${default}."`
	ShopHolds    int `placeholder:"N" default:"20" help:"How many numbers an hour it may hold there; half as many per browser. Default: ${default}."`

	Batch    int    `hidden:"" default:"256" help:"How many waiting changes one transaction takes; 1 is for the benchmark to compare with."`
	LogLevel string `placeholder:"LEVEL" enum:"debug,info,warn,error" default:"info" help:"What is logged: debug, info, warn or error. Default: ${default}."`

	watching
}

// Help is what --help shows below the flags.
func (serveCommand) Help() string {
	return `On a database without people it prints a set-up link for the first operator, good for 30 minutes
and once. SIGTERM lets requests under way finish and ends within 10 s (after --drain-delay); a second one ends at once. A
socket from systemd (LISTEN_FDS) is taken instead of --addr, and restarts then cut no request.

Examples:
  tnreserve serve --demo
  tnreserve serve --db /var/lib/tnreserve/tnreserve.db --addr 127.0.0.1:8080 --base-url https://numbers.example
  TNRESERVE_DB=/var/lib/tnreserve/tnreserve.db tnreserve serve`
}

// Run serves until ctx ends.
func (c *serveCommand) Run(ctx context.Context, p *process) (err error) {
	if err := halfConfigured(c.faults()); err != nil {
		return err
	}
	provider, err := c.sso.provider()
	if err != nil {
		return err
	}
	log := c.logger(p, c.level())
	ln, err := listen(p.getenv, c.Addr, log) // first: a port in use is said at once
	if err != nil {
		return err
	}
	defer ln.Close()
	watch, err := c.watch(log)
	if err != nil {
		return err
	}
	defer watch.close()
	loading := newLoading()
	front := newFrontend(loading, nil, limits{c.Connections, c.ConnectionsPerAddr}, log)
	front.begin(ln)
	defer func() { err = errors.Join(err, front.shutDown()) }()
	defer loading.fail() // unless it was done
	clock := newClock()
	s, err := c.openWith(ctx, store.Config{Now: clock.Now, Log: log, Batch: c.Batch, IdleStaff: c.IdleStaff, IdleOthers: c.IdleOthers, AbsoluteSession: c.SessionMost, Watch: watch.store()})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	searches := limit.NewSearchTurns()
	site, err := web.New(web.Config{Store: s, Log: log, BaseURL: c.BaseURL, Version: buildInfo().Version, TrustedProxies: c.TrustedProxy, SSO: provider, EndUsers: c.endUserLimits(), People: web.PeopleLimits{SearchRate: c.SearchRate, SearchBurst: c.SearchBurst}, Searches: searches, OpenAPI: telnyx.OpenAPI(), Metrics: watch.page(), Observer: watch.observer(log)})
	if err != nil {
		return err
	}
	rates := c.clientLimits(s)
	xmlDoor := bandwidth.New(bandwidth.Config{Store: s, Log: log, BaseURL: c.BaseURL, Limits: rates, Searches: searches, Proxies: c.TrustedProxy, Observer: watch.observer(log)})
	jsonDoor := telnyx.New(telnyx.Config{Store: s, Log: log, BaseURL: c.BaseURL, Limits: rates, Searches: searches, Proxies: c.TrustedProxy, Observer: watch.observer(log)})
	if err := s.EndReusableLinks(ctx, console); err != nil {
		return err
	}
	if _, err := s.WebhookPublicKey(ctx); err != nil { // made now: who reads it later changes nothing
		return err
	}
	facts, err := c.facts(ctx, s, cmp.Or(c.BaseURL, reachable(ln.Addr())))
	if err != nil {
		return err
	}
	facts.print(p.stdout, c.JSON, reachable(ln.Addr()))

	var background sync.WaitGroup
	defer background.Wait()
	serving, ended := context.WithCancel(context.WithoutCancel(ctx)) // until the last request is answered, or the socket broke
	defer ended()
	background.Go(func() { sweepEvery(serving, s, watch, log) })
	background.Go(func() {
		notify.New(notify.Config{Store: s, Log: log, AllowPrivate: c.AllowPrivateWebhooks, BaseURL: c.BaseURL}).Run(serving)
	})
	background.Go(func() { clock.watch(serving, log) })
	front.leave, front.delay, front.endStreams = site.Leave, c.DrainDelay, site.Drain
	watch.of(s, &front.conns)
	loading.done(watch.handler(xmlDoor.Beside(jsonDoor.Beside(site.Handler()))))
	return front.serve(ctx, ln)
}

func (c *serveCommand) level() slog.Level {
	var level slog.Level
	_ = level.UnmarshalText([]byte(c.LogLevel)) // one of four, which the parser saw to
	return level
}

// clientLimits bound what a program may ask of any door; nil is no limit.
func (c *serveCommand) clientLimits(s *store.Store) *limit.Limits {
	if c.ClientRate == 0 {
		return nil
	}
	return limit.New(c.ClientRate, c.ClientBurst, s.Now)
}

// endUserLimits bound what people without an account may ask of storefronts.
func (c *serveCommand) endUserLimits() web.EndUserLimits {
	return web.EndUserLimits{Searches: c.ShopSearches, Holds: c.ShopHolds, HoldsPerSession: (c.ShopHolds + 1) / 2}
}

// faults are what is missing or makes no sense, all of it at once. It brings --base-url
// into its usual form.
func (c *serveCommand) faults() (out []string) {
	refuse := func(bad bool, why string) {
		if bad {
			out = append(out, why)
		}
	}
	if err := store.CheckName(c.DB); err != nil {
		refuse(true, "--db: "+err.Error())
	}
	_, _, err := net.SplitHostPort(c.Addr)
	refuse(err != nil, fmt.Sprintf("--addr %q is not like 127.0.0.1:8080", c.Addr))
	refuse(c.ShopSearches < 1 || c.ShopHolds < 1, "--shop-searches and --shop-holds are 1 or more")
	refuse(c.ClientRate < 0 || c.ClientRate > 0 && c.ClientBurst < 1, "--client-rate is 0 or more, --client-burst 1 or more")
	refuse(c.SearchRate < 0 || c.SearchRate > 0 && c.SearchBurst < 1, "--search-rate is 0 or more, --search-burst 1 or more")
	refuse(c.Connections < 0 || c.ConnectionsPerAddr < 0, "--connections and --connections-per-addr are 0 or more")
	refuse(c.IdleStaff <= 0 || c.IdleOthers <= 0 || c.SessionMost <= 0, "--idle-staff, --idle-others and --session-most are longer than 0")
	refuse(len(c.TrustedProxy) > 0 && c.BaseURL == "", "--trusted-proxy says that something stands in front; it needs --base-url too, for links and Secure cookies")
	base, ok := cleanBase(c.BaseURL)
	refuse(!ok, fmt.Sprintf("--base-url %q is not like https://numbers.example, without a path", c.BaseURL))
	if ok {
		c.BaseURL = base
	}
	return slices.Concat(out, c.watching.faults(), c.sso.faults(c.BaseURL))
}

// cleanBase is a base URL without its last slash, if it is one.
func cleanBase(base string) (string, bool) {
	if base == "" {
		return "", true
	}
	u, err := url.Parse(base)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "" || u.User != nil {
		return "", false
	}
	return u.Scheme + "://" + u.Host, true
}

// sweepEvery keeps house once a second. It never stops at an error, and says one that
// stays only once.
func sweepEvery(ctx context.Context, s *store.Store, watch *watch, log *slog.Logger) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	said := ""
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		began := time.Now()
		swept, err := s.Sweep(ctx)
		watch.metrics.swept(swept, time.Since(began), err)
		switch {
		case ctx.Err() != nil:
			return
		case err == nil && said != "":
			said = ""
			log.Info("housekeeping works again")
		case err != nil && err.Error() != said:
			said = err.Error()
			log.Error("housekeeping failed; it goes on every second", "error", err)
		}
	}
}

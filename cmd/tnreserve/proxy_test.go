package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"mime/multipart"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// The files of deploy are tried with what they are for. Only ports, the certificate and
// what such a program keeps elsewhere are another's here.

const (
	site      = "https://numbers.example.com"
	trustThem = "127.0.0.1/32"
	// ourAddress is where the people of these tests come from: the proxy's is another.
	ourAddress = "127.0.0.7"
	// proxyAddress is where the proxy listens and nothing else picks a port.
	proxyAddress = "127.0.0.9"
)

func TestDeployNginx(t *testing.T) {
	inFront(t, "nginx", func(dir, conf, port, upstream, cert, key string) []string {
		conf = strings.NewReplacer("\tlisten [::]:443 ssl http2;\n", "", "listen 443 ", "listen "+proxyAddress+":"+port+" ", "127.0.0.1:8080", upstream,
			"/etc/ssl/numbers.example.com.pem", cert, "/etc/ssl/private/numbers.example.com.key", key).Replace(conf)
		user := ""
		if os.Getuid() == 0 {
			user = "user root;"
		}
		main := fmt.Sprintf(`daemon off; %s pid %[2]s/pid; error_log stderr;
events { worker_connections 768; }
http {
	access_log off; gzip on;
	client_body_temp_path %[2]s/body; proxy_temp_path %[2]s/proxy;
	fastcgi_temp_path %[2]s/f; uwsgi_temp_path %[2]s/u; scgi_temp_path %[2]s/s;
	include %[2]s/site.conf;
}`, user, dir)
		write(t, filepath.Join(dir, "site.conf"), conf)
		return []string{"-p", dir, "-e", "stderr", "-c", write(t, filepath.Join(dir, "nginx.conf"), main)}
	}, "nginx.conf")
}

func TestDeployCaddy(t *testing.T) {
	inFront(t, "caddy", func(dir, conf, port, upstream, cert, key string) []string {
		conf = strings.NewReplacer("numbers.example.com {\n", "numbers.example.com:"+port+" {\n\tbind "+proxyAddress+"\n\ttls "+cert+" "+key+"\n", "127.0.0.1:8080", upstream).Replace(conf)
		conf = "{\n\tadmin off\n\tauto_https disable_redirects\n}\n" + conf
		return []string{"run", "--adapter", "caddyfile", "--config", write(t, filepath.Join(dir, "Caddyfile"), conf)}
	}, "Caddyfile")
}

// inFront puts a proxy before a server, and asks through it for all that a proxy may
// spoil.
func inFront(t *testing.T, program string, adapt func(dir, conf, port, upstream, cert, key string) []string, file string) {
	command := findProgram(t, program)
	socket, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = socket.Close() })
	dir := t.TempDir()
	roots, cert, key := certificate(t, dir)
	port := freePort(t)
	cmd := exec.CommandContext(t.Context(), command, adapt(dir, deployed(t)[file], port, socket.Addr().String(), cert, key)...)
	startProxy(t, cmd, dir, proxyAddress+":"+port)

	db := proxiedDB(t)
	s := serveOnSocket(t, db, socket)
	out := &outside{t: t, transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(ourAddress)}}
			return d.DialContext(ctx, "tcp", proxyAddress+":"+port)
		},
		TLSClientConfig: &tls.Config{RootCAs: roots}, ForceAttemptHTTP2: true,
	}}
	t.Cleanup(out.transport.CloseIdleConnections)
	operator := out.signIn("olga@carrier.example")
	member := out.signIn("max@acme.example")
	out.live(member)
	out.upload(operator)
	out.doors(db)
	out.addresses(operator)
	out.restarts(s, func() *served { return serveOnSocket(t, db, socket) })
}

// findProgram looks where root's programs are too, whoever asks.
func findProgram(t *testing.T, name string) string {
	t.Helper()
	for _, at := range []string{name, "/usr/sbin/" + name} {
		if found, err := exec.LookPath(at); err == nil {
			return found
		}
	}
	t.Skipf("there is no %s. Install: apt-get install -y %s", name, name)
	return ""
}

func write(t *testing.T, file, text string) string {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func freePort(t *testing.T) string {
	t.Helper()
	ln, err := net.Listen("tcp", proxyAddress+":0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	_, port, _ := net.SplitHostPort(ln.Addr().String())
	return port
}

// certificate makes one that signs itself, in two files.
func certificate(t *testing.T, dir string) (roots *x509.CertPool, cert, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	form := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{"numbers.example.com"}, NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, form, form, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	asText := func(kind string, b []byte) string {
		return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: b}))
	}
	roots = x509.NewCertPool()
	roots.AppendCertsFromPEM([]byte(asText("CERTIFICATE", der)))
	return roots, write(t, filepath.Join(dir, "cert.pem"), asText("CERTIFICATE", der)), write(t, filepath.Join(dir, "key.pem"), asText("PRIVATE KEY", secret))
}

// startProxy waits until the proxy takes connections.
func startProxy(t *testing.T, cmd *exec.Cmd, home, addr string) {
	t.Helper()
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	cmd.Env = append(os.Environ(), "HOME="+home, "XDG_DATA_HOME="+home, "XDG_CONFIG_HOME="+home)
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 5 * time.Second
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	t.Cleanup(func() { _ = cmd.Cancel(); ended <- <-ended })
	for range 1000 {
		if conn, err := net.Dial("tcp", addr); err == nil {
			_ = conn.Close()
			return
		}
		select {
		case err := <-ended:
			ended <- err
			t.Fatalf("%v: %s", err, &said)
		case <-time.After(10 * time.Millisecond):
		}
	}
	t.Fatalf("nobody listens at %s: %s", addr, &said)
}

// proxiedDB has an exchange, an account, and people who can sign in.
func proxiedDB(t *testing.T) string {
	t.Helper()
	db := newDB(t)
	must(t, "import", "--db", db, writeFile(t, "npa,nxx\n919,247\n"))
	must(t, "account", "set", "--db", db, "--id", "9500012", "--max-held", "10000")
	for _, person := range [][]string{{"olga@carrier.example", "--role", "operator"}, {"max@acme.example", "--role", "member", "--account", "9500012"}} {
		if r := call(t, password+"\n", nil, append([]string{"user", "create", "--db", db, "--password-stdin", "--email"}, person...)...); r.code != 0 {
			t.Fatal(r.err)
		}
	}
	return db
}

const password = "a long password"

// serveOnSocket serves as the unit of systemd does, with the settings that the proxies'
// files name.
func serveOnSocket(t *testing.T, db string, socket net.Listener) *served {
	t.Helper()
	file, err := socket.(*net.TCPListener).File()
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	cmd := exec.CommandContext(t.Context(), "sh", "-c", `LISTEN_FDS=1 LISTEN_PID=$$ exec "$0" "$@"`, program,
		"serve", "--db", db, "--base-url", site, "--trusted-proxy", trustThem, "--connections-per-addr", "0", "--search-rate", "0")
	cmd.ExtraFiles = []*os.File{file}
	return serveProcess(t, 0, cmd)
}

// outside are those who reach the server through the proxy and no other way.
type outside struct {
	t         *testing.T
	transport *http.Transport
}

// client follows no redirect, so that each answer is seen.
func (o *outside) client(jar http.CookieJar) *http.Client {
	return &http.Client{Transport: o.transport, Jar: jar, Timeout: 20 * time.Second, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

// asks sends a request as a browser does, and answers what came back.
func (o *outside) asks(c *http.Client, method, path, kind string, body io.Reader) (*http.Response, string) {
	o.t.Helper()
	req, err := http.NewRequest(method, site+path, body)
	if err != nil {
		o.t.Fatal(err)
	}
	req.Header.Set("Origin", site)
	req.Header.Set("Content-Type", kind)
	// What a caller says of itself.
	req.Header.Set("X-Forwarded-For", "203.0.113.9, 127.0.0.1")
	req.Header.Set("X-Real-IP", "203.0.113.9")
	req.Header.Set("Forwarded", "for=203.0.113.9")
	req.Header.Set("X-Request-Id", "chosen-by-the-caller")
	res, err := c.Do(req)
	if err != nil {
		o.t.Fatal(err)
	}
	if id := res.Header.Get("X-Request-Id"); id == "" || id == "chosen-by-the-caller" {
		o.t.Errorf("%s: the request's id is %q", path, id)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		o.t.Fatal(err)
	}
	return res, string(text)
}

const formKind = "application/x-www-form-urlencoded"

func (o *outside) signIn(email string) *http.Client {
	o.t.Helper()
	jar, _ := cookiejar.New(nil) // cannot fail
	c := o.client(jar)
	res, _ := o.asks(c, http.MethodPost, "/sign-in", formKind, strings.NewReader(url.Values{"email": {email}, "password": {password}}.Encode()))
	cookies := res.Cookies()
	if res.StatusCode != http.StatusSeeOther || len(cookies) == 0 || res.ProtoMajor != 2 {
		o.t.Fatalf("%s: %s %q", res.Proto, res.Status, cookies)
	}
	for _, cookie := range cookies {
		if !cookie.Secure || !strings.HasPrefix(cookie.Name, "__Host-") {
			o.t.Errorf("%s may leave the browser without TLS", cookie)
		}
	}
	if res.Header.Get("Strict-Transport-Security") == "" {
		o.t.Error("nothing keeps the browser to TLS")
	}
	if res, page := o.asks(c, http.MethodGet, "/search?npa=919&seed=1", "", nil); res.StatusCode != http.StatusOK || !strings.Contains(page, "919") {
		o.t.Errorf("search: %s", res.Status)
	}
	return c
}

func (o *outside) reserve(c *http.Client, line int) *http.Response {
	o.t.Helper()
	res, _ := o.asks(c, http.MethodPost, "/reservations", formKind, strings.NewReader(url.Values{"tn": {fmt.Sprintf("919247%04d", line)}}.Encode()))
	return res
}

// live demands that what happens is heard at once, though the stream goes on.
func (o *outside) live(c *http.Client) {
	o.t.Helper()
	stream := o.client(c.Jar)
	stream.Timeout = 0
	ctx, stop := context.WithCancel(o.t.Context())
	defer stop()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, site+"/live", nil)
	if err != nil {
		o.t.Fatal(err)
	}
	req.Header.Set("Accept-Encoding", "gzip") // as browsers do
	res, err := stream.Do(req)
	if err != nil {
		o.t.Fatal(err)
	}
	defer res.Body.Close()
	heard := make(chan string, 100)
	go func() {
		lines := bufio.NewScanner(res.Body)
		for lines.Scan() {
			heard <- lines.Text()
		}
	}()
	awaitLine(o.t, heard, ": hello")
	for line := range 3 {
		began := time.Now()
		if res := o.reserve(c, line); res.StatusCode != http.StatusSeeOther {
			o.t.Fatal(res.Status)
		}
		awaitLine(o.t, heard, "event: ")
		o.t.Logf("heard of a reservation %v after asking for it", time.Since(began).Round(time.Millisecond))
		awaitLine(o.t, heard, "data: ")
	}
}

func awaitLine(t *testing.T, lines <-chan string, start string) {
	t.Helper()
	late := time.After(15 * time.Second)
	for {
		select {
		case line := <-lines:
			if strings.HasPrefix(line, start) {
				return
			}
		case <-late:
			t.Fatalf("the stream holds %q back", start)
		}
	}
}

// upload sends a file of a size that proxies refuse unless told otherwise.
func (o *outside) upload(c *http.Client) {
	o.t.Helper()
	const size = 20_000_000
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	part, _ := form.CreateFormFile("file", "inventory.csv") // a buffer cannot fail
	fmt.Fprintln(part, "tn,city,state,rate_center,carrier")
	for n := 0; body.Len() < size; n++ {
		fmt.Fprintf(part, "%d,Raleigh,NC,RALEIGH,A carrier of no great name\n", 9842000000+n)
	}
	_ = form.Close()
	began := time.Now()
	res, text := o.asks(c, http.MethodPost, "/inventory/import", form.FormDataContentType(), &body)
	at := res.Header.Get("Location")
	if res.StatusCode != http.StatusSeeOther || !strings.HasPrefix(at, "/inventory/import/") {
		o.t.Fatalf("%s %q %s", res.Status, at, text)
	}
	o.asks(c, http.MethodPost, at+"/confirm", formKind, nil)
	for {
		res, page := o.asks(c, http.MethodGet, at, "", nil)
		if res.StatusCode != http.StatusOK {
			o.t.Fatal(res.Status)
		}
		if !strings.Contains(page, "import-progress") {
			break
		}
		time.Sleep(20 * time.Millisecond)
	}
	if _, page := o.asks(c, http.MethodGet, "/search?npa=984&seed=1", "", nil); !strings.Contains(page, ">984") {
		o.t.Error("what was imported is not found", page[strings.Index(page, "<table"):][:1500])
	}
	o.t.Logf("a file of 20 MB was in the inventory after %v", time.Since(began).Round(time.Millisecond))
}

// doors asks as programs do.
func (o *outside) doors(db string) {
	o.t.Helper()
	made := must(o.t, "client", "create", "--db", db, "--account", "9500012", "--name", "door", "--role", "admin", "--json")
	var program struct{ Username, Password, Key string }
	if err := json.Unmarshal([]byte(made.out), &program); err != nil {
		o.t.Fatal(err)
	}
	c := o.client(nil)
	for _, one := range []struct{ path, kind, body string }{
		{"/api/v1/accounts/9500012/tnreservation", "application/xml", "<Reservation><ReservedTn>9192470100</ReservedTn></Reservation>"},
		{"/v2/number_reservations", "application/json", `{"phone_numbers":[{"phone_number":"+19192470101"}]}`},
	} {
		req, err := http.NewRequest(http.MethodPost, site+one.path, strings.NewReader(one.body))
		if err != nil {
			o.t.Fatal(err)
		}
		req.Header.Set("Content-Type", one.kind)
		req.SetBasicAuth(program.Username, program.Password)
		if strings.HasPrefix(one.path, "/v2") {
			req.Header.Set("Authorization", "Bearer "+program.Key)
		}
		res, err := c.Do(req)
		if err != nil {
			o.t.Fatal(err)
		}
		res.Body.Close()
		at := res.Header.Get("Location")
		if res.StatusCode/100 != 2 || at != "" && !strings.HasPrefix(at, site) && !strings.HasPrefix(at, "/") {
			o.t.Errorf("%s: %s, Location %q", one.path, res.Status, at)
		}
	}
}

// addresses demands that the audit trail names where people come from: not the proxy,
// and not what they say.
func (o *outside) addresses(operator *http.Client) {
	o.t.Helper()
	_, trail := o.asks(operator, http.MethodGet, "/audit.csv", "", nil)
	if n := strings.Count(trail, ourAddress); n < 5 {
		o.t.Errorf("%d events name the caller's address:\n%.3000s", n, trail)
	}
	for _, wrong := range []string{"203.0.113.9", "127.0.0.1"} {
		if strings.Contains(trail, wrong) {
			o.t.Errorf("the audit trail names %s", wrong)
		}
	}
}

// restarts demands that nobody outside notices when the server is another.
func (o *outside) restarts(s *served, next func() *served) {
	o.t.Helper()
	ctx, stop := context.WithCancel(o.t.Context())
	var clients sync.WaitGroup
	var answered, line atomic.Int64
	line.Store(1000)
	for range 8 {
		c := o.signIn("max@acme.example")
		clients.Go(func() {
			for ctx.Err() == nil {
				if res := o.reserve(c, int(line.Add(1)%9000)); res.StatusCode != http.StatusSeeOther {
					o.t.Error(res.Status)
				}
				// A busy machine says so, with a server that ends or without.
				if res, page := o.asks(c, http.MethodGet, "/search?npa=919&seed=1", "", nil); res.StatusCode != http.StatusOK && !strings.Contains(page, "Many people are searching") {
					o.t.Error(res.Status, page)
				}
				answered.Add(2)
			}
		})
	}
	for range 3 {
		time.Sleep(200 * time.Millisecond)
		s.stop(o.t)
		s = next()
	}
	stop()
	clients.Wait()
	s.stop(o.t)
	o.t.Logf("%d requests answered while the server was restarted three times", answered.Load())
}

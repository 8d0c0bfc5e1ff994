package main

import (
	"bufio"
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"tnreserve/store"
	"tnreserve/store/tel"
)

const (
	account = tel.AccountID(9500099)
	clients = 64
)

// server is the program, serving a database as a process of its own.
type server struct {
	cmd    *exec.Cmd
	URL    string
	ready  time.Duration // from the start of the process to its first answered search
	client *http.Client
	cookie string
	// program is what asks at the other doors.
	program *store.NewClientCredentials
}

// prepare makes an account without caps and a person who may do all in it.
func prepare(ctx context.Context, s *store.Store) (enter string, err error) {
	p := tel.Policy{Window: 24 * time.Hour, Ceiling: 24 * time.Hour, MaxExtensions: 1, MaxHeld: tel.MostHeld, MaxPerReservation: 100}
	err = s.CreateAccount(ctx, operator, tel.Account{ID: account, Name: "Bench", ReservationsOn: true, Policy: p, Limits: p})
	if err != nil && tel.CodeOf(err) != tel.CodeConflict {
		return "", err
	}
	const email = "bench@example.com"
	_, err = s.CreatePerson(ctx, operator, store.NewPerson{Email: email, Role: tel.RoleAdmin, Account: account})
	if err != nil && tel.CodeOf(err) != tel.CodeConflict {
		return "", err
	}
	return s.NewEnterLink(ctx, operator, email, time.Hour, false)
}

// serve starts the program on a database that holds the country.
func (b *bench) serve(db string, extra ...string) (*server, error) {
	s, err := store.Open(b.ctx, store.Config{DB: db, Now: time.Now, NoShelf: true})
	if err != nil {
		return nil, err
	}
	enter, err := prepare(b.ctx, s)
	if err != nil {
		return nil, err
	}
	program, err := s.CreateClient(b.ctx, operator, store.NewClient{Account: account, Name: "bench " + rand.Text(), Role: tel.RoleMember, Expires: time.Hour})
	if err != nil {
		return nil, err
	}
	if err := s.Close(); err != nil {
		return nil, err
	}
	srv := &server{program: program, client: &http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: 300, MaxConnsPerHost: 300}, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
	srv.cmd = exec.CommandContext(b.ctx, b.binary, append([]string{"serve", "--db", db, "--addr", "127.0.0.1:0", "--connections-per-addr", "0", "--client-rate", "0", "--search-rate", "0"}, extra...)...)
	srv.cmd.Stderr = nil
	out, err := srv.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	start := time.Now()
	if err := srv.cmd.Start(); err != nil {
		return nil, err
	}
	if srv.URL, err = addressIn(out); err != nil {
		return nil, err
	}
	if err := srv.enter(enter); err != nil {
		return nil, err
	}
	if _, _, err := srv.get("/search?npa=415&seed=1"); err != nil {
		return nil, err
	}
	srv.ready = time.Since(start)
	return srv, nil
}

var address = regexp.MustCompile(`http://127\.0\.0\.1:\d+`)

// addressIn waits for the line that says where the program listens.
func addressIn(out io.Reader) (string, error) {
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if found := address.FindString(lines.Text()); found != "" {
			go io.Copy(io.Discard, out)
			return found, nil
		}
	}
	return "", fmt.Errorf("the program ended without saying its address")
}

func (s *server) enter(token string) error {
	res, err := s.post("/enter/"+token, nil)
	if err != nil {
		return err
	}
	for _, c := range res.Cookies() {
		if c.Name == "tnreserve" {
			s.cookie = "tnreserve=" + c.Value
			return nil
		}
	}
	return fmt.Errorf("no session: status %d", res.StatusCode)
}

func (s *server) do(req *http.Request) (*http.Response, string, error) {
	req.Header.Set("HX-Request", "true")
	if s.cookie != "" {
		req.Header.Set("Cookie", s.cookie)
	}
	res, err := s.client.Do(req)
	if err != nil {
		return nil, "", err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	return res, string(body), err
}

func (s *server) get(path string) (*http.Response, string, error) {
	req, err := http.NewRequest(http.MethodGet, s.URL+path, nil)
	if err != nil {
		return nil, "", err
	}
	return s.do(req)
}

func (s *server) post(path string, form url.Values) (*http.Response, error) {
	req, err := http.NewRequest(http.MethodPost, s.URL+path, strings.NewReader(form.Encode()))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	res, _, err := s.do(req)
	return res, err
}

// resident is the process's resident memory in MB.
func (s *server) resident() string {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.cmd.Process.Pid))
	if err != nil {
		return "unknown here"
	}
	for line := range strings.Lines(string(status)) {
		if rest, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			kb, _ := strconv.Atoi(strings.Fields(rest)[0])
			return fmt.Sprintf("%d MB", kb>>10)
		}
	}
	return "unknown here"
}

// cpu is the processor time that the process has used, 0 where that is unknown.
func (s *server) cpu() time.Duration {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", s.cmd.Process.Pid))
	if err != nil {
		return 0
	}
	fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
	user, _ := strconv.Atoi(fields[11])
	system, _ := strconv.Atoi(fields[12])
	return time.Duration(user+system) * 10 * time.Millisecond // clock ticks
}

func (s *server) stop() {
	_ = s.cmd.Process.Signal(syscall.SIGTERM)
	_ = s.cmd.Wait()
}

// measureHTTP asks the pages of the whole country, and lets 64 people search for the
// same at once.
func (b *bench) measureHTTP() error {
	b.title("Over HTTP, whole country")
	s, err := b.serve(b.db)
	if err != nil {
		return err
	}
	defer s.stop()
	b.row("start to first answered search", round(s.ready).String(), "under 5 s")
	b.row("resident after it", s.resident(), "under 400 MB")
	pages := map[string]string{"npa": "npa=415", "contains 4": "contains=4242", "word": "contains=FLOWERS", "wildcards": "contains=12%3F%3F12", "state + contains": "state=CA&contains=777", "25 in a row": "run=25", "nothing": ""}
	var worst time.Duration
	for _, name := range slices.Sorted(maps.Keys(pages)) {
		var took times
		for i := range 500 {
			t := time.Now()
			res, _, err := s.get("/search?" + pages[name] + "&seed=" + strconv.FormatUint(uint64(i)*2654435769, 36))
			if err != nil || res.StatusCode != http.StatusOK {
				return fmt.Errorf("%s: %v %v", name, res, err)
			}
			took = append(took, time.Since(t))
		}
		worst = max(worst, took.quantile(.99))
		b.row("search page as a fragment: "+name, took.String(), "")
	}
	b.row("worst p99", round(worst).String(), "under 10 ms")
	b.row("resident after searching", s.resident(), "under 400 MB")
	return b.measureCollisions(s)
}

var firstShown = regexp.MustCompile(`id="tn-(\d{10})"`)

// measureCollisions lets 64 people search for the same and take the first TN shown.
func (b *bench) measureCollisions(s *server) error {
	_, body, err := s.get("/search?seed=1")
	if err != nil {
		return err
	}
	tn := firstShown.FindStringSubmatch(body)
	if tn == nil {
		return fmt.Errorf("a search for anything found nothing")
	}
	block := fmt.Sprintf("nxx=%s-%s-%s", tn[1][:3], tn[1][3:6], tn[1][6:7])
	for _, search := range []string{block, "contains=424242"} {
		lost, tried := 0, 0
		for range 10 {
			firsts := make([]string, clients)
			if err := each(clients, func(i int) error {
				res, _, err := s.get("/search?" + search) // sends on to a seed of its own
				if err != nil {
					return err
				}
				_, body, err := s.get(res.Header.Get("Location"))
				if m := firstShown.FindStringSubmatch(body); m != nil {
					firsts[i] = m[1]
				}
				return err
			}); err != nil {
				return err
			}
			var got atomic.Int64
			if err := each(clients, func(i int) error {
				res, err := s.post("/reservations", url.Values{"tn": {firsts[i]}, "key": {fmt.Sprint(time.Now().UnixNano(), i)}, "back": {"/lookup"}})
				if err == nil && strings.Contains(flashOf(res), "Reserved") {
					got.Add(1)
				}
				return err
			}); err != nil {
				return err
			}
			tried += clients
			lost += clients - int(got.Load())
		}
		b.row("64 people take the first TN shown: "+search, fmt.Sprintf("%.1f %% of %d collide", 100*float64(lost)/float64(tried), tried), "at most 3 %")
	}
	return nil
}

// each runs fn for every client at once and gives the first error.
func each(n int, fn func(int) error) error {
	var wg sync.WaitGroup
	errs := make([]error, n)
	for i := range n {
		wg.Go(func() { errs[i] = fn(i) })
	}
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// copyDB gives a part a database of its own, so that parts do not meet.
func (b *bench) copyDB(name string) (string, error) {
	s, err := store.Open(b.ctx, store.Config{DB: b.db, Now: time.Now, NoShelf: true})
	if err != nil {
		return "", err
	}
	defer s.Close()
	path := filepath.Join(b.dir, name)
	for _, end := range []string{"", "-wal", "-shm"} {
		_ = os.Remove(path + end)
	}
	return path, s.Backup(b.ctx, path)
}

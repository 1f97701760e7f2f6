package mtasts_test

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"m365_connector_exporter/probes/httpfetch"
	"m365_connector_exporter/probes/mtasts"
)

// domain has a policy host whose certificate is for mta-sts.example.com, the names of httptest's certificate.
type world struct {
	mu      sync.Mutex
	now     time.Time
	records []string
	dnsErr  error
	policy  string
	answer  http.HandlerFunc // instead of the policy
	fetches int
	fetcher *mtasts.Fetcher
}

const good = "version: STSv1\nmode: enforce\nmx: mx.example.com\nmax_age: 604800\n"

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{
		now: time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC), records: []string{"v=STSv1; id=1;"}, policy: good,
	}
	server := httptest.NewTLSServer(w)
	t.Cleanup(server.Close)
	server.Config.ErrorLog = nil
	roots := x509.NewCertPool()
	roots.AddCert(server.Certificate())
	w.fetcher = mtasts.New(mtasts.Options{
		LookupTXT: w.lookup, Roots: func() *x509.CertPool { return roots }, Port: server.Listener.Addr().(*net.TCPAddr).Port,
		Network: httpfetch.Network{
			LookUp: func(context.Context, string) ([]netip.Addr, error) {
				return []netip.Addr{netip.MustParseAddr("127.0.0.1")}, nil
			},
			Allowed: func(netip.Addr) bool { return true },
		},
		Now: func() time.Time {
			w.mu.Lock()
			defer w.mu.Unlock()
			return w.now
		},
	})
	return w
}

func (w *world) ServeHTTP(out http.ResponseWriter, r *http.Request) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.fetches++
	if w.answer != nil {
		w.answer(out, r)
		return
	}
	out.Header().Set("Content-Type", "text/plain")
	_, _ = fmt.Fprint(out, w.policy)
}

func (w *world) lookup(_ context.Context, name string) ([]string, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !strings.HasPrefix(name, "_mta-sts.") {
		return nil, fmt.Errorf("look-up of %s", name)
	}
	return w.records, w.dnsErr
}

// The certificate of httptest is for *.example.com.
func (w *world) state(t *testing.T) mtasts.State {
	t.Helper()
	return w.fetcher.Policy(t.Context(), "example.com")
}

func (w *world) change(after time.Duration, change func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = w.now.Add(after)
	change()
}

func TestPolicyIsFetched(t *testing.T) {
	w := newWorld(t)
	got := w.state(t)
	if got.Mode != mtasts.Enforce || got.ID != "1" || got.Problem != "" || !got.Policy.Matches("mx.example.com") {
		t.Errorf("state %+v, want mode enforce and id 1", got)
	}
	if want := w.now.Add(7 * day); !got.Until.Equal(want) {
		t.Errorf("until %v, want %v", got.Until, want)
	}
}

func TestFirstPolicyThatCannotBeUsed(t *testing.T) {
	for name, row := range map[string]struct {
		domain  string
		change  func(*world)
		mode    mtasts.Mode
		problem string
	}{
		"no record":          {"", func(w *world) { w.records, w.dnsErr = nil, mtasts.ErrNoRecord }, mtasts.Absent, ""},
		"another TXT record": {"", func(w *world) { w.records = []string{"v=spf1 -all"} }, mtasts.Absent, ""},
		"no answer": {
			"", func(w *world) { w.dnsErr = errors.New("timeout") }, "", "DNS does not answer: _mta-sts.example.com: timeout",
		},
		"a bad record": {
			"", func(w *world) { w.records = []string{"v=STSv1"} }, mtasts.Invalid, "_mta-sts.example.com: the record has no id",
		},
		"HTML": {
			"", func(w *world) { w.answer = typed("text/html") }, mtasts.Invalid, `media type is "text/html"`,
		},
		"a redirect": {
			"", func(w *world) { w.answer = http.RedirectHandler("/x", http.StatusMovedPermanently).ServeHTTP },
			mtasts.Invalid, "answered 301",
		},
		"too long": {
			"", func(w *world) { w.policy += strings.Repeat("mx: mx.example.com\n", 10_000) },
			mtasts.Invalid, "longer than 65536",
		},
		"not a policy": {"", func(w *world) { w.policy = "hello" }, mtasts.Invalid, "want KEY: VALUE"},
		"a certificate of another": {
			"contoso.test", func(*world) {}, mtasts.Invalid, "the certificate of the policy host is not valid",
		},
		"a host that answers nothing": {
			"", func(w *world) { w.answer = func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) } }, "",
			"mta-sts.example.com: EOF",
		},
		"mode none": {
			"", func(w *world) { w.policy = "version: STSv1\nmode: none\nmax_age: 1" }, mtasts.None, "",
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			row.change(w)
			if row.domain == "" {
				row.domain = "example.com"
			}
			got := w.fetcher.Policy(t.Context(), row.domain)
			sameProblem := strings.Contains(got.Problem, row.problem) && (got.Problem == "") == (row.problem == "")
			if got.Mode != row.mode || !sameProblem || got.Broken != (row.mode == mtasts.Invalid) {
				t.Errorf("mode %q, problem %q, broken %v; want %q, %q", got.Mode, got.Problem, got.Broken, row.mode, row.problem)
			}
		})
	}
}

// typed answers with a media type and no text.
func typed(mediaType string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Content-Type", mediaType) }
}

// A sender that knows a policy keeps it until it ends, whatever happens to record and host.
func TestPolicyIsKept(t *testing.T) {
	w := newWorld(t)
	w.state(t)
	other := strings.Replace(good, "enforce", "testing", 1)
	for _, step := range []struct {
		name    string
		after   time.Duration
		change  func()
		mode    mtasts.Mode
		problem string
		fetches int
		broken  bool
	}{
		{"asked again at once", 0, func() { w.records = []string{"v=STSv1; id=2;"} }, mtasts.Enforce, "", 1, false},
		{
			"another id", 15 * time.Minute, func() { w.policy = other }, mtasts.Testing, "", 2, false,
		},
		{"the same id, another policy", time.Hour, func() { w.policy = good }, mtasts.Testing, "", 2, false},
		{"a day later", day, func() {}, mtasts.Enforce, "", 3, false},
		{"the host fails", day, func() { w.answer = http.NotFound }, mtasts.Enforce, "the server answered 404", 4, true},
		{"and is not asked more often", time.Minute, func() {}, mtasts.Enforce, "the server answered 404", 4, true},
		{"but again later", 15 * time.Minute, func() {}, mtasts.Enforce, "the server answered 404", 5, true},
		{"a bad record", time.Hour, func() { w.records = []string{"v=STSv1"} }, mtasts.Enforce, "has no id", 5, true},
		{"no record", time.Hour, func() { w.records = nil }, mtasts.Enforce, "is gone; senders keep the policy", 5, false},
		{"DNS silent", time.Hour, func() { w.dnsErr = errors.New("lost") }, mtasts.Enforce, "DNS does not answer", 5, false},
		{"past its end", 7 * day, func() {}, "", "DNS does not answer", 5, false},
		{"asked again sooner", time.Minute, func() { w.dnsErr = nil }, mtasts.Absent, "", 5, false},
	} {
		w.change(step.after, step.change)
		got := w.state(t)
		if got.Mode != step.mode || !strings.Contains(got.Problem, step.problem) || w.fetches != step.fetches ||
			got.Broken != step.broken {
			t.Errorf("%s: mode %q, problem %q, %d fetches, broken %v; want %q, %q, %d, %v", step.name, got.Mode, got.Problem,
				w.fetches, got.Broken, step.mode, step.problem, step.fetches, step.broken)
		}
	}
}

func TestForgottenDomainIsLookedUpAgain(t *testing.T) {
	w := newWorld(t)
	w.state(t)
	w.fetcher.Keep(func(domain string) bool { return domain != "example.com" })
	w.state(t)
	if w.fetches != 2 {
		t.Errorf("%d fetches, want 2", w.fetches)
	}
}

// A look-up that its caller ends proves nothing, and nothing of it is kept.
func TestPolicyEndsWithItsContext(t *testing.T) {
	w := newWorld(t)
	ctx, cancel := context.WithCancel(t.Context())
	release := make(chan struct{})
	defer close(release)
	w.answer = func(http.ResponseWriter, *http.Request) {
		cancel()
		<-release
	}
	if got := w.fetcher.Policy(ctx, "example.com"); got.Mode != "" || got.Problem != "the policy did not arrive in time" {
		t.Errorf("state %+v, want no mode", got)
	}
}

func TestConcurrentCallsFetchOnce(t *testing.T) {
	w := newWorld(t)
	var askers sync.WaitGroup
	for range 50 {
		askers.Go(func() { w.state(t) })
	}
	askers.Wait()
	if w.fetches != 1 {
		t.Errorf("%d fetches, want 1", w.fetches)
	}
}

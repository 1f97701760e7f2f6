package daemon

import (
	"context"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/common/promslog"

	"m365_connector_exporter/cmd/m365_connector_exporter/internal/config"
	"m365_connector_exporter/collector/check"
	"m365_connector_exporter/probes/httpfetch"
)

const publishedJSON = `[{"serviceArea":"Exchange","tcpPorts":"25","ips":["192.0.2.0/24","2001:db8::/48"]}]`

// firewallConfig writes a list of one network and a configuration with these lines in its section firewall. It returns
// the configuration and its file.
func firewallConfig(t *testing.T, lines ...string) (*config.Config, string) {
	t.Helper()
	file := writeFirewallConfig(t, lines...)
	cfg, err := config.Load(t.Context(), file)
	if err != nil {
		t.Fatal(err)
	}
	return cfg, file
}

func writeFirewallConfig(t *testing.T, lines ...string) string {
	t.Helper()
	folder := t.TempDir()
	text := "global: { state_file: state, allow_networks: [127.0.0.1] }\ntenants: [{ name: contoso }]\n" +
		"firewall:\n  file: allow.txt\n"
	for _, line := range lines {
		text += "  " + line + "\n"
	}
	for name, content := range map[string]string{
		"config.yaml": text, "allow.txt": "permit 192.0.2.0/24\n", "published.json": publishedJSON,
	} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return filepath.Join(folder, "config.yaml")
}

// missing lists the ranges that a comparison found missing.
func missing(f *check.Firewall) string {
	if f == nil {
		return "no list"
	}
	var all []string
	for _, m := range f.Missing {
		all = append(all, m.Range.String())
	}
	return strings.Join(all, " ")
}

const endpointsURL = "https://endpoints.example/endpoints/worldwide"

// TestEndpointsAreFetchedOnceADay holds that the ranges are fetched at the start and daily, and hourly after a failure,
// that the last good ones stay in use, and that a reload and a restart fetch nothing.
func TestEndpointsAreFetchedOnceADay(t *testing.T) {
	cfg, file := firewallConfig(t, "endpoints: "+endpointsURL)
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var answer error
		var asked []time.Duration
		answers := func(err error) {
			mu.Lock()
			defer mu.Unlock()
			answer = err
		}
		start := time.Now()
		get := func(_ context.Context, r httpfetch.Request) ([]byte, error) {
			mu.Lock()
			defer mu.Unlock()
			if !strings.HasPrefix(r.URL, endpointsURL+"?clientrequestid=") || r.MaxBytes != maxListFile {
				t.Errorf("request %+v", r)
			}
			asked = append(asked, time.Since(start))
			return []byte(publishedJSON), answer
		}
		want := func(at ...time.Duration) {
			t.Helper()
			synctest.Wait()
			mu.Lock()
			defer mu.Unlock()
			if fmt.Sprint(asked) != fmt.Sprint(at) {
				t.Errorf("asked at %v, want %v", asked, at)
			}
			asked = nil
		}
		r := newEndpointsReader(get, cfg.Global.StateFile, promslog.NewNopLogger())
		r.use(t.Context(), cfg)
		if f := r.compared.Load(); f.Endpoints != "" || !strings.Contains(missing(f), "40.92.0.0/15") {
			t.Errorf("before the first answer: %+v, want the built-in ranges", f)
		}
		ctx, cancel := context.WithCancel(t.Context())
		go r.run(ctx, func() {})
		want(0)
		if f := r.compared.Load(); missing(f) != "2001:db8::/48" || f.Endpoints != endpointsURL || !f.Fetched.Equal(start) {
			t.Errorf("after the first answer: %+v", f)
		}
		answers(errors.New("the server answered 429"))
		time.Sleep(25*time.Hour + time.Minute)
		want(24*time.Hour, 25*time.Hour)
		f := r.compared.Load()
		if missing(f) != "2001:db8::/48" || f.Problem != "the server answered 429" || !f.Fetched.Equal(start) {
			t.Errorf("while the service fails: %+v", f)
		}
		r.use(t.Context(), cfg) // a reload
		want()
		answers(nil)
		time.Sleep(time.Hour)
		want(26 * time.Hour)
		if f := r.compared.Load(); f.Problem != "" {
			t.Errorf("after the next good answer: %+v", f)
		}
		cancel()
		synctest.Wait()

		ctx, cancel = context.WithCancel(t.Context()) // a restart
		r = newEndpointsReader(get, cfg.Global.StateFile, promslog.NewNopLogger())
		r.use(t.Context(), cfg)
		go r.run(ctx, func() {})
		want()
		if got := missing(r.compared.Load()); got != "2001:db8::/48" {
			t.Errorf("after a restart: missing %q", got)
		}
		cancel()
		synctest.Wait()
	})
	other, err := config.Load(t.Context(), replaced(t, file, "worldwide", "China"))
	if err != nil {
		t.Fatal(err)
	}
	if kept, err := readPublished(t.Context(), other); err != nil || len(kept.Ranges) > 0 {
		t.Errorf("ranges of another URL: %+v, error %v", kept, err)
	}
}

// replaced replaces words in a file and returns its name.
func replaced(t *testing.T, file, old, replacement string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	changed := strings.ReplaceAll(string(text), old, replacement)
	if err := os.WriteFile(file, []byte(changed), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// TestBadEndpointsKeepTheLastGoodOnes asks a server by HTTPS, with a daemon that has read it once.
func TestBadEndpointsKeepTheLastGoodOnes(t *testing.T) {
	answer := func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		_, _ = fmt.Fprint(w, publishedJSON)
	}
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { answer(w, r) }))
	defer server.Close()
	file := writeFirewallConfig(t, "endpoints: "+server.URL+"/endpoints/worldwide?clientrequestid=own", "ca_file: ca.pem")
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	if err := os.WriteFile(filepath.Join(filepath.Dir(file), "ca.pem"), ca, 0o600); err != nil {
		t.Fatal(err)
	}
	d := loaded(t, file)
	d.endpoints.fetch(t.Context())
	good := d.endpoints.compared.Load()
	if missing(good) != "2001:db8::/48" || good.Problem != "" {
		t.Fatalf("%+v", good)
	}
	for name, c := range map[string]struct {
		answer  http.HandlerFunc
		problem string
	}{
		"refused": {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTooManyRequests) }, "429"},
		"a redirect": {func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "/elsewhere", http.StatusFound)
		}, "302"},
		"a page": {func(w http.ResponseWriter, _ *http.Request) {
			_, _ = fmt.Fprint(w, "<html>sign in</html>")
		}, "the media type is"},
		"an empty list": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			_, _ = fmt.Fprint(w, "[]")
		}, "no entry of serviceArea Exchange"},
		"endless": {func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			for part := make([]byte, 1<<20); r.Context().Err() == nil; {
				if _, err := w.Write(part); err != nil {
					return
				}
			}
		}, "longer than 16777216 bytes"},
	} {
		answer = c.answer
		d.endpoints.fetch(t.Context())
		f := d.endpoints.compared.Load()
		if missing(f) != "2001:db8::/48" || !strings.Contains(f.Problem, c.problem) || !f.Fetched.Equal(good.Fetched) {
			t.Errorf("%s: %+v, want the last good ranges and %q", name, f, c.problem)
		}
	}
	d.evaluator.evaluateNow()
	found := false
	for _, f := range d.store.Snapshot().Report.Findings {
		found = found || f.Code == "firewall_incomplete" && strings.Contains(f.Evidence[0], "2001:db8::/48 (IPv6)")
	}
	if !found {
		t.Errorf("findings %+v, want firewall_incomplete", d.store.Snapshot().Report.Findings)
	}
}

func TestAuditComparesTheConfiguredFirewall(t *testing.T) {
	for name, c := range map[string]struct {
		line    string
		keep    string // the file that the daemon keeps
		want    string
		problem bool
	}{
		"with a file":          {line: "endpoints: published.json", want: "2001:db8::/48"},
		"with built-in ranges": {line: "endpoints: ''", want: "40.92.0.0/15"},
		"with a URL, not read": {line: "endpoints: " + endpointsURL, want: "40.92.0.0/15", problem: true},
		"with a broken file":   {line: "endpoints: " + endpointsURL, keep: "{", want: "40.92.0.0/15", problem: true},
		"with a file without":  {line: "endpoints: " + endpointsURL, keep: "{}", want: "40.92.0.0/15", problem: true},
		"with a URL, and a file": {
			line: "endpoints: " + endpointsURL, problem: true, want: "2001:db8::/48",
			keep: `{"url":"` + endpointsURL + `","fetched":"2026-11-01T00:00:00Z","ranges":["2001:db8::/48"]}`,
		},
	} {
		cfg, _ := firewallConfig(t, c.line)
		if c.keep != "" {
			if err := os.WriteFile(cfg.Global.StateFile+endpointsSuffix, []byte(c.keep), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		f, err := ReadFirewall(t.Context(), cfg, "", "", io.Discard)
		if err != nil || !strings.HasPrefix(missing(f), c.want) || f.Problem != "" != c.problem {
			t.Errorf("%s: %+v, error %v; want %s", name, f, err, c.want)
		}
	}
}

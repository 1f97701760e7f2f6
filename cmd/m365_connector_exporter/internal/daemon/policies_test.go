package daemon

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"m365_connector_exporter/collector/check"
	"m365_connector_exporter/probes/lab"
	"m365_connector_exporter/probes/mtasts"
	"m365_connector_exporter/probes/smtpprobe"
)

// policyWorld answers for policies at once or after a delay, and records when each was looked up.
type policyWorld struct {
	start time.Time
	delay time.Duration

	mu      sync.Mutex
	mode    mtasts.Mode
	policy  mtasts.Policy
	times   map[string][]time.Duration // by domain
	running int
	most    int
	kept    []string // domains for which the last Keep returned true
}

func newPolicyWorld() *policyWorld {
	return &policyWorld{start: time.Now(), mode: mtasts.Absent, times: map[string][]time.Duration{}}
}

func (w *policyWorld) Policy(ctx context.Context, key policyKey) mtasts.State {
	w.mu.Lock()
	w.times[key.domain] = append(w.times[key.domain], time.Since(w.start))
	w.running++
	w.most = max(w.most, w.running)
	mode := w.mode
	w.mu.Unlock()
	select {
	case <-ctx.Done():
	case <-time.After(w.delay):
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.running--
	return mtasts.State{Domain: key.domain, Mode: mode, Policy: &w.policy}
}

func (w *policyWorld) Keep(keep func(policyKey) bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.kept = nil
	for domain := range w.times {
		if keep(policyKey{"", domain}) {
			w.kept = append(w.kept, domain)
		}
	}
}

func (w *policyWorld) setMode(mode mtasts.Mode) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.mode = mode
}

// lookups returns when a domain was looked up.
func (w *policyWorld) lookups(domain string) []time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.times[domain])
}

// of are the domains of one tenant.
func of(domains ...string) policyKeys {
	subjects := policyKeys{}
	for _, d := range domains {
		subjects.add("contoso", d, nil)
	}
	return subjects
}

// runPolicies runs policies in a bubble until during returns.
func runPolicies(t *testing.T, during func(w *policyWorld, p *policies)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := newPolicyWorld()
		p := newPolicies(w)
		ctx, cancel := context.WithCancel(t.Context())
		go p.run(ctx)
		during(w, p)
		cancel()
		synctest.Wait()
	})
}

func TestPoliciesAreLookedUpAgainAfterHours(t *testing.T) {
	runPolicies(t, func(w *policyWorld, p *policies) {
		p.use(of("a.example"))
		time.Sleep(24 * time.Hour)
		times := w.lookups("a.example")
		if len(times) < 10 || len(times) > 16 || times[0] > policyTick {
			t.Errorf("looked up at %v, want at once, then 9 to 15 times in a day", times)
		}
		states, version := p.found()
		got := states[check.TenantDomain{Tenant: "contoso", Domain: "a.example"}]
		if got == nil || got.Mode != mtasts.Absent {
			t.Errorf("states %v", states)
		}
		if version != 2 { // that of the configuration, and of the first look-up
			t.Errorf("version %d, want 2: nothing has changed", version)
		}
	})
}

func TestPoliciesWithoutAnswerAreTriedAgainSooner(t *testing.T) {
	runPolicies(t, func(w *policyWorld, p *policies) {
		w.setMode("")
		p.use(of("a.example"))
		time.Sleep(15 * time.Minute)
		if got := len(w.lookups("a.example")); got != 4 { // at once, and 2, 4 and 8 minutes later
			t.Errorf("%d look-ups in 15 minutes without answer, want 4", got)
		}
		time.Sleep(24 * time.Hour)
		if got := len(w.lookups("a.example")); got > 22 {
			t.Errorf("%d look-ups in a day without answer", got)
		}
	})
}

func TestPoliciesOfAnotherConfiguration(t *testing.T) {
	runPolicies(t, func(w *policyWorld, p *policies) {
		p.use(of("a.example", "b.example"))
		time.Sleep(time.Minute)
		_, before := p.found()
		p.use(of("b.example", "c.example"))
		time.Sleep(time.Second)
		synctest.Wait()
		states, after := p.found()
		var domains []string
		for s := range states {
			domains = append(domains, s.Domain)
		}
		slices.Sort(domains)
		if want := []string{"b.example", "c.example"}; !slices.Equal(domains, want) || before == after {
			t.Errorf("policies of %v, versions %d and %d; want %v", domains, before, after, want)
		}
		if got := len(w.lookups("b.example")); got != 1 {
			t.Errorf("b.example was looked up %d times, want once", got)
		}
		w.mu.Lock()
		defer w.mu.Unlock()
		if !slices.Equal(w.kept, []string{"b.example"}) {
			t.Errorf("kept %v, want b.example", w.kept)
		}
	})
}

// TestManyPoliciesAreNoStorm has 10,000 domains whose hosts are slow. Half of the domains go while they are looked up.
func TestManyPoliciesAreNoStorm(t *testing.T) {
	runPolicies(t, func(w *policyWorld, p *policies) {
		w.delay = time.Second
		var domains []string
		for i := range 10_000 {
			domains = append(domains, fmt.Sprintf("d%d.example", i))
		}
		p.use(of(domains...))
		time.Sleep(10 * time.Minute)
		p.use(of(domains[5000:]...))
		time.Sleep(20 * time.Minute)
		if states, _ := p.found(); len(states) != 5000 {
			t.Errorf("%d policies are known after half an hour, want 5000", len(states))
		}
		time.Sleep(4 * time.Hour)
		w.mu.Lock()
		defer w.mu.Unlock()
		perMinute := map[time.Duration]int{}
		for _, times := range w.times {
			for _, at := range times {
				perMinute[at/time.Minute]++
			}
		}
		busiest := slices.Max(slices.Collect(maps.Values(perMinute)))
		if w.most > maxPolicies || busiest > 6*policiesPerTick+policiesPerTick {
			t.Errorf("%d look-ups at a time, %d in the busiest minute", w.most, busiest)
		}
		for _, times := range w.times {
			if len(times) > 4 {
				t.Fatalf("a domain was looked up at %v", times)
			}
		}
	})
}

func TestPoliciesEndWithTheirContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newPolicyWorld()
		w.delay = time.Minute
		p := newPolicies(w)
		p.use(of("a.example"))
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		p.run(ctx)
		if states, _ := p.found(); len(states) != 0 {
			t.Errorf("a look-up that was cut short is kept: %v", states)
		}
	})
}

func TestPolicySubjects(t *testing.T) {
	cfg := configured(t, `
probe: {dns_servers: ["192.0.2.53:53"]}
tenants:
- name: contoso
  accepted_domains: [{domain_name: Contoso.com, default: true}, {domain_name: contoso.onmicrosoft.com}]
  outbound_connectors:
  - {name: By MX, connector_type: Partner, use_mx_record: true, recipient_domains: [fabrikam.com],
     probe: {dns_servers: ["192.0.2.54:53"]}}
  - {name: By host, connector_type: OnPremises, recipient_domains: [a.example], use_mx_record: false,
     smart_hosts: [mail.contoso.com, 192.0.2.1, "[192.0.2.2]", 192.0.2.0/30]}
  - {name: Off, enabled: false, connector_type: Partner, use_mx_record: true, recipient_domains: [off.example]}
- name: quiet
  probe: {enabled: false}
  accepted_domains: [{domain_name: quiet.example, default: true}]
`).cfg.Load()
	got := map[string]string{}
	for subject, key := range policySubjects(cfg, Plan(cfg, "")) {
		got[subject.Tenant+"/"+subject.Domain] = key.servers
	}
	want := map[string]string{
		"contoso/contoso.com": "192.0.2.53:53", "contoso/fabrikam.com": "192.0.2.54:53",
		"contoso/mail.contoso.com": "192.0.2.53:53",
	}
	if !maps.Equal(got, want) {
		t.Errorf("subjects %v, want %v", got, want)
	}
}

// TestPolicyHostsAreDialledOnlyWhereAllowed has a policy host on loopback, which DNS names.
func TestPolicyHostsAreDialledOnlyWhereAllowed(t *testing.T) {
	ca, err := lab.NewCA(time.Now())
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := ca.Issue(lab.Leaf{
		Names: []string{"mta-sts.a.example"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain")
		_, _ = fmt.Fprint(w, "version: STSv1\nmode: enforce\nmx: mx.a.example\nmax_age: 86400\n")
	}))
	server.TLS = &tls.Config{Certificates: []tls.Certificate{leaf}}
	server.StartTLS()
	defer server.Close()
	names, err := lab.StartDNS("_mta-sts.a.example. 60 IN TXT \"v=STSv1; id=7\"\nmta-sts.a.example. 60 IN A 127.0.0.1\n")
	if err != nil {
		t.Fatal(err)
	}
	defer names.Close()
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(ca.RootPEM())
	for name, row := range map[string]struct {
		allow   []netip.Prefix
		mode    mtasts.Mode
		problem string
	}{
		"not allowed": {nil, "", "127.0.0.1 is not in allow_networks"},
		"allowed":     {[]netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, mtasts.Enforce, ""},
	} {
		t.Run(name, func(t *testing.T) {
			prober := smtpprobe.New(smtpprobe.Options{AllowNetworks: row.allow, Roots: roots})
			hosts := &policyHosts{
				prober: func() *smtpprobe.Prober { return prober }, port: server.Listener.Addr().(*net.TCPAddr).Port,
			}
			key := policyKey{names.Addr(), "a.example"}
			got := hosts.Policy(t.Context(), key)
			if got.Mode != row.mode || !strings.Contains(got.Problem, row.problem) ||
				(got.Problem == "") != (row.problem == "") {
				t.Errorf("state %+v, want mode %q and problem %q", got, row.mode, row.problem)
			}
			hosts.Keep(func(k policyKey) bool { return k == key })
			if len(hosts.fetchers) != 1 {
				t.Error("the policies of a domain that stays are forgotten")
			}
			hosts.Keep(func(policyKey) bool { return false })
			if len(hosts.fetchers) != 0 {
				t.Error("the policies of domains that are gone are kept")
			}
			if got := hosts.Policy(t.Context(), policyKey{names.Addr(), "b.example"}); got.Mode != mtasts.Absent {
				t.Errorf("a domain without record: %+v", got)
			}
		})
	}
}

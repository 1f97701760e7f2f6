package dnsclient

import (
	"context"
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/miekg/dns"

	"m365_connector_exporter/probes"
)

// inMemory is a network whose DNS servers answer as handle does. In a synctest bubble their silence takes no time.
func inMemory(handle func(w dns.ResponseWriter, q *dns.Msg)) dialFunc {
	return func(_ context.Context, network, _ string) (net.Conn, error) {
		ours, theirs := net.Pipe()
		if network == "udp" {
			ours, theirs = datagrams{ours}, datagrams{theirs}
		}
		go func() {
			defer func() { _ = theirs.Close() }()
			conn := &dns.Conn{Conn: theirs, UDPSize: dns.MaxMsgSize}
			for {
				q, err := conn.ReadMsg()
				if err != nil {
					return
				}
				handle(pipeWriter{conn: conn}, q)
			}
		}()
		return ours, nil
	}
}

// pipeWriter has the one method of a dns.ResponseWriter that the tests need.
type pipeWriter struct {
	dns.ResponseWriter
	conn *dns.Conn
}

func (w pipeWriter) WriteMsg(m *dns.Msg) error { return w.conn.WriteMsg(m) }

// memoryClient is a Client of one server in memory.
func memoryClient(handle func(w dns.ResponseWriter, q *dns.Msg)) *Client {
	c := New([]string{"192.0.2.53:53"})
	c.dial = inMemory(handle)
	return c
}

// A timeout is the domain's fault only if the server still answers for the root, however recently it answered for
// other names.
func TestTimeoutIsInconclusiveIfTheServerIsSilentForAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		silent := false
		c := memoryClient(func(w dns.ResponseWriter, q *dns.Msg) {
			if q.Question[0].Name != "silent.test." && !silent {
				_ = w.WriteMsg(answer(q, "good.test. 60 IN A 192.0.2.1"))
			}
		})
		ask := func(name string) probes.Step {
			return c.NextHop(t.Context(), name, Options{Protocol: probes.IP4})[0].Step
		}
		if s := ask("good.test"); s.Outcome != probes.Passed {
			t.Errorf("before the silence: %+v", s)
		}
		if s := ask("silent.test"); s.Reason != probes.ReasonDNSTimeout || s.Outcome != probes.Failed {
			t.Errorf("silent for one name: %+v", s)
		}
		silent = true
		if s := ask("silent.test"); s.Reason != probes.ReasonDNSTimeout || s.Outcome != probes.Inconclusive {
			t.Errorf("silent for all: %+v", s)
		}
	})
}

// SERVFAIL is the domain's fault only if the servers still resolve names of other domains that are not in their caches.
func TestServfailIsInconclusiveIfTheResolverIsCutOff(t *testing.T) {
	for _, tt := range []struct {
		name   string
		before []string               // names that were resolved
		broken func(name string) bool // what is answered with SERVFAIL now
		silent bool                   // or with nothing
		age    time.Duration          // of what was resolved
		want   probes.Outcome
		reason probes.Reason
	}{
		{"one domain", []string{"mail.good.test"}, below("broken.test."), false, 0, probes.Failed, probes.ReasonDNSServfail},
		{
			"everything but the root",
			[]string{"mail.good.test"},
			below("test."), false, 0, probes.Inconclusive,
			probes.ReasonDNSTimeout,
		},
		{
			"everything, in silence",
			[]string{"mail.good.test"},
			below("test."), true, 0, probes.Inconclusive,
			probes.ReasonDNSTimeout,
		},
		{
			"one domain, in silence",
			[]string{"mail.good.test"},
			below("broken.test."), true, 0, probes.Failed,
			probes.ReasonDNSTimeout,
		},
		{
			"all but one",
			[]string{"mail.good.test", "mail.other.test", "mail.third.test"},
			func(n string) bool { return below("test.")(n) && !below("good.test.")(n) }, false, 0,
			probes.Failed, probes.ReasonDNSServfail,
		},
		{
			"the only domain",
			[]string{"other.broken.test"},
			below("broken.test."), false, 0, probes.Failed,
			probes.ReasonDNSServfail,
		},
		{"the root too", nil, below("."), false, 0, probes.Inconclusive, probes.ReasonDNSTimeout},
		{
			"what was answered long ago",
			[]string{"mail.good.test"},
			below("test."), false, canaryMaxAge, probes.Failed,
			probes.ReasonDNSServfail,
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				cut := false
				c := memoryClient(func(w dns.ResponseWriter, q *dns.Msg) {
					name := q.Question[0].Name
					cached := slices.Contains(tt.before, strings.TrimSuffix(name, "."))
					switch {
					case !cut || cached || !tt.broken(name):
						_ = w.WriteMsg(answer(q, name+" 60 IN A 192.0.2.1"))
					case !tt.silent:
						_ = w.WriteMsg(rcode(q, dns.RcodeServerFailure))
					}
				})
				ask := func(name string) probes.Step {
					return c.NextHop(t.Context(), name, Options{Protocol: probes.IP4})[0].Step
				}
				for _, name := range tt.before {
					ask(name)
				}
				time.Sleep(tt.age)
				cut = true
				if s := ask("mail.broken.test"); s.Outcome != tt.want || s.Reason != tt.reason {
					t.Errorf("%+v, want %v %s", s, tt.want, tt.reason)
				}
			})
		})
	}
}

func below(domain string) func(name string) bool {
	return func(name string) bool { return dns.IsSubDomain(domain, name) }
}

func TestCanariesAreBounded(t *testing.T) {
	l := newHealthLog()
	for i := range 100 {
		l.recordAnswer("servers", fmt.Sprintf("mail%d.domain%d.test.", i, i/2))
		h, domain := l.sets["servers"], fmt.Sprintf("domain%d.test", i/2)
		if len(h.canaries) != min(i/2+1, maxCanaries) || h.canaries[domain].name == "" {
			t.Fatalf("after %d names: %v", i, h.canaries)
		}
	}
	l.recordAnswer("servers", strings.Repeat("long.", 50)+"test.")
	names := l.canariesOutside("servers", []string{"domain49.test"})
	if len(names) != canariesPerLookUp || slices.Contains(names, "mail99.domain49.test.") {
		t.Errorf("%v", names)
	}
	for i := range 2 * maxServerSets {
		l.recordAnswer(fmt.Sprint(i), "")
	}
	if len(l.sets) > maxServerSets {
		t.Errorf("%d sets of servers are remembered", len(l.sets))
	}
}

// REFUSED is meant for this host, not for the name, if the servers have answered nothing else for a while.
func TestRefusedIsInconclusiveWithoutRecentAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := memoryClient(func(w dns.ResponseWriter, q *dns.Msg) {
			if q.Question[0].Name == "good.test." {
				_ = w.WriteMsg(answer(q, "good.test. 60 IN A 192.0.2.1"))
				return
			}
			_ = w.WriteMsg(rcode(q, dns.RcodeRefused))
		})
		ask := func(name string) probes.Step {
			return c.NextHop(t.Context(), name, Options{Protocol: probes.IP4})[0].Step
		}
		if s := ask("refused.test"); s.Reason != probes.ReasonDNSRefused || s.Outcome != probes.Inconclusive {
			t.Errorf("before any answer: %+v", s)
		}
		ask("good.test")
		if s := ask("refused.test"); s.Reason != probes.ReasonDNSRefused || s.Outcome != probes.Failed {
			t.Errorf("after an answer: %+v", s)
		}
		time.Sleep(recentAnswer)
		if s := ask("refused.test"); s.Reason != probes.ReasonDNSRefused || s.Outcome != probes.Inconclusive {
			t.Errorf("long after an answer: %+v", s)
		}
	})
}

func TestLookUpEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := memoryClient(func(dns.ResponseWriter, *dns.Msg) {})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		start := time.Now()
		targets := c.NextHop(ctx, "mail.test", Options{Protocol: probes.IPAny})
		if s := targets[0].Step; s.Reason != probes.ReasonCanceled || time.Since(start) != time.Second {
			t.Errorf("%+v after %v", s, time.Since(start))
		}
	})
}

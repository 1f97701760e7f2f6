//go:build e2e

package e2e

import (
	"crypto/sha256"
	"crypto/tls"
	"fmt"
	"io"
	"log"
	"maps"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// countingDNS answers for the domains dN.cost.test as a validating resolver, and counts the questions by type.
type countingDNS struct {
	address string
	tlsa    string // the data of every TLSA record
	policy  string // the address of the policy hosts

	mu    sync.Mutex
	asked map[uint16]int
}

func startCountingDNS(t testing.TB, tlsa, policy string) *countingDNS {
	t.Helper()
	c := &countingDNS{tlsa: tlsa, policy: policy, asked: map[uint16]int{}}
	c.address = serveDNS(t, c)
	return c
}

// ServeDNS implements [dns.Handler].
func (c *countingDNS) ServeDNS(w dns.ResponseWriter, q *dns.Msg) {
	question := q.Question[0]
	c.mu.Lock()
	c.asked[question.Qtype]++
	c.mu.Unlock()
	m := new(dns.Msg).SetReply(q)
	m.RecursionAvailable, m.AuthenticatedData = true, true
	if text := c.record(question); text != "" {
		rr, err := dns.NewRR(question.Name + " 60 IN " + text)
		if err != nil {
			panic(err) // a mistake in this file
		}
		m.Answer = []dns.RR{rr}
	}
	_ = w.WriteMsg(m)
}

// record is the data of the answer; "" for an empty one.
func (c *countingDNS) record(q dns.Question) string {
	var n int
	at := strings.Index(q.Name, "d")
	_, err := fmt.Sscanf(q.Name[max(at, 0):], "d%d.", &n)
	host, known := "", err == nil
	if known {
		host = strings.TrimSuffix(q.Name[:at], ".")
	}
	switch {
	case !known:
	case q.Qtype == dns.TypeMX && host == "":
		return "MX 10 mx." + q.Name
	case q.Qtype == dns.TypeA && host == "mx":
		return fmt.Sprintf("A 127.1.%d.%d", n/250, 1+n%250)
	case q.Qtype == dns.TypeA:
		return "A " + c.policy
	case q.Qtype == dns.TypeTLSA:
		return "TLSA " + c.tlsa
	case q.Qtype == dns.TypeTXT && host == "_mta-sts":
		return `TXT "v=STSv1; id=1;"`
	}
	return ""
}

// counts returns how many questions there were of every type.
func (c *countingDNS) counts() map[uint16]int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return maps.Clone(c.asked)
}

// servePolicy serves one policy to every host, with a certificate for all of them.
func servePolicy(t testing.TB, address string, certificate tls.Certificate) {
	t.Helper()
	listener, err := net.Listen("tcp", net.JoinHostPort(address, "443"))
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{
		TLSConfig: &tls.Config{Certificates: []tls.Certificate{certificate}},
		Handler:   policy("enforce", "*.cost.test", "mx.*"), ErrorLog: log.New(io.Discard, "", 0),
	}
	go func() { _ = server.ServeTLS(listener, "", "") }() // ends with Close
	t.Cleanup(func() { _ = server.Close() })
}

// costSoFar is what one daemon has cost until a moment.
type costSoFar struct {
	rounds, cpu float64 // cpu in seconds
	asked       map[uint16]int
}

func costOf(d *daemon, c *countingDNS) costSoFar {
	d.t.Helper()
	return costSoFar{
		rounds: d.sum("m365_connector_probes_total"), cpu: d.sum("process_cpu_seconds_total"), asked: c.counts(),
	}
}

// since returns the questions of every kind that is asked in each round, and the CPU seconds, per round since a moment.
func (c costSoFar) since(start costSoFar) (questions, cpu float64) {
	for _, qtype := range []uint16{dns.TypeMX, dns.TypeA, dns.TypeAAAA} {
		questions += float64(c.asked[qtype] - start.asked[qtype])
	}
	return questions / (c.rounds - start.rounds), (c.cpu - start.cpu) / (c.rounds - start.rounds)
}

// TestCostOfDANEAndMTASTS runs two daemons with the same paths side by side: one with SmtpDaneMode and MtaStsMode None,
// or the build that E2E_BASELINE names, and one with the default modes. It logs the figures of docs/performance.md.
func TestCostOfDANEAndMTASTS(t *testing.T) {
	const paths, policyHost = 200, "127.0.4.3"
	w := smallWorld(t)
	issued := w.issue(leaf{name: "mx.cost.test"}, "mx")
	certificate, err := tls.LoadX509KeyPair(issued.chain, issued.key)
	if err != nil {
		t.Fatal(err)
	}
	servePolicy(t, policyHost, certificate)
	port := freePort(t)
	listener, err := net.Listen("tcp4", fmt.Sprintf(":%d", port))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	go func() { _ = mailPeer{[]tls.Certificate{certificate}, neverSilent}.serve(listener) }() // ends with Close
	digest := sha256.Sum256(issued.cert.RawSubjectPublicKeyInfo)
	run := func(name, binary, keys string) (*daemon, *countingDNS) {
		resolver := startCountingDNS(t, fmt.Sprintf("3 1 1 %x", digest), policyHost)
		w.dns = resolver.address
		var all []path
		for i := range paths {
			all = append(all, path{
				connector: fmt.Sprintf("c%d", i), hop: fmt.Sprintf("mx:d%d.cost.test", i), port: port, keys: keys,
				probe: "until: tls, ip_protocol: any, ",
			})
		}
		return runDaemon(t, binary, "serve", "--config.file="+w.configure(name, all...)), resolver
	}
	baseline, keys := w.binary, "smtp_dane_mode: None\n    mta_sts_mode: None"
	if other := os.Getenv("E2E_BASELINE"); other != "" {
		baseline = other
	}
	off, offDNS := run("off.yaml", baseline, keys)
	on, onDNS := run("on.yaml", w.binary, "")
	eventually(t, time.Minute, func() string {
		if asked := onDNS.counts(); asked[dns.TypeTLSA] < paths || asked[dns.TypeTXT] < paths {
			return fmt.Sprintf("questions %v of the daemon with DANE and MTA-STS, want %d for TLSA and TXT", asked, paths)
		}
		return unless(costOf(off, offDNS).rounds >= paths && costOf(on, onDNS).rounds >= paths, "a first round is not over")
	})
	offStart, onStart := costOf(off, offDNS), costOf(on, onDNS)
	time.Sleep(10 * time.Second) // the figures are per round: how many there are by then does not matter
	offEnd, onEnd := costOf(off, offDNS), costOf(on, onDNS)
	offQuestions, offCPU := offEnd.since(offStart)
	onQuestions, onCPU := onEnd.since(onStart)
	// TLSA records are cached for 45 minutes at least, and the record of a policy is looked up every two hours.
	const interval = 5 * time.Minute
	rare := float64(onEnd.asked[dns.TypeTLSA])/paths*float64(interval)/float64(45*time.Minute) +
		float64(onEnd.asked[dns.TypeTXT])/paths*float64(interval)/float64(2*time.Hour)
	const always = 3 // MX, A and AAAA; the counts above include those of rounds that are not over
	ratio := (always + rare) / always
	t.Logf("without: %.2f DNS questions and %.3f ms of CPU per path and round (%.0f rounds), %v asked", offQuestions,
		1000*offCPU, offEnd.rounds-offStart.rounds, offEnd.asked)
	t.Logf("with: %.2f and %.2f for TLSA and TXT every five minutes, %.3f ms of CPU (%.0f rounds), %v asked", onQuestions,
		rare, 1000*onCPU, onEnd.rounds-onStart.rounds, onEnd.asked)
	t.Logf("ratio: questions %.2f, CPU %.2f; since the start, CPU %.2f", ratio, onCPU/offCPU,
		onEnd.cpu/onEnd.rounds/(offEnd.cpu/offEnd.rounds))
	if ratio > 1.3 {
		t.Errorf("%.2f times as many DNS questions, want at most 1.3 times", ratio)
	}
	if onCPU > 2*offCPU { // 1.3 is the aim; the margin is for other programs on the machine
		t.Errorf("%.2f times as much CPU, want at most twice", onCPU/offCPU)
	}
}

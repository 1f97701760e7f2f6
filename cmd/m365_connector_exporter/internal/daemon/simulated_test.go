//go:build unix

package daemon

import (
	"context"
	"fmt"
	"hash/fnv"
	"net/netip"
	"time"

	"m365_connector_exporter/probes"
)

// simulated is a prober without network. 90 of 100 servers work, with latencies from 20 ms to 2 s. The others
// refuse the connection, are throttled, do not reply within the timeout, or fail every other minute.
type simulated struct{ limiter probes.Limiter }

func (s simulated) Probe(ctx context.Context, p *probes.Path) *probes.Result {
	h := fnv.New32a()
	_, _ = h.Write([]byte(p.ID.Path))
	n := h.Sum32()
	addr := netip.AddrFrom4([4]byte{198, 18, byte(n >> 8), byte(n)})
	started := time.Now()
	e := probes.Endpoint{Host: p.ID.Path, Addr: netip.AddrPortFrom(addr, 25)}
	e.Steps[probes.Resolve] = probes.Step{Outcome: probes.Passed, Duration: time.Millisecond}
	release, err := s.limiter.Acquire(ctx, p.ID.Tenant, addr)
	if err != nil {
		e.Steps[probes.Connect] = probes.Step{Outcome: probes.Inconclusive, Reason: probes.ReasonCanceled}
		return &probes.Result{Until: p.Settings.Until, Started: started, Endpoints: []probes.Endpoint{e}}
	}
	failed := func(at probes.Stage, reason probes.Reason, after time.Duration) {
		for stage := probes.Connect; stage < at; stage++ {
			e.Steps[stage] = probes.Step{Outcome: probes.Passed, Duration: time.Millisecond}
		}
		wait(ctx, after)
		e.Steps[at] = probes.Step{Outcome: reason.Outcome(), Reason: reason, Detail: "simulated", Duration: after}
	}
	switch kind := n % 100; {
	case kind < 3:
		failed(probes.Connect, probes.ReasonConnectRefused, time.Millisecond)
	case kind < 5:
		failed(probes.EHLO, probes.ReasonThrottled, 50*time.Millisecond)
	case kind < 7:
		failed(probes.EHLO, probes.ReasonGreetingTimeout, min(p.Settings.Timeout, 30*time.Second))
	case kind < 10 && time.Now().Unix()/60%2 == 0:
		failed(probes.Recipient, probes.ReasonRecipientUnknown, 300*time.Millisecond)
	default:
		wait(ctx, min(20*time.Millisecond+time.Duration(n%1980)*time.Millisecond, p.Settings.Timeout/2))
		passAll(&e, *p)
	}
	release(false)
	return &probes.Result{
		Until: p.Settings.Until, Started: started, Duration: time.Since(started),
		Endpoints: []probes.Endpoint{e},
	}
}

func wait(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// passAll makes every probed stage of an endpoint pass, with the transcript and the certificates of a mail server.
func passAll(e *probes.Endpoint, p probes.Path) {
	for stage := probes.Connect; stage <= p.Settings.Until; stage++ {
		e.Steps[stage] = probes.Step{Outcome: probes.Passed, Duration: 10 * time.Millisecond}
	}
	hello := "250-" + e.Host + "\n250-PIPELINING\n250-SIZE 35882577\n250-STARTTLS\n250-ENHANCEDSTATUSCODES\n250 8BITMIME"
	var transcript []probes.TranscriptEntry
	for i, text := range []string{
		"220 " + e.Host + " ESMTP", "EHLO prober.example", hello, "STARTTLS", "220 2.0.0 Ready to start TLS",
		"TLS 1.3 established",
		"EHLO prober.example", hello, "MAIL FROM:<>", "250 2.1.0 Ok", "RCPT TO:<probe>", "250 2.1.5 Ok", "RSET",
		"250 2.0.0 Ok", "QUIT", "221 2.0.0 Bye",
	} {
		transcript = append(transcript, probes.TranscriptEntry{
			At:     time.Duration(i) * time.Millisecond,
			Origin: probes.OriginServer, Text: text,
		})
	}
	e.Transcript = transcript
	issued := time.Now().Truncate(24 * time.Hour).UTC()
	certificate := func(name, issuer string) *probes.Certificate {
		return &probes.Certificate{
			Subject: name, Issuer: issuer, CommonName: name, DNSNames: []string{name}, Serial: "01" + name,
			Fingerprint: fmt.Sprintf("%x", name),
			NotBefore:   issued, NotAfter: issued.AddDate(0, 0, 90), KeyAlgorithm: "ECDSA", KeyBits: 256,
			SignatureAlgorithm: "ECDSA-SHA256",
			ClientAuth:         true, ServerAuth: true,
		}
	}
	e.TLS = &probes.TLS{
		Version: "TLS 1.3", Cipher: "TLS_AES_128_GCM_SHA256", ChainNotBefore: issued, ChainNotAfter: issued.AddDate(3, 0, 0),
		Chain: []*probes.Certificate{certificate(e.Host, "Simulated CA"), certificate("Simulated CA", "Simulated root")},
	}
	for v := range probes.VerdictRevocation {
		e.TLS.Verdicts[v] = probes.Judgement{Outcome: probes.Passed, Detail: "matches " + e.Host}
	}
}

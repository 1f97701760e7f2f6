//go:build unix

package smtpprobe

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"net/netip"
	"runtime"
	"syscall"
	"testing"
	"time"

	"m365_connector_exporter/probes"
	"m365_connector_exporter/probes/certificate"
	"m365_connector_exporter/probes/mailflow"
)

// cpu is what this process has used so far.
func cpu() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkCPU compares a verified STARTTLS probe with the same dialogue of a bare Go client alternately, each in a
// goroutine of its own as a monitor runs them: x-bare is the ratio of their CPU times. The probe also judges the chain
// by as many trust stores as a configuration can have.
func BenchmarkCPU(b *testing.B) {
	at, roots, _ := startPeer(b, peerHealthy)
	w, p := testProber(roots), testPath(at, probes.TLSStage, mailflow.DomainValidation)
	options := w.opts
	options.TrustStores = append(certificate.KnownStores(), certificate.Store{Name: "a", Roots: roots},
		certificate.Store{Name: "b", Roots: x509.NewCertPool()})
	w = w.WithOptions(options)
	spent := func(f func()) time.Duration {
		start, done := cpu(), make(chan struct{})
		go func() { defer close(done); f() }()
		<-done
		return cpu() - start
	}
	var ours, bare time.Duration
	for b.Loop() {
		ours += spent(func() {
			if res := w.Probe(context.Background(), &p); res.Outcome() != probes.Passed {
				b.Errorf("%+v", res.Endpoints)
			}
		})
		bare += spent(func() {
			if err := bareClient(at, roots); err != nil {
				b.Error(err)
			}
		})
	}
	b.ReportMetric(float64(ours)/float64(bare), "x-bare")
	b.ReportMetric(float64(ours.Microseconds())/float64(b.N), "µs-cpu/probe")
	b.ReportMetric(float64(bare.Microseconds())/float64(b.N), "µs-cpu/bare")
}

func BenchmarkProbe(b *testing.B) {
	at, roots, _ := startPeer(b, peerHealthy)
	w, p := testProber(roots), testPath(at, probes.TLSStage, mailflow.DomainValidation)
	b.ReportAllocs()
	for b.Loop() {
		if res := w.Probe(context.Background(), &p); res.Outcome() != probes.Passed {
			b.Fatalf("%+v", res.Endpoints)
		}
	}
}

// bareClient is the dialogue with nothing recorded: TCP, EHLO, STARTTLS, a verified handshake with Go's defaults,
// EHLO, QUIT.
func bareClient(at netip.AddrPort, roots *x509.CertPool) error {
	conn, err := net.Dial("tcp", at.String())
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	br := bufio.NewReader(conn)
	ask := func(command string) {
		if command != "" {
			_, err = fmt.Fprintf(conn, "%s\r\n", command)
		}
		for err == nil {
			var line string
			if line, err = br.ReadString('\n'); len(line) < 4 || line[3] == ' ' {
				return
			}
		}
	}
	ask("")
	ask("EHLO prober.test")
	ask("STARTTLS")
	secure := tls.Client(conn, &tls.Config{ServerName: "mail.test", RootCAs: roots})
	if bad := secure.Handshake(); bad != nil {
		return bad
	}
	conn, br = secure, bufio.NewReader(secure)
	ask("EHLO prober.test")
	ask("QUIT")
	return err
}

func BenchmarkBareClient(b *testing.B) {
	at, roots, _ := startPeer(b, peerHealthy)
	b.ReportAllocs()
	for b.Loop() {
		if err := bareClient(at, roots); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkTarpit holds many probes at a server that falls silent, and reports what each of them costs.
func BenchmarkTarpit(b *testing.B) {
	for _, mode := range []string{peerSilent, peerSilentIn, peerSilentTLS} {
		b.Run(mode, func(b *testing.B) { benchmarkTarpit(b, mode) })
	}
}

func benchmarkTarpit(b *testing.B, mode string) {
	b.Helper()
	const held = 500
	at, roots, lines := startPeer(b, mode)
	w, p := testProber(roots), testPath(at, probes.TLSStage, mailflow.DomainValidation)
	p.Settings.Timeout = time.Hour
	_ = w.Probe(canceled(), &p) // what is made once is not a probe's
	for b.Loop() {
		before := inUse()
		ctx, cancel := context.WithCancel(context.Background())
		done := make(chan struct{}, held)
		for range held {
			go func() { w.Probe(ctx, &p); done <- struct{}{} }()
		}
		for range held {
			if _, err := lines.ReadString('\n'); err != nil {
				b.Fatal(err)
			}
		}
		grown := inUse() - before
		cancel()
		for range held {
			<-done
		}
		b.ReportMetric(float64(grown)/held, "B/held")
	}
}

func canceled() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}

// inUse is heap and stacks in use, after the garbage is gone.
func inUse() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc + m.StackInuse
}

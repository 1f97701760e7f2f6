package collector_test

import (
	"fmt"
	"io"
	"runtime"
	"runtime/debug"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/expfmt"

	"m365_connector_exporter/collector"
	"m365_connector_exporter/probes"
)

// ehlo has the capabilities that Postfix announces.
var ehlo = []string{"PIPELINING", "SIZE 35882577", "VRFY", "ETRN", "ENHANCEDSTATUSCODES", "8BITMIME", "DSN", "SMTPUTF8"}

// talk is a probe's result as the wire leaves it, with nothing shared: a whole dialogue, and a certificate of its own
// below two of one of twenty CAs.
func talk(p probes.Path, i int, at time.Time) probes.Result {
	e := healthy(strings.Clone(p.ID.Path), fmt.Sprintf("192.0.%d.%d", 2+i/250, i%250))
	var said []probes.TranscriptEntry
	say := func(from probes.Origin, text string) {
		said = append(said, probes.TranscriptEntry{At: time.Duration(len(said)) * time.Millisecond, Origin: from, Text: text})
	}
	hello := func() {
		say(probes.OriginClient, "EHLO probe.contoso.com")
		say(probes.OriginServer, "250 "+p.ID.Path+"\n"+strings.Join(ehlo, "\n"))
	}
	say(probes.OriginServer, "220 "+p.ID.Path+" ESMTP Postfix")
	hello()
	say(probes.OriginClient, "STARTTLS")
	say(probes.OriginServer, "220 2.0.0 Ready to start TLS")
	say(probes.OriginProber, "TLS 1.3 established, TLS_AES_128_GCM_SHA256")
	hello()
	say(probes.OriginClient, "QUIT")
	say(probes.OriginServer, "221 2.0.0 Bye")
	e.Transcript = said
	e.TLS.Chain = e.TLS.Chain[:0]
	for n := range 3 {
		name, serial := fmt.Sprintf("%d.%s", n, p.ID.Path), i
		if n > 0 {
			name, serial = fmt.Sprintf("Intermediate CA %d.%d of a public authority", n, i%20), 1_000_000*n+i%20
		}
		e.TLS.Chain = append(e.TLS.Chain, &probes.Certificate{
			Subject: name, Issuer: fmt.Sprintf("CA %d.%d", n, i%20),
			CommonName: strings.Clone(name), DNSNames: []string{"a." + name, "b." + name},
			Serial: fmt.Sprintf("%032x", serial), Fingerprint: fmt.Sprintf("%064x", serial),
			NotBefore: noon, NotAfter: noon.AddDate(1, 0, 0),
			KeyAlgorithm: "RSA", SignatureAlgorithm: "SHA256-RSA",
		})
	}
	for v := range probes.VerdictRevocation {
		e.TLS.Verdicts[v] = probes.Judgement{Outcome: probes.Passed, Detail: fmt.Sprintf("mail%d.contoso.com matches", i)}
	}
	return round(p, at, e)
}

// BenchmarkRest is what 10,000 paths of one endpoint hold after 22 rounds and a scrape: results with the dialogue,
// history, series. MB-live is what is reachable; MB-resident is what the process has of the system's memory while
// rounds go on. The latter depends on GOGC.
func BenchmarkRest(b *testing.B) {
	for b.Loop() {
		store := collector.NewStore(time.Now)
		paths := make([]probes.Path, 10_000)
		for i := range paths {
			paths[i] = path(fmt.Sprintf("connector %d", i/10), fmt.Sprintf("host%d.contoso.com", i))
		}
		store.SetInventory(nil, paths)
		rounds := func(from, to int) {
			for n := from; n < to; n++ {
				for i, p := range paths {
					store.Record(talk(p, i, noon.Add(time.Duration(n)*time.Minute)))
				}
			}
		}
		rounds(0, 20)
		debug.FreeOSMemory() // the start was a rush
		rounds(20, 24)
		if err := collector.NewGatherer(nil, nil, store).Write(io.Discard, expfmt.FmtText); err != nil {
			b.Fatal(err)
		}
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		b.ReportMetric(float64(m.Sys-m.HeapReleased)/1e6, "MB-resident")
		b.ReportMetric(float64(m.NextGC)/1e6, "MB-goal")
		runtime.GC()
		runtime.GC() // the second empties what pools still held
		runtime.ReadMemStats(&m)
		b.ReportMetric(float64(m.HeapAlloc)/1e6, "MB-live")
		runtime.KeepAlive(store)
	}
}

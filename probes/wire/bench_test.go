package wire

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"testing"

	"m365_connector_exporter/probes"
	"m365_connector_exporter/probes/mailflow"
)

func BenchmarkProbeSTARTTLS(b *testing.B) {
	ca := newPKI(b)
	at, _ := serve(b, healthy(serverConfig(ca.leaf(b, "mail.test"), ca.inter)))
	w, p := testProber(ca.roots), testPath(at, probes.TLSStage, mailflow.DomainValidation)
	b.ReportAllocs()
	for b.Loop() {
		if res := w.Probe(context.Background(), p); res.Outcome() != probes.Passed {
			b.Fatalf("%+v", res.Endpoints)
		}
	}
}

// BenchmarkBareClient is the same dialogue with nothing recorded or judged: what the probe adds is the difference.
func BenchmarkBareClient(b *testing.B) {
	ca := newPKI(b)
	at, _ := serve(b, healthy(serverConfig(ca.leaf(b, "mail.test"), ca.inter)))
	b.ReportAllocs()
	for b.Loop() {
		conn, err := net.Dial("tcp", at.String())
		if err != nil {
			b.Fatal(err)
		}
		br := bufio.NewReader(conn)
		ask := func(command string, lines int) {
			if command != "" {
				_, _ = fmt.Fprintf(conn, "%s\r\n", command)
			}
			for range lines {
				_, _ = br.ReadString('\n')
			}
		}
		ask("", 1)
		ask("EHLO prober.test", 3)
		ask("STARTTLS", 1)
		conn = tls.Client(conn, &tls.Config{ServerName: "mail.test", RootCAs: ca.roots, CurvePreferences: []tls.CurveID{tls.X25519}})
		br = bufio.NewReader(conn)
		ask("EHLO prober.test", 3)
		ask("QUIT", 1)
		_ = conn.Close()
	}
}

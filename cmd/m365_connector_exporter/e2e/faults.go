//go:build e2e

package e2e

import (
	"crypto/tls"
	"fmt"
	"maps"
	"math/big"
	"net"
	"slices"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"m365_connector_exporter/probes"
	"m365_connector_exporter/probes/lab"
)

// fault is a fault of a mail server or its DNS, with the expected result. docs/reliability.md lists all of them.
type fault struct {
	name, does string
	stage      probes.Stage
	reason     probes.Reason // empty: tolerated, the path passes
	server     lab.Script
	listen     func(t testing.TB, host string) (port int) // instead of the script
	dns        func(addr string) dns.HandlerFunc          // instead of an A record; addr is the address of the row
	hop        string                                     // next hop instead of the host name
	tls        string                                     // tls_settings
	rcpt       bool                                       // probes up to the recipient stage
	probe      string                                     // more keys of the probe section, each ending in ", "
}

// faultZone is the DNS zone of the faulty and the healthy servers.
const faultZone = "faults.test"

func (f fault) host() string { return f.name + "." + faultZone }

// want returns the expected result: the outcome, then the stage and the reason.
func (f fault) want() string {
	if f.reason == "" {
		return "passed"
	}
	return fmt.Sprintf("%s %s %s", f.reason.Outcome(), f.stage, f.reason)
}

// withReplies returns a script with some replies changed, given as pairs of verb and reply.
func withReplies(s lab.Script, pairs ...string) lab.Script {
	replies := map[string]string{}
	maps.Copy(replies, s.Replies)
	for i := 0; i+1 < len(pairs); i += 2 {
		replies[pairs[i]] = pairs[i+1]
	}
	s.Replies = replies
	return s
}

// healthyScript returns the script of a server that conforms to RFC 5321 and RFC 3207.
func healthyScript(config *tls.Config) lab.Script {
	return lab.Script{
		Greeting: "220 mail.faults.test ESMTP\r\n", TLS: config,
		Replies: map[string]string{
			"EHLO": "250-mail.faults.test\r\n250-SIZE 1000\r\n250 STARTTLS\r\n", "STARTTLS": "220 2.0.0 ready\r\n",
			"QUIT": "221 bye\r\n",
		},
	}
}

// faultWorld has the faulty servers, 200 healthy paths and the configuration of both.
type faultWorld struct {
	*world
	config  *tls.Config // of a healthy server
	rows    []fault
	names   *lab.DNS
	faulty  []path
	healthy []path
	crl     string   // host:port of the revocation lists
	revoked *big.Int // the serial number on the CRL
}

// The healthy paths.
const (
	healthyServers = 10
	healthyPaths   = 200
)

// newFaultTable builds the rows of the table without starting their servers.
func newFaultTable(small *world) *faultWorld {
	w := &faultWorld{world: small}
	w.config = serverTLS(w.present(leafOf("*."+faultZone), w.ca.middle))
	w.crl = w.startCRLs()
	w.rows = slices.Concat(w.dnsFaults(), tcpFaults(), w.greetingFaults(), w.tlsFaults(), w.certificateFaults(),
		w.recipientFaults())
	return w
}

func newFaultWorld(t testing.TB) *faultWorld {
	t.Helper()
	w := newFaultTable(smallWorld(t))
	var zone strings.Builder
	w.startHealthy(&zone)
	for i, f := range w.rows {
		w.startFault(&zone, i, f)
	}
	names, err := lab.StartDNS(zone.String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(names.Close)
	for i, f := range w.rows {
		if f.dns != nil {
			names.InjectFault(f.host(), f.dns(faultAddr(i)))
		}
	}
	w.names, w.dns = names, names.Addr()
	return w
}

func (w *faultWorld) startHealthy(zone *strings.Builder) {
	w.t.Helper()
	for i := range healthyServers {
		name, addr := fmt.Sprintf("healthy%d.%s", i, faultZone), fmt.Sprintf("127.0.4.%d", i+1)
		server, err := lab.StartMail(lab.MailOptions{
			Addr:        net.JoinHostPort(addr, "0"),
			Certificate: &w.config.Certificates[0],
		})
		if err != nil {
			w.t.Fatal(err)
		}
		w.t.Cleanup(server.Close)
		fmt.Fprintf(zone, "%s. 60 IN A %s\n", name, addr)
		for j := range healthyPaths / healthyServers {
			w.healthy = append(w.healthy, path{
				connector: fmt.Sprintf("healthy-%d-%d", i, j), hop: name,
				port: server.Port(), tls: "DomainValidation", recipient: "anybody", probe: "interval: 12s, timeout: 11s, ",
			})
		}
	}
}

func faultAddr(i int) string { return fmt.Sprintf("127.0.5.%d", i+1) }

// startFault starts the server of a row at its own address, so that a fault does not delay the other servers.
func (w *faultWorld) startFault(zone *strings.Builder, i int, f fault) {
	w.t.Helper()
	addr := faultAddr(i)
	p := path{connector: f.name, hop: f.hop, tls: f.tls, probe: f.probe}
	if p.hop == "" {
		p.hop = f.host()
	}
	if f.rcpt {
		p.recipient = "anybody"
	}
	if f.dns == nil {
		fmt.Fprintf(zone, "%s. 60 IN A %s\n", f.host(), addr)
	}
	if f.listen != nil {
		p.port = f.listen(w.t, addr)
	} else {
		f.server.Host = addr
		server, err := lab.StartScripted(f.server)
		if err != nil {
			w.t.Fatal(err)
		}
		w.t.Cleanup(server.Close)
		p.port = server.Port()
	}
	w.faulty = append(w.faulty, p)
}

// configureFaults writes the configuration, with or without the faulty paths.
func (w *faultWorld) configureFaults(faulty bool) string {
	w.t.Helper()
	if faulty {
		return w.write("faults.yaml", w.text(w.faulty))
	}
	return w.write("faults.yaml", w.text(nil))
}

// text returns the configuration of the healthy paths and the given faulty paths.
func (w *faultWorld) text(faulty []path) string {
	text := strings.Replace(w.head(), "global:\n", "global:\n  check_revocation: true\n", 1) + "tenants:\n" +
		tenant("healthy", w.healthy...)
	if len(faulty) > 0 {
		text += tenant("faults", faulty...)
	}
	return text
}

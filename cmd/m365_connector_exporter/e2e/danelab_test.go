//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"github.com/miekg/dns"
)

// opinion is what posttls-finger finds at a server, in the words of the label status of endpoint_dane_info. It does not
// distinguish a zone without records from one that is not signed.
type opinion string

const (
	saysMatch    opinion = "match"
	saysMismatch opinion = "mismatch"
	saysUnusable opinion = "unusable"
	saysNone     opinion = "none"
	saysBogus    opinion = "bogus"
	saysNoTLS    opinion = "no TLS"     // although there are records
	saysNoHost   opinion = "no address" // the look-up of the host or of the MX fails
)

// finger asks posttls-finger about a destination: a domain, of which it asks the first MX host that answers, or a host
// in brackets.
func (l *daneLab) finger(destination string) (said opinion, output string) {
	l.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, "/usr/sbin/posttls-finger", "-c", "-a", "ipv4", "-l", "dane", "-L", "verbose",
		fmt.Sprintf("%s:%d", destination, danePort))
	cmd.SysProcAttr = &syscall.SysProcAttr{Chroot: l.root}
	cmd.Dir = "/"
	out, err := cmd.CombinedOutput()
	if err != nil {
		l.t.Errorf("posttls-finger %s: %v\n%s", destination, err, out)
	}
	text := string(out)
	has := func(part string) bool { return strings.Contains(text, part) }
	records, handshake := has("DNSSEC-signed TLSA record"), has("setting up TLS connection")
	switch {
	case has("TLSA lookup error"):
		said = saysBogus
	case has("address lookup failed") || has("no A record") || !records && !handshake:
		said = saysNoHost
	case has("Matched DANE"):
		said = saysMatch
	case records && !handshake:
		said = saysNoTLS
	case records:
		said = saysMismatch
	case has("unsupported TLSA certificate usage"):
		said = saysUnusable
	default:
		said = saysNone
	}
	return said, text
}

// validated asks the resolver of the lab for TLSA records: the response code, and AD if they are validated.
func (l *daneLab) validated(host string) string {
	l.t.Helper()
	q := new(dns.Msg).SetQuestion(fmt.Sprintf("_%d._tcp.%s.", danePort, host), dns.TypeTLSA)
	q.SetEdns0(1232, true)
	r, _, err := (&dns.Client{Timeout: patience}).Exchange(q, l.dns)
	if err != nil {
		l.t.Fatal(err)
	}
	text := dns.RcodeToString[r.Rcode]
	if r.AuthenticatedData {
		text += " AD"
	}
	return text
}

// TestDANELab holds that the servers, zones and the resolver of the lab are what their tables say, in the opinion of
// posttls-finger, which shares no code with the exporter.
func TestDANELab(t *testing.T) {
	l := startDANE(t)
	for name, want := range map[string]struct {
		dns  string
		said opinion
	}{
		"right":       {"NOERROR AD", saysMatch},
		"sha512":      {"NOERROR AD", saysMatch},
		"rollover":    {"NOERROR AD", saysMatch},
		"anchor":      {"NOERROR AD", saysMatch},
		"anchor-name": {"NOERROR AD", saysMismatch},
		"wrong":       {"NOERROR AD", saysMismatch},
		"none":        {"NXDOMAIN AD", saysNone},
		"unusable":    {"NOERROR AD", saysUnusable},
		"selfsigned":  {"NOERROR AD", saysMatch},
		"expired":     {"NOERROR AD", saysMatch}, // RFC 7672, section 3.1.1: the dates of a DANE-EE certificate do not matter
		"plain":       {"NOERROR AD", saysNoTLS},
		"bogus":       {"SERVFAIL", saysBogus},
		"unsigned":    {"NOERROR", saysNone},
		"outdated":    {"SERVFAIL", saysNoHost},
	} {
		host := l.hostOf(name)
		if got := l.validated(host); got != want.dns {
			t.Errorf("%s: the resolver answers %s, want %s", host, got, want.dns)
		}
		if got, text := l.finger("[" + host + "]"); got != want.said {
			t.Errorf("%s: posttls-finger says %s, want %s:\n%s", host, got, want.said, text)
		}
	}
	for domain, want := range map[string]opinion{
		"two." + daneZone:           saysMatch,
		"half." + daneZone:          saysNone,
		"elsewhere." + unsignedZone: saysMatch, // smtp_tls_dane_insecure_mx_policy: records of the host count
		"outdated." + outdatedZone:  saysNoHost,
	} {
		if got, text := l.finger(domain); got != want {
			t.Errorf("%s: posttls-finger says %s, want %s:\n%s", domain, got, want, text)
		}
	}
}

//go:build e2e

package e2e

import (
	"crypto/x509"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"m365_connector_exporter/probes/lab"
)

// found is a finding of /api/v1/findings.
type found struct {
	Check, Severity, Tenant, Connector, Path string
	Evidence                                 []string
}

func (d *daemon) findings() (all []found) {
	d.t.Helper()
	status, body := d.http(http.MethodGet, "/api/v1/findings")
	if err := json.Unmarshal([]byte(body), &all); status != http.StatusOK || err != nil {
		d.t.Fatalf("findings: %d, %v in\n%s", status, err, body)
	}
	return all
}

// awaitFindings returns when each of the wanted findings exists and its first evidence contains the wanted text.
func (d *daemon) awaitFindings(wanted ...found) {
	d.t.Helper()
	eventually(d.t, time.Minute, func() string {
		all := d.findings()
		for _, want := range wanted {
			if !slices.ContainsFunc(all, func(got found) bool {
				return got.Check == want.Check && got.Severity == want.Severity && got.Tenant == want.Tenant &&
					got.Connector == want.Connector &&
					got.Path == want.Path && len(got.Evidence) > 0 && strings.Contains(got.Evidence[0], want.Evidence[0])
			}) {
				return fmt.Sprintf("%+v is not among %+v", want, all)
			}
		}
		return ""
	})
}

// rareWorld has conditions that no other test needs: an address with too many paths, a revoked certificate, a renewed
// certificate that the server does not use yet, senders whose certificate is read from a server, and an Exchange Online
// that does not verify with the roots of this host.
type rareWorld struct {
	*faultWorld
	zone  strings.Builder
	ports map[string]int // by host
	leafs map[string]*x509.Certificate
}

func newRareWorld(t *testing.T) *rareWorld {
	t.Helper()
	w := &rareWorld{
		faultWorld: &faultWorld{world: smallWorld(t)}, ports: map[string]int{},
		leafs: map[string]*x509.Certificate{},
	}
	w.crl = w.startCRLs()
	unknownRoot := w.ca.sign(caTemplate("Unknown Root"), nil)
	for i, one := range []struct {
		host    string
		signer  *signer
		revoked bool
	}{
		{"crowd.faults.test", w.ca.middle, false},
		{"revoked.faults.test", w.ca.middle, true},
		{"mail.contoso.test", w.ca.middle, false},
		{"stray.elsewhere.test", w.ca.middle, false},
		{"frontdoor.faults.test", unknownRoot, false},
	} {
		leaf := leafOf(one.host)
		leaf.ExtKeyUsage = append(leaf.ExtKeyUsage, x509.ExtKeyUsageClientAuth)
		if one.revoked {
			leaf.CRLDistributionPoints = []string{"http://" + w.crl + "/list"}
		}
		certificate := w.present(leaf, one.signer)
		if one.revoked {
			w.revoked = leaf.SerialNumber // set when it was signed
		}
		addr := rareAddr(i)
		mail, err := lab.StartMail(lab.MailOptions{Addr: net.JoinHostPort(addr, "0"), Certificate: &certificate})
		w.ca.must(err)
		t.Cleanup(mail.Close)
		fmt.Fprintf(&w.zone, "%s. 60 IN A %s\n", one.host, addr)
		w.ports[one.host], w.leafs[one.host] = mail.Port(), leaf
	}
	names, err := lab.StartDNS(w.zone.String())
	w.ca.must(err)
	t.Cleanup(names.Close)
	w.names, w.dns = names, names.Addr()
	return w
}

func rareAddr(i int) string { return fmt.Sprintf("127.0.7.%d", i+1) }

// configureRare writes a configuration without ca_file, which uses the system's roots.
func (w *rareWorld) configureRare(tenant string) string {
	w.t.Helper()
	return w.write("rare.yaml", fmt.Sprintf(
		`global: { allow_networks: [127.0.0.0/8], check_revocation: true, exchange_online_hosts: [frontdoor.faults.test],
    min_gap_per_address: 400ms }
probe: { interval: 2s, timeout: 1900ms, ip_protocol: ip4, hello_name: prober.contoso.test, dns_servers: [%q] }
tenants:
`, w.dns)+tenant)
}

// inbound returns three senders: one with a certificate file, two whose certificate is read from their server.
func (w *rareWorld) inbound() string {
	before := w.ca.issue(leaf{name: "mail.contoso.test", clientAuth: true})
	return fmt.Sprintf(`  inbound_connectors:
  - { name: Hybrid, connector_type: OnPremises, require_tls: true, tls_sender_certificate_name: "*.contoso.test" }
  senders:
  - { name: filed, connector: Hybrid, addresses: [%[1]s], mail_from_domains: [contoso.test],
      target: frontdoor.faults.test, probe: { port: %[2]d }, certificate: { file: %[3]q } }
  - { name: shown, connector: Hybrid, mail_from_domains: [contoso.test], target: frontdoor.faults.test,
      probe: { port: %[2]d }, certificate: { smtp: "mail.contoso.test:%[4]d" } }
  - { name: stray, connector: Hybrid, mail_from_domains: [contoso.test], target: frontdoor.faults.test,
      probe: { port: %[2]d }, certificate: { smtp: "stray.elsewhere.test:%[5]d" } }
`, rareAddr(2), w.ports["frontdoor.faults.test"], before.chain, w.ports["mail.contoso.test"],
		w.ports["stray.elsewhere.test"])
}

// TestRareFindings checks the findings that no other test of the suite causes.
func TestRareFindings(t *testing.T) {
	w := newRareWorld(t)
	t.Setenv("SSL_CERT_FILE", w.ca.rootFile)
	t.Setenv("SSL_CERT_DIR", t.TempDir())
	paths := []path{
		{connector: "revoked", hop: "revoked.faults.test", port: w.ports["revoked.faults.test"], tls: "DomainValidation"},
		{connector: "mail", hop: "mail.contoso.test", port: w.ports["mail.contoso.test"], tls: "DomainValidation"},
	}
	for i := range 6 { // one starts every 400 ms, so six need 2.4 s
		paths = append(paths, path{
			connector: fmt.Sprintf("crowd-%d", i), hop: "crowd.faults.test",
			port: w.ports["crowd.faults.test"], tls: "DomainValidation",
		})
	}
	file := w.configureRare(tenant("contoso", paths...) + w.inbound())
	d := w.serve(file)
	d.awaitFindings(
		found{
			"schedule_overloaded", "warning", "contoso", "", "",
			[]string{rareAddr(0) + ": the rounds of its paths take 2s, the shortest interval is 2s"},
		},
		found{"certificate_revoked", "critical", "contoso", "revoked", "revoked.faults.test", []string{"is revoked"}},
		found{
			"certificate_served_differs_from_file", "warning", "contoso", "Hybrid", "filed",
			[]string{"The file contains the certificate for mail.contoso.test"},
		},
		found{
			"presented_certificate_not_configured", "critical", "contoso", "Hybrid", "stray",
			[]string{"stray.elsewhere.test"},
		},
		found{"prober_roots_incomplete", "warning", "", "", "", []string{"does not verify with this host's roots"}},
	)
	eventually(t, time.Minute, func() string {
		m := d.metrics()
		ground, _ := m.value("attribution_info", "path", "shown", "ground", "certificate", "attributed_tenant", "contoso")
		shown := m.find("certificate_info", "path", "shown", "role", "client", "subject", "mail.contoso.test")
		valid, _ := m.value("certificate_valid", "path", "shown", "role", "client", "verdict", "trust")
		if ground != 1 || len(shown) != 1 || valid != 1 {
			return fmt.Sprintf("the certificate read from a server: attributed %v, %v, trusted %v", ground, shown, valid)
		}
		return ""
	})
	for certificate, want := range map[string]int{"renewed.contoso.test": 0, "renewed.elsewhere.test": 1} {
		next := w.ca.issue(leaf{name: certificate, clientAuth: true})
		if code, output := w.command("rehearse", "--config.file="+file, "--certificate="+next.chain,
			"--sender=shown"); code != want || !strings.Contains(output, "shown") {
			t.Errorf("rehearse %s: exit code %d, want %d\n%s", certificate, code, want, output)
		}
	}

	var cut []path
	for i := range 3 {
		cut = append(cut, path{
			connector: fmt.Sprintf("cut-%d", i), hop: fmt.Sprintf("cut%d.faults.test", i),
			port: freePort(t), tls: "DomainValidation",
		})
		fmt.Fprintf(&w.zone, "cut%d.faults.test. 60 IN A %s\n", i, rareAddr(20+i))
	}
	w.ca.must(w.names.Set(w.zone.String()))
	w.configureRare(tenant("contoso", cut...))
	d.reload()
	d.awaitFindings(found{
		"vantage_blocked", "critical", "", "", "",
		[]string{"No path passes connect, and there are at least three hosts."},
	})
	for _, p := range cut {
		if got := d.metrics().pathResult(p.connector); got.outcome != "inconclusive" ||
			strings.TrimSpace(got.why) != "connect vantage_blocked" {
			t.Errorf("%s: %+v", p.connector, got)
		}
	}
}

package daemon

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"m365_connector_exporter/probes"
	"m365_connector_exporter/probes/lab"
	"m365_connector_exporter/probes/mailflow"
)

// TestCertificateBySMTP holds that a sender presents the certificate that the server of certificate.smtp showed, even
// while that server does not respond.
func TestCertificateBySMTP(t *testing.T) {
	ca, err := lab.NewCA(time.Now())
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := ca.Issue(lab.Leaf{
		Names: []string{"mail.contoso.com"}, NotBefore: time.Now().Add(-time.Hour),
		NotAfter: time.Now().Add(time.Hour),
	})
	if err != nil {
		t.Fatal(err)
	}
	server, err := lab.StartMail(lab.MailOptions{Certificate: &certificate})
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	dir := t.TempDir()
	file := filepath.Join(dir, "config.yaml")
	text := fmt.Sprintf(`global: { ca_file: ca.pem, allow_networks: [127.0.0.0/8] }
probe: { dns_servers: ["127.0.0.1:9"] }
tenants:
  - name: contoso
    accepted_domains: [{ domain_name: contoso.com, domain_type: Authoritative }]
    inbound_connectors:
      - { name: From, connector_type: OnPremises, tls_sender_certificate_name: "*.contoso.com" }
    senders:
      - { name: edge-1, connector: From, mail_from_domains: [contoso.com], certificate: { smtp: "127.0.0.1:%d" } }
`, server.Port())
	for name, content := range map[string][]byte{file: []byte(text), filepath.Join(dir, "ca.pem"): ca.RootPEM()} {
		if err := os.WriteFile(name, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	d := loaded(t, file)
	id := probes.PathID{Tenant: "contoso", Direction: mailflow.Inbound, Connector: "From", Path: "edge-1"}
	if d.store.Snapshot().Report.Clients[id] != nil {
		t.Error("a certificate before the first lookup")
	}
	for _, when := range []string{"shown", "away"} {
		d.lookups.refresh(t.Context(), d.evaluator.evaluateNow)
		a := d.store.Snapshot().Report
		client := a.Clients[id]
		if client == nil || client.Chain[0].CommonName != "mail.contoso.com" ||
			client.Verdicts[probes.VerdictName].Outcome != probes.Passed {
			t.Fatalf("%s: %+v", when, client)
		}
		if all := a.Attributions[id]; len(all) == 0 || all[0].Basis != mailflow.BasisCertificate {
			t.Errorf("%s: %+v", when, all)
		}
		server.Close()
	}
}

//go:build e2e

package e2e

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/smtp"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"m365_connector_exporter/probes/lab"
)

// outside is a recipient outside all tenants: mail to it requires permission to relay.
const outside = "who@elsewhere.test"

// TestAttributionOfPostfix sends mail from a Postfix with a client certificate through a fake Exchange Online that
// attributes messages as Microsoft documents. The delivery status in the Postfix log must match the prediction.
func TestAttributionOfPostfix(t *testing.T) {
	w := smallWorld(t)
	messages := []struct {
		certificate, from string
		tenant            string // to which the message is attributed; "" means none
		exit              int    // of attribute
	}{
		{"mail.contoso.test", "a@contoso.test", "contoso", 0},
		{"mail.contoso.test", "", "contoso", 0},
		{"relay.vendor.test", "a@tailspin.test", "tailspin", 0},
		{"relay.vendor.test", "", "", 1},
		{"renewed.elsewhere.test", "a@contoso.test", "", 1},
	}
	exchange := w.startExchangeOnline([]lab.FakeTenant{
		{
			Name: "contoso", Domains: []string{"contoso.test"},
			Connectors: []lab.FakeConnector{{Name: "Hybrid", Certificate: "*.contoso.test"}},
		},
		{
			Name: "tailspin", Domains: []string{"tailspin.test"},
			Connectors: []lab.FakeConnector{{Name: "Relay", Certificate: "relay.vendor.test"}},
		},
	})
	config := w.write("attribution.yaml", fmt.Sprintf(`global: { ca_file: %q }
tenants:
- name: contoso
  accepted_domains: [{ domain_name: contoso.test, domain_type: Authoritative }]
  inbound_connectors: [{ name: Hybrid, connector_type: OnPremises, require_tls: true,
      tls_sender_certificate_name: "*.contoso.test" }]
- name: tailspin
  accepted_domains: [{ domain_name: tailspin.test, domain_type: Authoritative }]
  inbound_connectors: [{ name: Relay, connector_type: OnPremises, require_tls: true,
      tls_sender_certificate_name: relay.vendor.test }]
`, w.ca.rootFile))

	certs := map[string]pair{}
	for _, a := range messages {
		if certs[a.certificate].chain == "" {
			certs[a.certificate] = w.ca.issue(leaf{name: a.certificate, clientAuth: true})
		}
	}
	relay := startRelay(t, w.dir, exchange.Port(), certs)
	for _, a := range messages {
		t.Run(a.certificate+" from "+a.from, func(t *testing.T) {
			predicted := w.attribute(t, config, certs[a.certificate].chain, a.from, a.exit)
			if got := strings.Join(predicted.Tenants, ","); got != a.tenant {
				t.Errorf("attributed to %q, want %q", got, a.tenant)
			}
			logged := relay.send(t, a.certificate, a.from)
			if sent := strings.Contains(logged, "status=sent"); sent != predicted.Relay {
				t.Errorf("predicted: relay %v, %q; Postfix logged\n%s", predicted.Relay, predicted.Reply, logged)
			}
			if !predicted.Relay && (!strings.Contains(predicted.Reply, "5.7.64") || !strings.Contains(logged, "550 5.7.64")) {
				t.Errorf("predicted %q; Postfix logged\n%s", predicted.Reply, logged)
			}
		})
	}
}

// TestPostfixRequiresClientCertificate probes, as a sender, a Postfix that takes the place of Exchange Online and
// requires a client certificate.
func TestPostfixRequiresClientCertificate(t *testing.T) {
	w := smallWorld(t)
	at := w.server("frontdoor")
	w.postfix = startPostfix(t, w.dir,
		[]postfixService{{server: at, cert: w.issue(leaf{name: at.host()}, "frontdoor"), params: map[string]string{
			"smtpd_tls_security_level": "encrypt", "smtpd_tls_req_ccert": "yes", "smtpd_tls_CAfile": w.ca.rootFile,
		}}})
	client := w.ca.issue(leaf{name: "mail.contoso.test", clientAuth: true})
	both := filepath.Join(w.dir, "sender.pem")
	writeFile(t, both, read(t, client.chain)+read(t, client.key), 0o600)
	sender := `- { name: %s, connector: Hybrid, mail_from_domains: [contoso.test], target: frontdoor.contoso.test,
     recipient: probe@contoso.test, certificate: { file: sender.pem }, present_certificate: %v,
     probe: { port: %d, interval: 2s, timeout: 1s, connect_to: [%s] } }
  `
	d := w.serve(w.write("client-certificate.yaml",
		fmt.Sprintf(`global: { ca_file: %q, allow_networks: [127.0.0.0/8], exchange_online_hosts: [frontdoor.contoso.test],
    min_gap_per_address: 10ms }
probe: { hello_name: prober.contoso.test }
tenants:
- name: contoso
  accepted_domains: [{ domain_name: contoso.test, domain_type: Authoritative }]
  inbound_connectors: [{ name: Hybrid, connector_type: OnPremises, require_tls: true,
      tls_sender_certificate_name: "*.contoso.test" }]
  senders:
  `, w.ca.rootFile)+fmt.Sprintf(sender, "with", true, at.port, at.addr)+
			fmt.Sprintf(sender, "without", false, at.port, at.addr)))

	eventually(t, time.Minute, func() string {
		m := d.metrics()
		with, known := m.value("probe_success", "path", "with")
		without, alsoKnown := m.value("probe_success", "path", "without")
		_, why := m.value("probe_failure_info", "path", "without", "stage", "tls", "reason", "client_certificate_required")
		if !known || !alsoKnown || with != 1 || without != 0 || !why {
			return fmt.Sprintf("probe_success with the certificate %v, without %v: %v", with, without,
				m.find("endpoint_failure_info"))
		}
		return ""
	})
	m := d.metrics()
	if v, ok := m.value("endpoint_stage_success", "path", "with", "stage", "recipient"); !ok || v != 1 {
		t.Error("the recipient stage did not pass")
	}
	for _, path := range []string{"with", "without"} {
		if v, ok := m.value("attribution_info", "path", path, "ground", "certificate", "attributed_tenant",
			"contoso"); !ok || v != 1 {
			t.Errorf("%s: %v", path, m.find("attribution_info"))
		}
		if v, ok := m.value("certificate_valid", "path", path, "role", "client", "verdict", "trust"); !ok || v != 1 {
			t.Errorf("%s: the sender's certificate: %v", path, m.find("certificate_valid", "role", "client"))
		}
	}
}

func (w *world) startExchangeOnline(tenants []lab.FakeTenant) *lab.FakeExchangeOnline {
	w.t.Helper()
	p := w.ca.issue(leaf{name: "contoso-test.mail.protection.test"})
	certificate, err := tls.LoadX509KeyPair(p.chain, p.key)
	w.ca.must(err)
	roots := x509.NewCertPool()
	roots.AddCert(w.ca.root.cert)
	exchange, err := lab.StartFakeExchangeOnline(lab.FakeExchangeOnlineOptions{
		Certificate: certificate,
		ClientRoots: roots, Tenants: tenants,
	})
	w.ca.must(err)
	w.t.Cleanup(exchange.Close)
	return exchange
}

// prediction is the part of attribute's JSON that the test reads.
type prediction struct {
	Tenants []string `json:"tenants"`
	Relay   bool     `json:"relay"`
	Reply   string   `json:"predicted_reply"`
}

func (w *world) attribute(t *testing.T, config, certificate, from string, exit int) prediction {
	t.Helper()
	code, output := w.command("attribute", "--config.file="+config, "--certificate-file="+certificate,
		"--mail-from=<"+from+">", "--rcpt-to="+outside, "--output=json")
	if code != exit {
		t.Errorf("attribute: exit code %d, want %d", code, exit)
	}
	var f prediction
	if err := json.Unmarshal([]byte(output), &f); err != nil {
		t.Fatalf("%v in\n%s", err, output)
	}
	return f
}

// relay is a Postfix that relays everything to the fake Exchange Online. It has one listener per client certificate.
type relay struct {
	dir   string
	ports map[string]int // by certificate
}

func startRelay(t *testing.T, dir string, exchangePort int, certs map[string]pair) *relay {
	t.Helper()
	r := &relay{dir: filepath.Join(dir, "relay"), ports: map[string]int{}}
	for _, sub := range []string{"etc", "queue", "data"} {
		if err := os.MkdirAll(filepath.Join(r.dir, sub), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	run(t, dir, "chown", "postfix", filepath.Join(r.dir, "data"))
	var master strings.Builder
	master.WriteString(masterCF)
	i := 0
	for name, c := range certs {
		r.ports[name] = freePort(t)
		fmt.Fprintf(&master, "out%d unix - - n - - smtp\n  -o { smtp_tls_chain_files = %s %s }\n", i, c.key, c.chain)
		fmt.Fprintf(&master, "127.0.0.1:%d inet n - n - - smtpd\n  -o { content_filter = out%d:[127.0.0.1]:%d }\n",
			r.ports[name], i, exchangePort)
		i++
	}
	etc := filepath.Join(r.dir, "etc")
	writeFile(t, filepath.Join(etc, "main.cf"), fmt.Sprintf(mainCF, r.dir, "relay.test", mailUID)+`
default_transport = discard
mynetworks = 127.0.0.0/8
smtpd_relay_restrictions = permit_mynetworks, reject
smtpd_tls_security_level = none
smtp_tls_security_level = encrypt
notify_classes =
`, 0o644)
	writeFile(t, filepath.Join(etc, "master.cf"), master.String(), 0o644)
	run(t, dir, "/usr/sbin/postfix", "-c", etc, "start")
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("relay:\n%s", read(t, filepath.Join(r.dir, "postfix.log")))
		}
		run(t, dir, "/usr/sbin/postfix", "-c", etc, "stop")
	})
	for _, port := range r.ports {
		awaitListener(t, fmt.Sprintf("127.0.0.1:%d", port), nil)
	}
	return r
}

// send sends one message through the relay and returns the log line with the delivery status.
func (r *relay) send(t *testing.T, certificate, from string) string {
	t.Helper()
	log := filepath.Join(r.dir, "postfix.log")
	before := len(read(t, log))
	if err := r.submit(r.ports[certificate], from); err != nil {
		t.Fatal(err)
	}
	logged := ""
	eventually(t, patience, func() string {
		for line := range strings.Lines(read(t, log)[before:]) {
			if strings.Contains(line, "to=<"+outside+">") && strings.Contains(line, "status=") {
				logged = line
				return ""
			}
		}
		return "the log has no delivery status of " + outside
	})
	return logged
}

// submit is smtp.SendMail with a deadline, so that a relay that does not respond fails the test early.
func (r *relay) submit(port int, from string) error {
	conn, err := net.DialTimeout("tcp", fmt.Sprintf("127.0.0.1:%d", port), patience)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		return err
	}
	client, err := smtp.NewClient(conn, "127.0.0.1")
	if err != nil {
		return err
	}
	if err := errors.Join(client.Mail(from), client.Rcpt(outside)); err != nil {
		return err
	}
	body, err := client.Data()
	if err != nil {
		return err
	}
	if _, err := io.WriteString(body, "Subject: relayed\r\n\r\nBy a test.\r\n"); err != nil {
		return err
	}
	return errors.Join(body.Close(), client.Quit())
}

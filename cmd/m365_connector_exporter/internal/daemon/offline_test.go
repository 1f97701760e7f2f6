package daemon

import (
	"encoding/pem"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"m365_connector_exporter/cmd/m365_connector_exporter/internal/config"
	"m365_connector_exporter/probes/lab"
	"m365_connector_exporter/probes/mailflow"
)

const threeSenders = `global: { ca_file: ca.pem }
tenants:
  - name: contoso
    accepted_domains: [{ domain_name: contoso.com, default: true }]
    inbound_connectors:
      - { name: A, connector_type: OnPremises, tls_sender_certificate_name: mail.contoso.com }
    senders: [{ name: edge, connector: A, addresses: [192.0.2.1], mail_from_domains: [contoso.com] }]
  - name: fabrikam
    accepted_domains: [{ domain_name: fabrikam.com, default: true }]
    inbound_connectors:
      - { name: B, connector_type: OnPremises, tls_sender_certificate_name: "*.fabrikam.com" }
    senders:
      - { name: edge, connector: B, addresses: [192.0.2.2], mail_from_domains: [fabrikam.com] }
      - { name: relay, connector: B, addresses: [192.0.2.3], mail_from_domains: [fabrikam.com] }
`

// renewal is a configuration with a certificate authority, and a certificate file that it issued.
func renewal(t *testing.T, text, name string, until time.Time) (cfg *config.Config, file string) {
	t.Helper()
	dir := t.TempDir()
	ca, err := lab.NewCA(time.Now())
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := ca.Issue(lab.Leaf{Names: []string{name}, NotBefore: time.Now().Add(-2 * time.Hour), NotAfter: until})
	if err != nil {
		t.Fatal(err)
	}
	var chain []byte
	for _, der := range leaf.Certificate {
		chain = append(chain, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})...)
	}
	for file, content := range map[string][]byte{"ca.pem": ca.RootPEM(), "new.pem": chain, "config.yaml": []byte(text)} {
		if err := os.WriteFile(filepath.Join(dir, file), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if cfg, err = config.Load(t.Context(), filepath.Join(dir, "config.yaml")); err != nil {
		t.Fatal(err)
	}
	return cfg, filepath.Join(dir, "new.pem")
}

func TestSimulateRenewalSelectsSenders(t *testing.T) {
	tomorrow := time.Now().Add(24 * time.Hour)
	for name, c := range map[string]struct {
		certificate string
		targets     []string
		want        string // the connectors and senders that are simulated
		fallback    bool
		err         string
	}{
		"those that the certificate relates to": {"mail.contoso.com", nil, "A/edge", false, ""},
		"all, if it relates to none":            {"mail.stranger.net", nil, "A/edge B/edge B/relay", true, ""},
		"by name":                               {"mail.contoso.com", []string{"relay"}, "B/relay", false, ""},
		"by target":                             {"mail.contoso.com", []string{"fabrikam/B/edge"}, "B/edge", false, ""},
		"an ambiguous name": {
			"mail.contoso.com",
			[]string{"edge"},
			"", false,
			"several senders have this name",
		},
		"a name that does not exist": {"mail.contoso.com", []string{"nobody"}, "", false, "no such sender"},
	} {
		cfg, file := renewal(t, threeSenders, c.certificate, tomorrow)
		certificate, problems, err := ReadClientCertificate(t.Context(), cfg, file, "", time.Now())
		if err != nil || len(problems) > 0 || certificate.Valid != mailflow.Yes {
			t.Fatalf("%s: %+v, problems %q, error %v", name, certificate, problems, err)
		}
		r, err := SimulateRenewal(cfg, certificate, c.targets, time.Now())
		if c.err != "" {
			if err == nil || !strings.Contains(err.Error(), c.err) {
				t.Errorf("%s: error %v, want %q", name, err, c.err)
			}
			continue
		}
		var got []string
		for _, s := range r.Simulations {
			got = append(got, s.Connector+"/"+s.Sender)
		}
		if strings.Join(got, " ") != c.want || r.Fallback != c.fallback || err != nil {
			t.Errorf("%s: %q, fallback %v, error %v; want %q, %v", name, got, r.Fallback, err, c.want, c.fallback)
		}
	}
}

func TestSimulateRenewalWithoutCertificateConnectors(t *testing.T) {
	cfg, file := renewal(t, "global: { ca_file: ca.pem }\ntenants: [{ name: contoso }]\n", "mail.contoso.com",
		time.Now().Add(time.Hour))
	certificate, _, err := ReadClientCertificate(t.Context(), cfg, file, "", time.Now())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := SimulateRenewal(cfg, certificate, nil, time.Now()); err == nil ||
		!strings.Contains(err.Error(), "--sender") {
		t.Errorf("error %v", err)
	}
}

func TestReadClientCertificateSaysWhatIsWrong(t *testing.T) {
	cfg, file := renewal(t, threeSenders, "mail.contoso.com", time.Now().Add(-time.Hour))
	certificate, problems, err := ReadClientCertificate(t.Context(), cfg, file, "", time.Now())
	if err != nil || certificate.Valid != mailflow.No || len(problems) == 0 {
		t.Errorf("an expired certificate: %+v, problems %q, error %v", certificate, problems, err)
	}
	if _, _, err := ReadClientCertificate(t.Context(), cfg, filepath.Join(t.TempDir(), "missing.pem"), "",
		time.Now()); err == nil {
		t.Error("no error for a missing file")
	}
}

// The ranges that a firewall does not admit are those of the endpoints file, or the built-in ones.
func TestReadFirewall(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}
	everything := write("everything", "0.0.0.0/0\n::/0\n")
	half := write("half", "40.92.0.0/16\n")
	endpoints := write("endpoints.json",
		`[{ "id": 10, "serviceArea": "Exchange", "tcpPorts": "25", "ips": ["40.92.0.0/15"] }]`)
	for name, c := range map[string]struct {
		file, endpoints string
		missing         string // "any", "" or the ranges
		warning         string
		err             string
	}{
		"everything is admitted": {everything, "", "", "", ""},
		"half of the published":  {half, endpoints, "40.92.0.0/15", "", ""},
		"half of the built-in":   {half, "", "any", "", ""},
		"lines without an address": {
			write("skipped", "hello\n0.0.0.0/0\nhello\n"), endpoints, "",
			"skipped: 2 lines have no address, network or range, and are skipped; the first is line 1\n", "",
		},
		"no such list":               {filepath.Join(dir, "none"), "", "", "", "--firewall: "},
		"a list of something else":   {write("words", "hello\n"), "", "", "", "--firewall: "},
		"no such endpoints":          {half, filepath.Join(dir, "none"), "", "", "--endpoints: "},
		"endpoints that are no JSON": {half, everything, "", "", "--endpoints: "},
	} {
		var warnings strings.Builder
		got, err := ReadFirewall(t.Context(), &config.Config{}, c.file, c.endpoints, &warnings)
		if !strings.HasSuffix(warnings.String(), c.warning) || (warnings.Len() > 0) != (c.warning != "") {
			t.Errorf("%s: warnings %q, want %q", name, warnings.String(), c.warning)
		}
		if c.err != "" {
			if err == nil || !strings.HasPrefix(err.Error(), c.err) {
				t.Errorf("%s: error %v", name, err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		var missing []string
		for _, one := range got.Missing {
			missing = append(missing, fmt.Sprint(one.Range))
		}
		if joined := strings.Join(missing, " "); joined != c.missing && (c.missing != "any" || joined == "") {
			t.Errorf("%s: missing %q", name, joined)
		}
	}
}

// A smart host that is in no configuration is probed with TLS; with a name, its certificate must contain it.
func TestUnconfiguredPath(t *testing.T) {
	cfg, _ := renewal(t, threeSenders, "mail.contoso.com", time.Now().Add(time.Hour))
	for host, c := range map[string]struct{ domain, want string }{
		"mail.contoso.com":      {"", "mail.contoso.com EncryptionOnly "},
		"192.0.2.25":            {"mail.contoso.com", "192.0.2.25 DomainValidation mail.contoso.com"},
		"mail.contoso.com:2525": {"", ""},
	} {
		p, err := UnconfiguredPath(cfg, host, c.domain, "prober.example")
		got := strings.Join([]string{p.NextHop, string(p.TLSSettings), p.TLSDomain}, " ")
		if c.want == "" {
			if err == nil || !strings.HasPrefix(err.Error(), "--smart-host: ") {
				t.Errorf("%s: error %v", host, err)
			}
		} else if err != nil || got != c.want {
			t.Errorf("%s: %q, error %v", host, got, err)
		}
	}
}

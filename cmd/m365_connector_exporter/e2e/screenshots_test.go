//go:build e2e

package e2e

import (
	"crypto/tls"
	"encoding/base64"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"m365_connector_exporter/probes/lab"
)

// TestScreenshots makes a picture of every page of the demo and of a provider with 300 tenants, and judges whether it
// can be read. If E2E_SCREENSHOTS names a folder, it keeps them for a person to look at, at three widths, light and
// dark.
func TestScreenshots(t *testing.T) {
	dir := t.TempDir()
	folder, widths, schemes := os.Getenv("E2E_SCREENSHOTS"), []int{400, 900, 1400}, []string{"light", "dark"}
	if folder == "" {
		folder, widths, schemes = dir, widths[:1], schemes[:1]
	}
	binary := os.Getenv(programVar)
	b := startBrowser(t)
	demo := runDaemon(t, binary, "demo")
	provider := runDaemon(t, binary, "serve", "--config.file="+providerConfig(t, dir))
	for _, d := range []*daemon{demo, provider} {
		eventually(t, time.Minute, func() string {
			if first, _ := d.metrics().value("exporter_first_round_complete"); first != 1 {
				return "the first round is not complete"
			}
			return ""
		})
	}
	time.Sleep(12 * time.Second) // the findings of the first round follow it within ten seconds
	const target = "path?probe=now&target="
	for name, d := range map[string]struct {
		*daemon
		tenant, failing, passing string
	}{
		"demo": {
			demo, "fabrikam", "contoso/One%20bad%20address%20of%20three/cluster.contoso.example",
			"contoso/To%20on-premises/mail.contoso.example",
		},
		"provider": {
			provider, providerTenant(7), providerTenant(7) + "/Through%20the%20gateway/gateway.provider.example",
			providerTenant(8) + "/To%20on-premises/mail8.example",
		},
	} {
		for page, address := range map[string]string{
			"status": "?", "filter": "?refresh=off&state=failed", "tenants": "tenants", "findings": "findings",
			"certificates": "certificates", "tenant": "tenant/" + url.PathEscape(d.tenant),
			"report":      "report/" + url.PathEscape(d.tenant),
			"attribution": "attribution?ip=198.51.100.7&mail-from=contoso.example", "reference": "reference?q=5.7.64",
			"failing": target + url.QueryEscape(d.failing), "passing": target + url.QueryEscape(d.passing),
			"runbook": "runbooks/M365ConnectorDown", "missing": "nowhere", "calendar": "calendar", "trips": "round-trips",
		} {
			for _, width := range widths {
				for _, scheme := range schemes {
					b.setViewport(width, scheme)
					b.open(d.url + "/" + address)
					b.checkReadable(t)
					b.capture(filepath.Join(folder, fmt.Sprintf("%s-%s-%d-%s.png", name, page, width, scheme)))
				}
			}
		}
	}
}

// capture writes a picture of the page, down to a depth that can be looked at.
func (b *browser) capture(file string) {
	b.t.Helper()
	var size struct{ Width, Height int }
	b.eval(`({Width: document.documentElement.clientWidth, Height: document.documentElement.scrollHeight})`, &size)
	var shot struct{ Data string }
	b.call("Page.captureScreenshot", map[string]any{
		"format": "png", "captureBeyondViewport": true,
		"clip": map[string]any{"x": 0, "y": 0, "width": size.Width, "height": min(size.Height, 4000), "scale": 1},
	}, &shot)
	picture, err := base64.StdEncoding.DecodeString(shot.Data)
	if err != nil {
		b.t.Fatal(err)
	}
	writeFile(b.t, file, string(picture), 0o600)
}

const providerTenants = 300

// providerTenant returns the name of a tenant of the provider.
func providerTenant(i int) string {
	names := []string{
		"Adatum", "Alpine Ski House", "Bellows & Sons", "Contoso", "Fourth Coffee", "Müller GmbH",
		"Northwind",
	}
	return fmt.Sprintf("%s %03d", names[i%len(names)], i)
}

// providerConfig starts the mail servers of 300 tenants with 742 paths and writes a configuration for them. Some
// certificates expire soon or have another name, and 20 tenants use a gateway that is down.
func providerConfig(t *testing.T, dir string) string {
	t.Helper()
	ca, err := lab.NewCA(time.Now())
	if err != nil {
		t.Fatal(err)
	}
	certs, zone := map[string]*tls.Certificate{}, strings.Builder{}
	zone.WriteString("gateway.provider.example. 60 IN A 127.20.9.9\n")
	for i := range 2 * providerTenants {
		name := fmt.Sprintf("mail%d.example", i)
		fmt.Fprintf(&zone, "%s. 60 IN A 127.20.%d.%d\n", name, i/250, 1+i%250)
		names := []string{name}
		if i%40 == 11 {
			names = []string{"old-name.example"}
		}
		cert, err := ca.Issue(lab.Leaf{
			Names: names, NotBefore: time.Now().AddDate(0, 0, -80), NotAfter: time.Now().AddDate(0, 0, 2+i%150),
		})
		if err != nil {
			t.Fatal(err)
		}
		certs[name] = &cert
	}
	resolver, err := lab.StartDNS(zone.String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(resolver.Close)
	writeFile(t, filepath.Join(dir, "root.pem"), string(ca.RootPEM()), 0o600)
	var config strings.Builder
	fmt.Fprintf(&config, `global: {ca_file: root.pem, allow_networks: [127.0.0.0/8], min_gap_per_address: 10ms}
probe: {interval: 20s, timeout: 3s, dns_servers: [%q], port: %d, hello_name: prober.example}
tenants:
`, resolver.Addr(), serveMail(t, certs))
	closed := freePort(t)
	for i := range providerTenants {
		writeProviderTenant(&config, i, closed)
	}
	file := filepath.Join(dir, "provider.yaml")
	writeFile(t, file, config.String(), 0o600)
	return file
}

func writeProviderTenant(config *strings.Builder, i, closed int) {
	fmt.Fprintf(config, "- name: %q\n  accepted_domains: [{domain_name: t%d.example, default: true}]\n"+
		"  outbound_connectors:\n", providerTenant(i), i)
	connector := func(name, hosts, more string) {
		fmt.Fprintf(config, "  - {name: %s, connector_type: OnPremises, use_mx_record: false, smart_hosts: [%s], "+
			"tls_settings: CertificateValidation, recipient_domains: [t%d.example], validation_recipients: [p@t%d.example]%s}\n",
			name, hosts, i, i, more)
	}
	connector("To on-premises", fmt.Sprintf("mail%d.example", i), "")
	if i%4 == 0 {
		connector("To the branch offices",
			fmt.Sprintf("mail%d.example, mail%d.example", providerTenants+i, providerTenants+i+1), "")
	}
	if i%15 == 7 {
		connector("Through the gateway", "gateway.provider.example", fmt.Sprintf(", probe: {port: %d}", closed))
	}
	if i < 272 {
		fmt.Fprintf(config, "  inbound_connectors:\n  - {name: From on-premises, connector_type: OnPremises, "+
			"sender_ip_addresses: [198.51.100.%d], probe: {enabled: false}}\n", i%250)
	}
}

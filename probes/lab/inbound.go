package lab

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// exchangeOnlineZone is the domain of the fake Exchange Online, as mail.protection.outlook.com is of the real one.
const exchangeOnlineZone = "mail.protection.lab.example"

// inboundPath is an inbound connector of a tenant with a sender that uses it, and what a watcher must find.
type inboundPath struct {
	connector       string
	certificateName string   // tls_sender_certificate_name; "" for a connector by address
	addresses       []string // sender_ip_addresses
	sender          string
	certificate     string // the name in the sender's certificate; "" for none
	probe           string // more keys of its probe
	outcome         string
	stage, reason   string
}

// inboundPaths are the inbound connectors of each tenant. They all lead to one server, the fake Exchange Online.
var inboundPaths = map[string][]inboundPath{
	"contoso": {
		{
			connector: "From on-premises", certificateName: "*.contoso.example",
			sender: "edge-1", certificate: "mail.contoso.example", probe: ", negative_controls: true", outcome: "passed",
		},
	},
	"fabrikam": {
		{
			connector: "From gateway", certificateName: "mail.fabrikam.example",
			sender: "renewed gateway", certificate: "gateway.fabrikam.example",
			outcome: "failed", stage: "recipient", reason: "tenant_attribution",
		},
		{connector: "Scanner relay", addresses: []string{"198.51.100.0/28"}, sender: "scanner", outcome: "passed"},
	},
	"tailspin": {
		{
			connector: "Third-party relay", certificateName: "relay.vendor.example",
			sender: "vendor", certificate: "relay.vendor.example", outcome: "passed",
		},
		{
			connector: "Shared gateway", addresses: []string{"198.51.100.8/29"},
			sender: "hosted gateway", outcome: "passed",
		},
	},
}

// startExchangeOnline starts the fake Exchange Online.
func (w *World) startExchangeOnline() error {
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(w.ca.RootPEM())
	certificate, err := w.leaf(-30, 300, nil, exchangeOnlineZone, "*."+exchangeOnlineZone)
	if err != nil {
		return err
	}
	if w.sink, err = w.freeAddress(); err != nil {
		return err
	}
	var tenants []FakeTenant
	for _, name := range []string{"contoso", "fabrikam", "tailspin"} {
		t := FakeTenant{Name: name, Domains: []string{name + ".example"}, ID: tripTenants[name]}
		for _, a := range inboundPaths[name] {
			c := FakeConnector{Name: a.connector, Certificate: a.certificateName}
			for _, prefix := range a.addresses {
				c.Addresses = append(c.Addresses, netip.MustParsePrefix(prefix))
			}
			t.Connectors = append(t.Connectors, c)
		}
		t.Outbound = w.tripRoute(name)
		tenants = append(tenants, t)
	}
	w.exchangeOnline, err = StartFakeExchangeOnline(FakeExchangeOnlineOptions{
		Certificate: *certificate, ClientRoots: roots, Tenants: tenants, Relay: &RelayOptions{Now: time.Now},
	})
	if err == nil {
		w.closers = append(w.closers, w.exchangeOnline.Close)
		w.startTrips()
	}
	return err
}

// addInbound writes the current tenant's inbound connectors and senders.
func (w *World) addInbound() error {
	host := w.tenant + "-example." + exchangeOnlineZone
	w.record(w.tenant+".example", "MX", "0 "+host+".")
	w.record(host, "A", "127.0.0.1")
	var connectors, senders strings.Builder
	for _, a := range inboundPaths[w.tenant] {
		fmt.Fprintf(&connectors, "      - name: %s\n        connector_type: OnPremises\n"+
			"        sender_domains: [\"*\"]\n", a.connector)
		if a.certificateName != "" {
			connectors.WriteString("        require_tls: true\n")
			fmt.Fprintf(&connectors, "        tls_sender_certificate_name: %q\n", a.certificateName)
		}
		if len(a.addresses) > 0 {
			fmt.Fprintf(&connectors, "        sender_ip_addresses: [%s]\n", strings.Join(a.addresses, ", "))
		}
		fmt.Fprintf(&senders, "      - name: %s\n        connector: %s\n"+
			"        mail_from_domains: [%s.example]\n        probe: { port: %d%s }\n",
			a.sender, a.connector, w.tenant, w.exchangeOnline.Port(), a.probe)
		if len(a.addresses) > 0 {
			fmt.Fprintf(&senders, "        addresses: [%s]\n", strings.Join(a.addresses, ", "))
		}
		if a.certificate != "" {
			if err := w.addCertificateFile(a.certificate); err != nil {
				return err
			}
			fmt.Fprintf(&senders, "        certificate: { file: certs/%s.pem }\n        present_certificate: true\n"+
				"        recipient: who@elsewhere.example\n", a.certificate)
		}
		found := Expectation{w.tenant, a.connector, a.sender, a.outcome, a.stage, a.reason}
		w.expectInbound = append(w.expectInbound, found)
	}
	fmt.Fprintf(&w.yaml, "    inbound_connectors:\n%s    senders:\n%s", connectors.String(), senders.String())
	return nil
}

// addCertificateFile issues a sender's certificate, which WriteConfig writes with its key.
func (w *World) addCertificateFile(name string) error {
	certificate, err := w.leaf(-30, 170, nil, name)
	if err != nil {
		return err
	}
	text, err := pemOf(certificate)
	if err != nil {
		return err
	}
	w.files[filepath.Join("certs", name+".pem")] = text
	return nil
}

// pemOf returns a certificate's key and chain in PEM.
func pemOf(c *tls.Certificate) ([]byte, error) {
	key, err := x509.MarshalPKCS8PrivateKey(c.PrivateKey)
	if err != nil {
		return nil, fmt.Errorf("lab: %w", err)
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key})
	for _, der := range c.Certificate {
		text = append(text, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})...)
	}
	return text, nil
}

func (w *World) writeFiles(dir string) error {
	for name, content := range w.files {
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			return fmt.Errorf("lab: %w", err)
		}
		if err := os.WriteFile(file, content, 0o600); err != nil {
			return fmt.Errorf("lab: %w", err)
		}
	}
	return nil
}

package lab

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"m365_connector_exporter/probes/lab/microsoft365"
)

// Tenants that are read from Exchange Online itself, and the application that reads them.
const (
	northwindID = "4f1b0000-0000-4000-8000-000000000001"
	woodgroveID = "4f1b0000-0000-4000-8000-000000000002"
	readerID    = "4f1b0000-0000-4000-8000-00000000000f"
)

// live adds two tenants that are read from the fake of Entra ID and the admin API: northwind, and woodgrove, where the
// application has its permission but no directory role.
func (w *World) live() error {
	application, err := w.leaf(-1, 90, func(l *Leaf) { l.SelfSigned, l.RSABits = true, 2048 }, "reader.demo.example")
	if err != nil {
		return err
	}
	if w.files["reader.pem"], err = pemOf(application); err != nil {
		return err
	}
	host, err := w.leaf(-1, 90, nil, "localhost")
	if err != nil {
		return err
	}
	mail, err := w.leaf(-10, 80, nil, "mail.northwind.example")
	if err != nil {
		return err
	}
	server, err := w.mail(MailOptions{Certificate: mail})
	if err != nil {
		return err
	}
	app := microsoft365.App{
		ID: readerID, Certificates: [][]byte{application.Certificate[0]}, AppRole: true, DirectoryRole: true,
	}
	half := app
	half.DirectoryRole = false
	w.microsoft365, err = microsoft365.Start(microsoft365.Options{Certificate: *host, Tenants: []microsoft365.Tenant{
		{
			ID: northwindID, Domain: "northwind.onmicrosoft.com", Apps: []microsoft365.App{app}, Sidecars: true,
			Records: northwind(w.now.AddDate(0, 0, -7)),
		},
		{ID: woodgroveID, Domain: "woodgrove.onmicrosoft.com", Apps: []microsoft365.App{half}},
	}})
	if err != nil {
		return err
	}
	w.closers = append(w.closers, w.microsoft365.Close)
	w.record("mail.northwind.example", "A", "127.0.0.1")
	w.writeLive(server.Port())
	return nil
}

// northwind are the records of a tenant with a connector in each direction, and a rule that names a connector which was
// deleted.
func northwind(validated time.Time) map[string][]json.RawMessage {
	const domain = "northwind.example"
	return map[string][]json.RawMessage{
		"Get-AcceptedDomain": {microsoft365.AcceptedDomain(domain, microsoft365.Properties{"Default": true})},
		"Get-InboundConnector": {microsoft365.Inbound("From on-premises", microsoft365.Properties{
			"TlsSenderCertificateName": "*." + domain,
		})},
		"Get-OutboundConnector": {microsoft365.Outbound("To on-premises", microsoft365.Properties{
			"RecipientDomains": []string{domain}, "SmartHosts": []string{"mail." + domain},
			"TlsSettings": "DomainValidation", "TlsDomain": "mail." + domain,
			"LastValidationTimestamp": validated.UTC().Format("2006-01-02T15:04:05.0000000"),
		})},
		"Get-OrganizationConfig": {
			microsoft365.OrganizationConfig(domain, microsoft365.Properties{"RejectDirectSend": true}),
		},
		"Get-TransportRule": {microsoft365.TransportRule("Encrypt to partners", microsoft365.Properties{
			"RouteMessageOutboundConnector": "To gateway",
		})},
	}
}

// writeLive writes the tenants of the fake into the configuration, and what a watcher must find about their paths.
func (w *World) writeLive(port int) {
	url := strings.Replace(w.microsoft365.URL(), "127.0.0.1", "localhost", 1)
	fmt.Fprintf(&w.shared, "exchange_online:\n  client_id: %s\n  certificate: { file: reader.pem }\n"+
		"  ca_file: ca.pem\n  authority: %[2]s\n  endpoint: %[2]s\n  interval: 15m\n", readerID, url)
	fmt.Fprintf(&w.yaml, "  - name: northwind\n    exchange_online: { tenant_id: %s }\n    outbound_connectors:\n"+
		"      - name: To on-premises\n        probe: { port: %d }\n", northwindID, port)
	fmt.Fprintf(&w.yaml, "  - name: woodgrove\n    exchange_online: { tenant_id: %s }\n", woodgroveID)
	w.expectLive = []Expectation{
		{Tenant: "northwind", Connector: "To on-premises", Path: "mail.northwind.example", Outcome: "passed"},
	}
}

// Microsoft365 returns the fake of Entra ID and the admin API from which northwind and woodgrove are read.
func (w *World) Microsoft365() *microsoft365.Server { return w.microsoft365 }

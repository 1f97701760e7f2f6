//go:build e2e

package e2e

import (
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"m365_connector_exporter/probes/lab"
	"m365_connector_exporter/probes/lab/microsoft365"
)

// cloudClient is the application that reads tenants.
const cloudClient = "c0000000-0000-4000-8000-000000000001"

// cloud is a fake of Entra ID and of the Exchange Online admin API, with an authority of its own.
type cloud struct {
	*microsoft365.Server

	t   testing.TB
	w   *world
	url string
}

// startCloud starts a fake with a number of tenants, t0, t1 and so on, which the application may read. It writes the
// authority to cloud.pem and the application's certificate with its key to app.pem.
func (w *world) startCloud(tenants int) *cloud {
	w.t.Helper()
	ca, err := lab.NewCA(time.Now())
	if err != nil {
		w.t.Fatal(err)
	}
	valid := lab.Leaf{NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().AddDate(0, 0, 30)}
	host, application := valid, valid
	host.Names = append(microsoft365.Hosts(), "localhost")
	application.CommonName, application.SelfSigned, application.RSABits = "Connector exporter", true, 2048
	server, err := ca.Issue(host)
	if err != nil {
		w.t.Fatal(err)
	}
	app, err := ca.Issue(application)
	if err != nil {
		w.t.Fatal(err)
	}
	key, err := x509.MarshalPKCS8PrivateKey(app.PrivateKey)
	if err != nil {
		w.t.Fatal(err)
	}
	w.write("cloud.pem", string(ca.RootPEM()))
	w.write("app.pem", string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key}))+
		string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: app.Certificate[0]})))
	c := &cloud{t: w.t, w: w}
	var all []microsoft365.Tenant
	for i := range tenants {
		all = append(all, cloudTenant(i, app.Certificate[0]))
	}
	c.Server, err = microsoft365.Start(microsoft365.Options{Certificate: server, Tenants: all})
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(c.Close)
	c.url = strings.Replace(c.URL(), "127.0.0.1", "localhost", 1)
	return c
}

// cloudID returns the ID of a tenant.
func cloudID(i int) string { return fmt.Sprintf("70000000-0000-4000-8000-%012d", i) }

func cloudTenant(i int, certificate []byte) microsoft365.Tenant {
	domain := fmt.Sprintf("t%d.example", i)
	one := func(r json.RawMessage) []json.RawMessage { return []json.RawMessage{r} }
	return microsoft365.Tenant{
		ID: cloudID(i), Domain: fmt.Sprintf("t%d.onmicrosoft.com", i), Region: "eur01", Sidecars: i%2 == 0,
		Apps: []microsoft365.App{{
			ID: cloudClient, Certificates: [][]byte{certificate}, AppRole: true, DirectoryRole: true,
		}},
		Records: map[string][]json.RawMessage{
			"Get-AcceptedDomain": {
				microsoft365.AcceptedDomain(domain, microsoft365.Properties{"Default": true}),
				microsoft365.AcceptedDomain(fmt.Sprintf("t%d.onmicrosoft.com", i), microsoft365.Properties{"InitialDomain": true}),
			},
			"Get-InboundConnector": one(microsoft365.Inbound("From on-premises", microsoft365.Properties{
				"TlsSenderCertificateName": "*." + domain,
			})),
			"Get-OutboundConnector": {
				cloudOutbound("To on-premises", domain),
				microsoft365.Outbound("New", microsoft365.Properties{"TestMode": true, "SmartHosts": []string{"new." + domain}}),
			},
			"Get-OrganizationConfig": one(microsoft365.OrganizationConfig(domain, nil)),
			"Get-TransportRule": one(microsoft365.TransportRule("Route", microsoft365.Properties{
				"RouteMessageOutboundConnector": "To on-premises",
			})),
			"Get-OnPremServerReportInfo":                  one(microsoft365.OnPremServer("ex1."+domain, nil)),
			"Get-DnssecStatusForVerifiedDomain " + domain: one(microsoft365.DnssecStatus(nil)),
		},
	}
}

// cloudOutbound returns an outbound connector that is turned off, so that nothing is probed.
func cloudOutbound(name, domain string) json.RawMessage {
	return microsoft365.Outbound(name, microsoft365.Properties{
		"Enabled": false, "RecipientDomains": []string{domain}, "SmartHosts": []string{"mail." + domain},
		"TlsSettings": "DomainValidation", "TlsDomain": "mail." + domain,
	})
}

// change changes a tenant.
func (c *cloud) change(i int, change func(*microsoft365.Tenant)) {
	c.t.Helper()
	if err := c.Update(cloudID(i), change); err != nil {
		c.t.Fatal(err)
	}
}

// config writes a configuration that reads tenants of the fake. The section exchange_online gets the keys in shared,
// and the authority and endpoint of the fake unless shared names an authority. more has additional keys by tenant
// number.
func (c *cloud) config(name string, tenants int, shared string, more map[int]string) string {
	c.t.Helper()
	var b strings.Builder
	fmt.Fprintf(&b, "global: {allow_networks: [127.0.0.0/8], state_file: %s.state}\nexchange_online:\n  client_id: %s\n"+
		"  ca_file: cloud.pem\n  certificate: {file: app.pem}\n%s", name, cloudClient, shared)
	if !strings.Contains(shared, "authority: ") {
		fmt.Fprintf(&b, "  authority: %[1]s\n  endpoint: %[1]s\n", c.url)
	}
	b.WriteString("tenants:\n")
	for i := range tenants {
		fmt.Fprintf(&b, "- name: t%d\n  exchange_online: {tenant_id: %s%s}\n", i, cloudID(i), more[i])
	}
	return c.w.write(name, b.String())
}

// exports writes the records of a tenant as deploy/powershell exports them, and returns the folder.
func (c *cloud) exports(i int) string {
	c.t.Helper()
	tenant, err := c.Tenant(cloudID(i))
	if err != nil {
		c.t.Fatal(err)
	}
	files := map[string][]json.RawMessage{}
	for _, cmdlet := range []string{ // without any record
		"Get-BlockedConnector", "Get-TenantExemptionInfo", "Get-OutboundConnectorReport",
		"Get-IPv6StatusForAcceptedDomain", "Get-SmtpDaneInboundStatus",
	} {
		files[cmdlet] = nil
	}
	for name, records := range tenant.Records {
		cmdlet, domain, perDomain := strings.Cut(name, " ")
		for _, record := range records {
			if perDomain {
				record = withDomain(c.t, record, cmdlet, domain)
			}
			files[cmdlet] = append(files[cmdlet], record)
		}
	}
	folder := filepath.Join("powershell", fmt.Sprintf("t%d", i))
	if err := os.MkdirAll(filepath.Join(c.w.dir, folder), 0o700); err != nil {
		c.t.Fatal(err)
	}
	for cmdlet, records := range files {
		text := "[]"
		if len(records) > 0 {
			text = string(microsoft365.PowerShell(records))
		}
		c.w.write(filepath.Join(folder, strings.TrimPrefix(cmdlet, "Get-")+".json"), text)
	}
	return filepath.Join(c.w.dir, folder)
}

// withDomain adds to a record what the script adds, because not every record has it.
func withDomain(t testing.TB, record json.RawMessage, cmdlet, domain string) json.RawMessage {
	t.Helper()
	properties := microsoft365.Properties{}
	if err := json.Unmarshal(record, &properties); err != nil {
		t.Fatal(err)
	}
	properties["Cmdlet"], properties["DomainName"] = cmdlet, domain
	return microsoft365.Other(properties)
}

// checkNoSecret fails the test if a text has a token, an assertion or a secret.
func (c *cloud) checkNoSecret(what, text string) {
	c.t.Helper()
	for _, secret := range c.Sensitive() {
		if strings.Contains(text, secret) {
			c.t.Errorf("%s has a token, an assertion or a secret", what)
			return
		}
	}
	if strings.Contains(text, "Bearer ") || strings.Contains(text, "PRIVATE KEY") {
		c.t.Errorf("%s has a credential", what)
	}
}

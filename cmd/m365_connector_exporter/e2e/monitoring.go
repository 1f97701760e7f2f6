//go:build e2e

package e2e

import (
	"fmt"
	"slices"
	"testing"
	"time"
)

// monitoring is a Postfix, an Exim, the exporter that probes them, and a Prometheus with an Alertmanager.
type monitoring struct {
	*world
	services   []postfixService
	daemon     *daemon
	prometheus *prometheus
	inbox      *inbox
}

// monitoringConfig has two connectors with two hosts each, two with a single host, a sender with a certificate and one
// without. The connectors of fabrikam come from exports.
const monitoringConfig = `global: { ca_file: %q, allow_networks: [127.0.0.0/8],
    exchange_online_hosts: [frontdoor.contoso.test], min_gap_per_address: 10ms }
probe: { interval: 3s, timeout: 2s, hello_name: prober.contoso.test, ip_protocol: ip4 }
suppressions:
- { check: ip_authentication_only, tenant: contoso, reason: "a scanner", owner: mail-team, expires: %s }
tenants:
- name: contoso
  accepted_domains: [{ domain_name: contoso.test, domain_type: Authoritative, default: true }]
  outbound_connectors:
  - { name: Validated, connector_type: OnPremises, use_mx_record: false, smart_hosts: [%s, %s],
      tls_settings: CertificateValidation, probe: { port: %d } }
  - { name: Encrypted, connector_type: OnPremises, use_mx_record: false, smart_hosts: [%s, %s],
      tls_settings: EncryptionOnly, probe: { port: %d } }
  - { name: Single, connector_type: OnPremises, use_mx_record: false, smart_hosts: [%s], tls_settings: EncryptionOnly,
      validation_recipients: [probe@contoso.test], probe: { port: %d } }
  - { name: Exim, connector_type: OnPremises, use_mx_record: false, smart_hosts: [%[15]s], tls_settings: EncryptionOnly,
      validation_recipients: [probe@contoso.test], probe: { port: %[16]d } }
  inbound_connectors:
  - { name: Hybrid, connector_type: OnPremises, require_tls: true, tls_sender_certificate_name: "*.contoso.test" }
  - { name: Scanner, connector_type: OnPremises, sender_domains: ["*"], sender_ip_addresses: [198.51.100.10] }
  senders:
  - { name: edge, connector: Hybrid, mail_from_domains: [contoso.test], target: frontdoor.contoso.test,
      certificate: { file: %[11]q }, probe: { port: %[12]d, connect_to: [%[13]s] } }
  - { name: scanner, connector: Scanner, mail_from_domains: [contoso.test], addresses: [198.51.100.10],
      target: frontdoor.contoso.test, probe: { port: %[12]d, connect_to: [%[13]s] } }
- name: fabrikam
  probe: { port: %[14]d }
  exports: [fabrikam.json]
  senders:
  - { name: hub, connector: In, mail_from_domains: [fabrikam.test], addresses: [198.51.100.20],
      target: frontdoor.contoso.test, probe: { port: %[12]d, connect_to: [%[13]s] } }
`

// monitoredPaths is the number of paths in monitoringConfig: one per next hop and per sender.
const monitoredPaths = 10

// fabrikam is the tenant's export; its inbound connector lists addresses.
const fabrikam = `{"outbound_connectors": [{"Name": "Out", "ConnectorType": "OnPremises", "Enabled": true,
    "UseMXRecord": false, "SmartHosts": [%q],
  "TlsSettings": "EncryptionOnly", "RecipientDomains": ["fabrikam.test"], "IsValidated": true,
      "LastValidationTimestamp": "/Date(%[3]d)/",
  "WhenChangedUTC": "/Date(%[3]d)/"}],
 "inbound_connectors": [{"Name": "In", "ConnectorType": "OnPremises", "Enabled": true, "SenderDomains": ["smtp:*;1"],
     "SenderIPAddresses": [%[2]s],
  "WhenChangedUTC": "/Date(%[3]d)/"}],
 "accepted_domains": [{"DomainName": "fabrikam.test", "DomainType": "Authoritative", "Default": true}]}
`

// newMonitoring starts everything without faults and returns when no alert fires.
func newMonitoring(t *testing.T) *monitoring {
	t.Helper()
	m := &monitoring{world: smallWorld(t), inbox: openInbox(t)}
	validated, encrypted := freePort(t), freePort(t)
	add := func(name string, port int) {
		s := m.serverAt(name, fmt.Sprintf("127.0.1.%d", 1+len(m.servers)), port)
		m.services = append(m.services, postfixService{server: s, cert: m.issue(leaf{name: s.host()}, name)})
	}
	add("validated1", validated)
	add("validated2", validated)
	add("encrypted1", encrypted)
	add("encrypted2", encrypted)
	add("single", freePort(t))
	add("frontdoor", freePort(t))
	add("fabrikam", freePort(t))
	m.postfix = startPostfix(t, m.dir, m.services)
	exim := m.server("exim")
	startExim(t, m.dir, exim, m.issue(leaf{name: exim.host()}, "exim"), eximHealthy)
	m.export(`"198.51.100.20"`)
	m.daemon = m.serve(m.write("monitoring.yaml", m.configuration()))
	eventually(t, time.Minute, func() string {
		if done, _ := m.daemon.metrics().value("exporter_first_round_complete"); done != 1 {
			return "the first round is not complete"
		}
		return ""
	})
	m.prometheus = startPrometheus(t, m.dir, m.daemon.url[len("http://"):], startAlertmanager(t, m.dir, m.inbox.url))
	m.awaitNoAlerts()
	return m
}

func (m *monitoring) configuration() string {
	s := m.servers
	client := m.ca.issue(leaf{name: "mail.contoso.test", clientAuth: true})
	return fmt.Sprintf(monitoringConfig, m.ca.rootFile, time.Now().AddDate(0, 2, 0).Format(time.DateOnly),
		s["validated1"].addr, s["validated2"].addr, s["validated1"].port, s["encrypted1"].addr, s["encrypted2"].addr,
		s["encrypted1"].port,
		s["single"].addr, s["single"].port, client.chain, s["frontdoor"].port, s["frontdoor"].addr, s["fabrikam"].port,
		s["exim"].addr, s["exim"].port)
}

// export writes fabrikam's export with the addresses of its inbound connector. The daemon is not notified.
func (m *monitoring) export(addresses string) {
	m.t.Helper()
	m.write("fabrikam.json", fmt.Sprintf(fabrikam, m.servers["fabrikam"].addr, addresses,
		time.Now().Add(-time.Hour).UnixMilli()))
}

// change changes Postfix services of the running instance by name. A nil change stops one. The original services are
// kept.
func (m *monitoring) change(changes map[string]func(*postfixService)) {
	m.t.Helper()
	var now []postfixService
	for _, s := range m.services {
		change, named := changes[s.name]
		if named && change == nil {
			continue
		}
		s.params = map[string]string{}
		if named {
			change(&s)
		}
		now = append(now, s)
	}
	m.postfix.reload(now)
}

// restore restores the original services, table and export.
func (m *monitoring) restore() {
	m.t.Helper()
	m.postfix.reload(m.services)
	writeFile(m.t, eximTable(m.dir, m.servers["exim"]), "x: accept\n", 0o644)
	m.export(`"198.51.100.20"`)
}

// awaitNoAlerts returns when all paths pass in Prometheus and no alert fires or is pending.
func (m *monitoring) awaitNoAlerts() {
	m.t.Helper()
	eventually(m.t, limit, func() string {
		passing, err := m.prometheus.query("m365_connector_probe_success == 1")
		if err != nil || passing != monitoredPaths {
			return fmt.Sprintf("Prometheus: %d of %d paths pass: %v", passing, monitoredPaths, err)
		}
		if firing := m.prometheus.firing(); len(firing) > 0 {
			return fmt.Sprintf("alerts in Prometheus: %q, want none", firing)
		}
		return ""
	})
}

// limit is the time within which an alert must fire or resolve.
const limit = time.Minute

// awaitFiring returns when exactly these alerts are active in Prometheus.
func (m *monitoring) awaitFiring(want []string) {
	m.t.Helper()
	eventually(m.t, limit, func() string {
		if got := m.prometheus.firing(); !slices.Equal(got, want) {
			return fmt.Sprintf("alerts in Prometheus: %q, want %q", got, want)
		}
		return ""
	})
}

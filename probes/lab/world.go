package lab

import (
	"crypto/ed25519"
	"crypto/tls"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"m365_connector_exporter/probes/lab/microsoft365"
)

// Expectation is what a watcher must find about one path of the world.
type Expectation struct {
	Tenant, Connector, Path string
	Outcome                 string // passed, failed or inconclusive; "" for a path that is not probed
	Stage, Reason           string // if it does not pass
}

// WorldOptions configure a World.
type WorldOptions struct{ Now time.Time }

// World is five tenants with their mail servers: contoso, fabrikam and tailspin are configured, northwind and woodgrove
// are read from a fake of Exchange Online.
type World struct {
	ca             *CA
	dns            *DNS
	closers        []func()
	zone           strings.Builder
	signed         []string // zones that count as signed with DNSSEC
	yaml           strings.Builder
	shared         strings.Builder // keys of the configuration before its tenants
	expect         []Expectation
	paths          []outboundPath // those of expect, in the same order
	now            time.Time
	tenant         string
	hybrid         *Mail
	exchangeOnline *FakeExchangeOnline
	expectInbound  []Expectation
	expectLive     []Expectation
	microsoft365   *microsoft365.Server
	sink           string // host:port where the watcher receives round trips and TLS reports
	reportKey      ed25519.PrivateKey
	policies       policyHost
	files          map[string][]byte      // those that the configuration names, by their path relative to it
	usable         func(host string) bool // reports whether a server can listen on a loopback address
}

// StartWorld starts all servers. The caller must call Close.
//
// Linux and Windows have all of 127.0.0.0/8, macOS only 127.0.0.1: what needs more addresses is left out there, or
// uses ::1.
func StartWorld(o WorldOptions) (*World, error) { return startWorld(o, usable) }

// usable reports whether a server can listen on a loopback address.
func usable(host string) bool {
	l, err := net.Listen("tcp", net.JoinHostPort(host, "0")) //nolint:noctx // loopback
	if err != nil {
		return false
	}
	_ = l.Close()
	return true
}

func startWorld(o WorldOptions, usable func(string) bool) (*World, error) {
	w := &World{now: o.Now, usable: usable, files: map[string][]byte{}}
	w.policies.policies = map[string]string{}
	var err error
	if w.ca, err = NewCA(o.Now); err != nil {
		return nil, err
	}
	for _, build := range []func() error{
		w.startExchangeOnline, w.contoso, w.addInbound, w.fabrikam, w.addInbound, w.tailspin, w.addInbound,
		w.live, w.startPolicies, w.addReporter,
	} {
		if err := build(); err != nil {
			w.Close()
			return nil, err
		}
	}
	if w.dns, err = StartDNS(w.zone.String()); err != nil {
		w.Close()
		return nil, err
	}
	for _, zone := range w.signed {
		w.dns.Sign(zone, true)
	}
	return w, nil
}

// Expect returns what a watcher must find about each path.
func (w *World) Expect() []Expectation { return slices.Concat(w.expect, w.expectInbound, w.expectLive) }

// ExchangeOnline returns the fake Exchange Online that all inbound paths lead to.
func (w *World) ExchangeOnline() *FakeExchangeOnline { return w.exchangeOnline }

// Messages returns the messages that the healthy hybrid server received.
func (w *World) Messages() []string { return w.hybrid.Messages() }

// Close stops all servers.
func (w *World) Close() {
	for _, closer := range w.closers {
		closer()
	}
	if w.dns != nil {
		w.dns.Close()
	}
}

// The list of a firewall, which lacks the IPv6 range, and ranges of Exchange Online as Microsoft publishes them.
const (
	firewallList    = "# admitted to port 25\n192.0.2.0/24\n"
	publishedRanges = `[{"serviceArea":"Exchange","tcpPorts":"25","ips":["192.0.2.0/24","2001:db8:25::/48"]}]` + "\n"
)

// WriteConfig writes a configuration that watches the world, with its certificates, into a folder. It returns the
// file.
func (w *World) WriteConfig(dir string) (string, error) {
	root := filepath.Join(dir, "ca.pem")
	if err := os.WriteFile(root, w.ca.RootPEM(), 0o600); err != nil {
		return "", fmt.Errorf("lab: %w", err)
	}
	w.files["firewall.txt"], w.files["endpoints.json"] = []byte(firewallList), []byte(publishedRanges)
	if err := w.writeFiles(dir); err != nil {
		return "", err
	}
	text := fmt.Sprintf(`# Written by the demo: servers on loopback, some of them deliberately broken.
global:
  ca_file: ca.pem
  trust_stores: { partner_gateway: ca.pem }
  allow_networks: [127.0.0.0/8, "::1/128"]
  min_gap_per_address: 20ms
  max_concurrent_per_address: 16
  state_file: state.json
  exchange_online_hosts: ["*.%s"]
firewall: { file: firewall.txt, endpoints: endpoints.json }
probe:
  interval: 5s
  timeout: 3s
  hello_name: demo.example
  dns_servers: ["%s"]
suppressions:
  - { check: ip_authentication_only, tenant: fabrikam, connector: Scanner relay,
      reason: scanners cannot present a certificate, owner: mail-team, expires: %s }
%stenants:
%s`, exchangeOnlineZone, w.dns.Addr(), w.now.AddDate(0, 0, 60).Format(time.DateOnly), w.shared.String(),
		w.yaml.String())
	file := filepath.Join(dir, "config.yaml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		return "", fmt.Errorf("lab: %w", err)
	}
	return file, nil
}

// beginTenant starts a tenant's section of the configuration.
func (w *World) beginTenant(tenant string) {
	w.tenant = tenant
	exports := ""
	if tenant == exportingTenant {
		exports = w.exportReports(tenant)
	}
	fmt.Fprintf(&w.yaml, "  - name: %[1]s\n%[2]s    accepted_domains:\n"+
		"      - { domain_name: %[1]s.example, default: true }\n    outbound_connectors:\n", tenant, exports)
}

// record adds a DNS record.
func (w *World) record(name, kind, data string) {
	fmt.Fprintf(&w.zone, "%s. 60 IN %s %s\n", name, kind, data)
}

// leaf issues a certificate that is valid between two numbers of days from now.
func (w *World) leaf(from, until int, change func(*Leaf), names ...string) (*tls.Certificate, error) {
	l := Leaf{Names: names, NotBefore: w.now.AddDate(0, 0, from), NotAfter: w.now.AddDate(0, 0, until)}
	if change != nil {
		change(&l)
	}
	certificate, err := w.ca.Issue(l)
	return &certificate, err
}

// mail starts a mail server that ends with the world.
func (w *World) mail(o MailOptions) (*Mail, error) {
	m, err := StartMail(o)
	if err == nil {
		w.closers = append(w.closers, m.Close)
	}
	return m, err
}

//go:build e2e

package e2e

import (
	"crypto/tls"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-smtp"

	"m365_connector_exporter/probes/lab"
)

// The configuration: tenants × connectors × smart hosts.
const (
	restTenants    = 10
	restConnectors = 100
	restHosts      = 10
	restPaths      = restTenants * restConnectors * restHosts
	restLimit      = 150e6           // bytes resident
	firstRounds    = 3 * time.Minute // longer than first rounds are spread over, until memory is stable
)

// TestManyPathsAtRest runs the daemon with 10,000 paths, each with its own host, address and certificate. It measures
// the resident memory after the first rounds, at an interval of five minutes. GOGC is that of the systemd unit.
func TestManyPathsAtRest(t *testing.T) {
	setting := regexp.MustCompile(`(?m)^Environment=GOGC=(\d+)$`).FindStringSubmatch(read(t,
		"../../../deploy/systemd/m365_connector_exporter.service"))
	if setting == nil {
		t.Fatal("the systemd unit sets no GOGC")
	}
	t.Setenv("GOGC", setting[1])
	dir := t.TempDir()
	ca, err := lab.NewCA(time.Now())
	if err != nil {
		t.Fatal(err)
	}
	port := startMailServer(t, ca)
	var zone strings.Builder
	for i := range restPaths {
		fmt.Fprintf(&zone, "h%d.example. 60 IN A 127.20.%d.%d\n", i, i/250, 1+i%250)
	}
	names, err := lab.StartDNS(zone.String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(names.Close)
	root := filepath.Join(dir, "root.pem")
	writeFile(t, root, string(ca.RootPEM()), 0o600)
	file := filepath.Join(dir, "rest.yaml")
	writeFile(t, file, restConfig(root, names.Addr(), port), 0o600)

	d := runDaemon(t, os.Getenv(programVar), "serve", "--config.file="+file)
	time.Sleep(firstRounds)
	all := d.residentOver(90 * time.Second)
	rest := all[len(all)/2]
	t.Logf("%d paths, GOGC=%s: %.0f MB resident at rest (%.0f to %.0f), peak %.0f MB",
		restPaths, setting[1], rest/1e6, all[0]/1e6, all[len(all)-1]/1e6, d.mostResident()/1e6)
	passed := 0
	for _, s := range d.metrics().find("probe_success") {
		passed += int(s.value)
	}
	if passed < restPaths*95/100 { // a busy machine may miss some
		t.Errorf("%d of %d paths pass", passed, restPaths)
	}
	t.Logf("%.0f MB after a scrape", float64(d.resident())/1e6)
	if rest > restLimit {
		t.Errorf("%.0f MB resident at rest, want %.0f at most", rest/1e6, restLimit/1e6)
	}
}

// residentOver returns sorted samples of the resident memory, which varies as the runtime returns memory.
func (p *process) residentOver(span time.Duration) (all []float64) {
	p.t.Helper()
	for end := time.Now().Add(span); time.Now().Before(end); time.Sleep(time.Second) {
		all = append(all, float64(p.resident()))
	}
	slices.Sort(all)
	return all
}

// mostResident returns the peak resident memory of a process in bytes.
func (p *process) mostResident() float64 {
	p.t.Helper()
	var kib float64
	_, rest, _ := strings.Cut(read(p.t, fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid)), "VmHWM:")
	if _, err := fmt.Sscan(rest, &kib); err != nil {
		p.t.Fatal(err)
	}
	return kib * 1024
}

func restConfig(root, resolver string, port int) string {
	var b strings.Builder
	fmt.Fprintf(&b, `global: {ca_file: %q, allow_networks: [127.0.0.0/8]}
probe: {interval: 5m, dns_servers: [%q], port: %d, hello_name: prober.example}
tenants:
`, root, resolver, port)
	for i := range restTenants {
		fmt.Fprintf(&b,
			"- name: tenant%d\n  accepted_domains: [{domain_name: t%d.example, default: true}]\n  outbound_connectors:\n", i, i)
		for j := range restConnectors {
			first := (i*restConnectors + j) * restHosts
			hosts := make([]string, restHosts)
			for k := range hosts {
				hosts[k] = fmt.Sprintf("h%d.example", first+k)
			}
			fmt.Fprintf(&b,
				"  - name: connector %d\n    connector_type: OnPremises\n    use_mx_record: false\n"+
					"    tls_settings: CertificateValidation\n"+
					"    smart_hosts: [%s]\n    recipient_domains: [t%d.example]\n    validation_recipients: [probe@t%d.example]\n", j,
				strings.Join(hosts, ", "), i, i)
		}
	}
	return b.String()
}

// startMailServer starts a mail server with a certificate for each path. It returns the port.
func startMailServer(t *testing.T, ca *lab.CA) int {
	t.Helper()
	certs := make(map[string]*tls.Certificate, restPaths)
	for i := range restPaths {
		name := fmt.Sprintf("h%d.example", i)
		cert, err := ca.Issue(lab.Leaf{
			Names: []string{name}, NotBefore: time.Now().Add(-time.Hour),
			NotAfter: time.Now().AddDate(0, 0, 90),
		})
		if err != nil {
			t.Fatal(err)
		}
		certs[name] = &cert
	}
	return serveMail(t, certs)
}

// serveMail starts a mail server that listens on every loopback address and presents the certificate of the requested
// host. It returns the port.
func serveMail(t *testing.T, certs map[string]*tls.Certificate) int {
	t.Helper()
	server := smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) { return accepting{}, nil }))
	server.Domain = "crowd.example"
	server.TLSConfig = &tls.Config{GetCertificate: func(h *tls.ClientHelloInfo) (*tls.Certificate,
		error,
	) {
		return certs[h.ServerName], nil
	}}
	l, err := net.Listen("tcp4", ":0")
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = server.Serve(l) }() // ends with Close
	t.Cleanup(func() { _ = server.Close() })
	return l.Addr().(*net.TCPAddr).Port
}

// accepting accepts every envelope. It has no Data: nothing sends it a message.
type accepting struct{ smtp.Session }

func (accepting) Mail(string, *smtp.MailOptions) error { return nil }
func (accepting) Rcpt(string, *smtp.RcptOptions) error { return nil }
func (accepting) Reset()                               {}
func (accepting) Logout() error                        { return nil }

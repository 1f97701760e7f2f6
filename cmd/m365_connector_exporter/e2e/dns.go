//go:build e2e

package e2e

import (
	"fmt"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// The zones. Both are signed; the signatures of the second have expired.
const (
	zone        = "contoso.test"
	expiredZone = "expired.test"
)

// startDNS serves the zones with nsd and returns the address of an unbound that validates them. Other names do not
// resolve: the resolver forwards to a port where nothing listens.
func startDNS(t testing.TB, dir string, servers []server) string {
	t.Helper()
	now := time.Now()
	stamp := func(at time.Time) string { return at.UTC().Format("20060102150405") }
	anchors := []string{
		signZone(t, dir, zone, zoneText(servers), stamp(now.Add(-time.Hour)), stamp(now.AddDate(0, 0, 7))),
		signZone(t, dir, expiredZone, "mail IN A 127.0.1.1\n", "20200101000000", "20200201000000"),
	}
	authoritative, resolver := freePort(t), freePort(t)
	startNSD(t, dir, authoritative)
	startUnbound(t, dir, resolver, authoritative, anchors)
	return fmt.Sprintf("127.0.0.1:%d", resolver)
}

func zoneText(servers []server) string {
	var b strings.Builder
	for _, s := range servers {
		kind := "A"
		if strings.Contains(s.addr, ":") {
			kind = "AAAA"
		}
		fmt.Fprintf(&b, "%s IN %s %s\n", s.name, kind, s.addr)
	}
	b.WriteString("@ IN MX 10 mx1\n@ IN MX 20 mx2\n")
	b.WriteString("nomail IN MX 0 .\n")
	b.WriteString("text IN TXT \"no address\"\n")
	b.WriteString("halfdead IN MX 10 good\nhalfdead IN MX 20 gone\n")
	b.WriteString("alias IN CNAME good\n")
	b.WriteString("dual IN AAAA ::1\nlame IN AAAA ::1\n")
	return b.String()
}

// signZone writes ZONE.signed and returns the file of its key, which is the resolver's trust anchor.
func signZone(t testing.TB, dir, name, records, from, to string) string {
	t.Helper()
	text := fmt.Sprintf("$ORIGIN %s.\n$TTL 60\n@ IN SOA ns hostmaster 1 60 60 600 5\n@ IN NS ns\nns IN A 127.0.0.1\n%s",
		name, records)
	writeFile(t, filepath.Join(dir, name), text, 0o644)
	key := strings.TrimSpace(run(t, dir, "ldns-keygen", "-k", "-a", "ECDSAP256SHA256", name))
	run(t, dir, "ldns-signzone", "-n", "-i", from, "-e", to, "-f", name+".signed", name, key)
	return filepath.Join(dir, key+".key")
}

func startNSD(t testing.TB, dir string, port int) {
	t.Helper()
	conf := fmt.Sprintf(`server:
  ip-address: 127.0.0.1@%d
  username: ""
  database: ""
  server-count: 1
  zonesdir: %[2]q
  pidfile: "%[2]s/nsd.pid"
  xfrdfile: "%[2]s/xfrd.state"
  zonelistfile: "%[2]s/zone.list"
  xfrdir: %[2]q
remote-control:
  control-enable: no
zone:
  name: %[3]s
  zonefile: %[3]s.signed
zone:
  name: %[4]s
  zonefile: %[4]s.signed
`, port, dir, zone, expiredZone)
	file := filepath.Join(dir, "nsd.conf")
	writeFile(t, file, conf, 0o644)
	start(t, "/usr/sbin/nsd", "-d", "-c", file).listens(net.JoinHostPort("127.0.0.1", fmt.Sprint(port)))
}

func startUnbound(t testing.TB, dir string, port, authoritative int, anchors []string) {
	t.Helper()
	conf := fmt.Sprintf(`server:
  interface: 127.0.0.1@%d
  access-control: 127.0.0.0/8 allow
  username: ""
  chroot: ""
  directory: %[2]q
  pidfile: "%[2]s/unbound.pid"
  use-syslog: no
  logfile: ""
  do-daemonize: no
  do-ip6: no
  do-not-query-localhost: no
  local-zone: "test." nodefault
  module-config: "validator iterator"
  ede: yes
  val-log-level: 2
  trust-anchor-file: %[3]q
  trust-anchor-file: %[4]q
remote-control:
  control-enable: no
stub-zone:
  name: %[5]q
  stub-addr: 127.0.0.1@%[7]d
stub-zone:
  name: %[6]q
  stub-addr: 127.0.0.1@%[7]d
forward-zone:
  name: "."
  forward-addr: 127.0.0.1@9
`, port, dir, anchors[0], anchors[1], zone, expiredZone, authoritative)
	file := filepath.Join(dir, "unbound.conf")
	writeFile(t, file, conf, 0o644)
	start(t, "/usr/sbin/unbound", "-d", "-c", file).listens(net.JoinHostPort("127.0.0.1", fmt.Sprint(port)))
}

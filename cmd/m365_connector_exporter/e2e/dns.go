//go:build e2e

package e2e

import (
	"fmt"
	"net"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// The zones. Both are signed; the signatures of the second have expired.
const (
	zone        = "contoso.test"
	expiredZone = "expired.test"
)

// zoneData is a zone that nsd serves.
type zoneData struct {
	name    string
	records string
	signing signing
}

// signing is how a zone is signed.
type signing uint8

const (
	signed   signing = iota
	outdated         // the signatures have expired
	unsigned
)

// startDNS serves the zones with nsd and returns the address of an unbound that validates them. Other names do not
// resolve: the resolver forwards to a port where nothing listens.
func startDNS(t testing.TB, dir string, servers []server) string {
	t.Helper()
	resolver := fmt.Sprintf("127.0.0.1:%d", freePort(t))
	serveZones(t, dir, resolver, []zoneData{
		{zone, zoneText(servers), signed}, {expiredZone, "mail IN A 127.0.1.1\n", outdated},
	})
	return resolver
}

// serveZones serves zones with nsd, and starts an unbound at an address that validates them. A zone below another one
// is delegated by it, with a DS record unless it is unsigned; the others are trust anchors of the resolver.
func serveZones(t testing.TB, dir, resolver string, zones []zoneData) {
	t.Helper()
	zones = slices.Clone(zones)
	slices.SortStableFunc(zones, func(a, b zoneData) int { return len(b.name) - len(a.name) }) // children first
	var names, anchors []string
	for i, z := range zones {
		names = append(names, z.name)
		key := signZone(t, dir, z)
		parent := slices.IndexFunc(zones, func(p zoneData) bool { return strings.HasSuffix(z.name, "."+p.name) })
		switch {
		case parent >= 0:
			zones[parent].records += fmt.Sprintf("%[1]s. IN NS ns.%[1]s.\nns.%[1]s. IN A 127.0.0.1\n", zones[i].name)
			if key != "" {
				zones[parent].records += read(t, key+".ds")
			}
		case key != "":
			anchors = append(anchors, key+".key")
		}
	}
	authoritative := freePort(t)
	startNSD(t, dir, authoritative, names)
	startUnbound(t, dir, resolver, authoritative, names, anchors)
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

// signZone writes ZONE.signed and returns the file of its key without the extension; "" for an unsigned zone.
func signZone(t testing.TB, dir string, z zoneData) string {
	t.Helper()
	text := fmt.Sprintf("$ORIGIN %s.\n$TTL 60\n@ IN SOA ns hostmaster 1 60 60 600 5\n@ IN NS ns\nns IN A 127.0.0.1\n%s",
		z.name, z.records)
	writeFile(t, filepath.Join(dir, z.name), text, 0o644)
	if z.signing == unsigned {
		writeFile(t, filepath.Join(dir, z.name+".signed"), text, 0o644)
		return ""
	}
	stamp := func(at time.Time) string { return at.UTC().Format("20060102150405") }
	from, to := stamp(time.Now().Add(-time.Hour)), stamp(time.Now().AddDate(0, 0, 7))
	if z.signing == outdated {
		from, to = "20200101000000", "20200201000000"
	}
	key := strings.TrimSpace(run(t, dir, "ldns-keygen", "-k", "-a", "ECDSAP256SHA256", z.name))
	run(t, dir, "ldns-signzone", "-n", "-i", from, "-e", to, "-f", z.name+".signed", z.name, key)
	return filepath.Join(dir, key)
}

// serveDNS answers by UDP and TCP with a handler, and returns the address.
func serveDNS(t testing.TB, handler dns.Handler) string {
	t.Helper()
	packets, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", packets.LocalAddr().String())
	if err != nil {
		t.Fatal(err)
	}
	for _, server := range []*dns.Server{
		{PacketConn: packets, Handler: handler}, {Listener: listener, Handler: handler},
	} {
		go func() { _ = server.ActivateAndServe() }() // ends with Shutdown
		t.Cleanup(func() { _ = server.Shutdown() })
	}
	return packets.LocalAddr().String()
}

func startNSD(t testing.TB, dir string, port int, zones []string) {
	t.Helper()
	var conf strings.Builder
	fmt.Fprintf(&conf, `server:
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
`, port, dir)
	for _, name := range zones {
		fmt.Fprintf(&conf, "zone:\n  name: %[1]s\n  zonefile: %[1]s.signed\n", name)
	}
	file := filepath.Join(dir, "nsd.conf")
	writeFile(t, file, conf.String(), 0o644)
	start(t, "/usr/sbin/nsd", "-d", "-c", file).listens(net.JoinHostPort("127.0.0.1", fmt.Sprint(port)))
}

func startUnbound(t testing.TB, dir, listen string, authoritative int, zones, anchors []string) {
	t.Helper()
	host, port, err := net.SplitHostPort(listen)
	if err != nil {
		t.Fatal(err)
	}
	var conf strings.Builder
	fmt.Fprintf(&conf, `server:
  interface: %[1]s@%[2]s
  access-control: 127.0.0.0/8 allow
  username: ""
  chroot: ""
  directory: %[3]q
  pidfile: "%[3]s/unbound.pid"
  use-syslog: no
  logfile: ""
  do-daemonize: no
  do-ip6: no
  do-not-query-localhost: no
  local-zone: "test." nodefault
  module-config: "validator iterator"
  ede: yes
  val-log-level: 2
`, host, port, dir)
	for _, file := range anchors {
		fmt.Fprintf(&conf, "  trust-anchor-file: %q\n", file)
	}
	conf.WriteString("remote-control:\n  control-enable: no\n")
	for _, name := range zones {
		fmt.Fprintf(&conf, "stub-zone:\n  name: %q\n  stub-addr: 127.0.0.1@%d\n", name, authoritative)
	}
	conf.WriteString("forward-zone:\n  name: \".\"\n  forward-addr: 127.0.0.1@9\n")
	file := filepath.Join(dir, "unbound.conf")
	writeFile(t, file, conf.String(), 0o644)
	start(t, "/usr/sbin/unbound", "-d", "-c", file).listens(listen)
}

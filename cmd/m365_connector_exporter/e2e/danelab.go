//go:build e2e

package e2e

import (
	"cmp"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// The zones of the DANE lab are below the zone test., whose key is the only trust anchor.
const (
	daneZone     = "dane.test"     // signed
	unsignedZone = "unsigned.test" // a delegation without DS record: proven to be unsigned
	outdatedZone = "outdated.test" // delegated with a DS record, and its signatures have expired
)

// danePort is the port of all mail servers of the lab, because the servers of one path have one port. In the name of a
// TLSA record it is the port that is connected to.
const danePort = 2525

// daneResolver is where the resolver of the lab listens. posttls-finger has the resolver of /etc/resolv.conf, which has
// no ports.
const daneResolver = "127.0.53.53:53"

// daneLab are mail servers with TLSA records in signed and unsigned zones, and a resolver that validates them.
type daneLab struct {
	*world
	root string // a directory for posttls-finger, with a resolv.conf of its own
}

// daneServer is an MX host of the lab.
type daneServer struct {
	name   string // the host is mx-NAME.ZONE
	zone   string // dane.test unless it says otherwise
	leaf   leaf
	params map[string]string
	tlsa   func(leaf, issuer *x509.Certificate) []string // the data of its TLSA records; nil for none
	child  *signing                                      // its TLSA records are in a zone of their own, signed so
}

func (s *daneServer) host() string {
	return "mx-" + s.name + "." + cmp.Or(s.zone, daneZone)
}

// The data of TLSA records.

func endEntity(cert, _ *x509.Certificate) []string {
	return []string{fmt.Sprintf("3 1 1 %x", sha256.Sum256(cert.RawSubjectPublicKeyInfo))}
}

func endEntitySHA512(cert, _ *x509.Certificate) []string {
	return []string{fmt.Sprintf("3 0 2 %x", sha512.Sum512(cert.Raw))}
}

func trustAnchor(_, issuer *x509.Certificate) []string {
	return []string{fmt.Sprintf("2 0 1 %x", sha256.Sum256(issuer.Raw))}
}

func otherKey(_, _ *x509.Certificate) []string {
	return []string{fmt.Sprintf("3 1 1 %x", sha256.Sum256([]byte("another key")))}
}

// rollover has a record of the old key and one of the next.
func rollover(cert, issuer *x509.Certificate) []string {
	return append(otherKey(cert, issuer), endEntity(cert, issuer)...)
}

// unusable has usages that are not for mail (RFC 7672, section 3.1.3), of the right key.
func unusable(cert, _ *x509.Certificate) []string {
	digest := sha256.Sum256(cert.RawSubjectPublicKeyInfo)
	return []string{fmt.Sprintf("1 1 1 %x", digest), fmt.Sprintf("0 1 1 %x", digest)}
}

// daneServers are the MX hosts.
func daneServers() []daneServer {
	now, old := time.Now(), outdated
	return []daneServer{
		{name: "right", tlsa: endEntity},
		{name: "sha512", tlsa: endEntitySHA512},
		{name: "rollover", tlsa: rollover},
		{name: "anchor", tlsa: trustAnchor},
		{name: "anchor-name", tlsa: trustAnchor, leaf: leaf{name: "other." + daneZone}},
		{name: "wrong", tlsa: otherKey},
		{name: "none"},
		{name: "unusable", tlsa: unusable, leaf: leaf{selfSigned: true}},
		{name: "selfsigned", tlsa: endEntity, leaf: leaf{selfSigned: true}},
		{name: "expired", tlsa: endEntity, leaf: leaf{from: now.AddDate(0, -3, 0), to: now.AddDate(0, 0, -2)}},
		{name: "plain", tlsa: endEntity, params: map[string]string{"smtpd_tls_security_level": "none"}},
		{name: "bogus", tlsa: endEntity, child: &old},
		{name: "unsigned", zone: unsignedZone, tlsa: endEntity},
		{name: "outdated", zone: outdatedZone, tlsa: endEntity},
	}
}

// daneDomains are the domains that mail is for, with their MX hosts, best first. Their zones are those of their names.
var daneDomains = map[string][]string{
	"right." + daneZone:         {"right"},
	"two." + daneZone:           {"right", "rollover"},
	"half." + daneZone:          {"none", "right"},  // one MX of two has records
	"half-wrong." + daneZone:    {"wrong", "none"},  // the same, with wrong records
	"second." + daneZone:        {"wrong", "right"}, // the second MX matches
	"both-wrong." + daneZone:    {"wrong", "anchor-name"},
	"sha512." + daneZone:        {"sha512"},
	"rollover." + daneZone:      {"rollover"},
	"anchor." + daneZone:        {"anchor"},
	"anchor-name." + daneZone:   {"anchor-name"},
	"wrong." + daneZone:         {"wrong"},
	"none." + daneZone:          {"none"},
	"unusable." + daneZone:      {"unusable"},
	"selfsigned." + daneZone:    {"selfsigned"},
	"expired." + daneZone:       {"expired"},
	"plain." + daneZone:         {"plain"},
	"bogus." + daneZone:         {"bogus"},
	"unsigned." + unsignedZone:  {"unsigned"},
	"elsewhere." + unsignedZone: {"right"}, // an unsigned MX record that leads to a host with records
	"outdated." + outdatedZone:  {"outdated"},
}

// startDANE starts the servers of the lab.
func startDANE(t testing.TB) *daneLab {
	t.Helper()
	l := &daneLab{world: smallWorld(t)}
	zones := map[string]*zoneData{
		"test": {name: "test"}, daneZone: {name: daneZone}, unsignedZone: {name: unsignedZone, signing: unsigned},
		outdatedZone: {name: outdatedZone, signing: outdated},
	}
	var services []postfixService
	for i, s := range daneServers() {
		services = append(services, l.addServer(zones, i, &s))
	}
	for domain, hosts := range daneDomains {
		z := zones[domain[strings.IndexByte(domain, '.')+1:]]
		for i, name := range hosts {
			z.records += fmt.Sprintf("%s. IN MX %d %s.\n", domain, 10*(i+1), l.hostOf(name))
		}
	}
	addPolicies(zones[daneZone], l.hostOf)
	var all []zoneData
	for _, z := range zones {
		all = append(all, *z)
	}
	l.dns = daneResolver
	serveZones(t, l.dir, l.dns, all)
	l.postfix = startPostfix(t, l.dir, services)
	l.startPolicyHosts()
	l.prepareFinger()
	return l
}

// hostOf returns the host of a server.
func (l *daneLab) hostOf(name string) string {
	for _, s := range daneServers() {
		if s.name == name {
			return s.host()
		}
	}
	l.t.Fatalf("no server %q", name)
	return ""
}

// addServer issues the certificate of the server i, and adds its records to the zones.
func (l *daneLab) addServer(zones map[string]*zoneData, i int, s *daneServer) postfixService {
	l.t.Helper()
	if s.leaf.name == "" {
		s.leaf.name = s.host()
	}
	cert := l.issue(s.leaf, s.name)
	z := zones[cmp.Or(s.zone, daneZone)]
	addr := fmt.Sprintf("127.0.3.%d", i+1)
	z.records += fmt.Sprintf("%s. IN A %s\n", s.host(), addr)
	if s.child != nil {
		z = &zoneData{name: "_tcp." + s.host(), signing: *s.child}
		zones[z.name] = z
	}
	if s.tlsa != nil {
		for _, data := range s.tlsa(cert.cert, l.ca.middle.cert) {
			z.records += fmt.Sprintf("_%d._tcp.%s. IN TLSA %s\n", danePort, s.host(), data)
		}
	}
	server := server{name: s.name, addr: addr, port: danePort}
	return postfixService{server: server, cert: cert, params: s.params}
}

// prepareFinger makes a directory in which posttls-finger runs as its root: with the libraries that it needs, the
// resolver of the lab, and an empty main.cf.
func (l *daneLab) prepareFinger() {
	l.t.Helper()
	l.root = filepath.Join(l.dir, "finger")
	files := []string{"/usr/sbin/posttls-finger", "/etc/passwd", "/etc/group"}
	for word := range strings.FieldsSeq(run(l.t, l.dir, "ldd", files[0])) {
		if strings.HasPrefix(word, "/") {
			files = append(files, word)
		}
	}
	for _, file := range files {
		l.put(file, read(l.t, file), 0o755)
	}
	host, _, _ := net.SplitHostPort(daneResolver)
	l.put("/etc/resolv.conf", "nameserver "+host+"\noptions trust-ad\n", 0o644)
	l.put("/etc/postfix/main.cf", "compatibility_level = 3.6\ndnssec_probe =\n", 0o644)
}

// put writes a file below the root of posttls-finger.
func (l *daneLab) put(name, content string, mode os.FileMode) {
	l.t.Helper()
	file := filepath.Join(l.root, name)
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		l.t.Fatal(err)
	}
	writeFile(l.t, file, content, mode)
}

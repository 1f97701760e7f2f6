//go:build e2e

package e2e

import (
	"fmt"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"m365_connector_exporter/probes/lab"
)

// TestResolverCutOff disconnects the daemon's resolver, an unbound, from its upstream server. The unbound then answers
// SERVFAIL for all three domains but still answers for the root from its cache, so no domain fails. A domain whose
// authoritative servers are unreachable fails. Failed probes are repeated after half the interval, which is longer than
// the five seconds for which unbound caches a SERVFAIL.
func TestResolverCutOff(t *testing.T) {
	w := smallWorld(t)
	certificate := (&faultWorld{world: w}).present(leafOf("mail.alpha.test", "mail.beta.test", "mail.gamma.test"),
		w.ca.middle)
	zone := ". 3600 IN NS a.root.test.\n"
	var paths []path
	for i, name := range []string{"alpha", "beta", "gamma"} {
		addr := fmt.Sprintf("127.0.8.%d", i+1)
		mail, err := lab.StartMail(lab.MailOptions{Addr: net.JoinHostPort(addr, "0"), Certificate: &certificate})
		w.ca.must(err)
		t.Cleanup(mail.Close)
		host := "mail." + name + ".test"
		zone += host + ". 1 IN A " + addr + "\n"
		paths = append(paths, path{
			connector: name, hop: host, port: mail.Port(), tls: "DomainValidation",
			probe: "interval: 11s, timeout: 3s, ",
		})
	}
	uplink, err := lab.StartDNS(zone)
	w.ca.must(err)
	t.Cleanup(func() { uplink.Close() })
	w.dns = w.startForwarder(uplink.Addr())
	d := w.serve(w.configure("cut.yaml", paths...))
	expect := func(want ...string) {
		t.Helper()
		eventually(t, time.Minute, func() string {
			m := d.metrics()
			for i, p := range paths {
				got := m.pathResult(p.connector)
				if text := strings.TrimSpace(got.outcome + " " + got.why); text != want[i] {
					return fmt.Sprintf("%s: %s, want %s", p.connector, text, want[i])
				}
			}
			return ""
		})
	}
	checkRoot := func() {
		t.Helper()
		m, err := dns.Exchange(new(dns.Msg).SetQuestion(".", dns.TypeNS), w.dns)
		if err != nil || m.Rcode != dns.RcodeSuccess {
			t.Errorf("NS records of the root: %v, %v", m, err)
		}
	}
	expect("passed", "passed", "passed")
	checkRoot()

	uplink.Close()
	const inconclusive = "inconclusive and 1 resolve dns_timeout"
	expect(inconclusive, inconclusive, inconclusive)
	time.Sleep(7 * time.Second) // long enough for a failure to be confirmed and reported
	expect(inconclusive, inconclusive, inconclusive)
	checkRoot()

	uplink, err = lab.StartDNSAt(uplink.Addr(), zone)
	w.ca.must(err)
	expect("passed", "passed", "passed")
	for _, s := range d.metrics().find("probes_total", "outcome", "failed") {
		if s.value > 0 {
			t.Errorf("%v rounds of %s have failed", s.value, s.labels["connector"])
		}
	}

	uplink.InjectFault("mail.alpha.test", rcode(dns.RcodeServerFailure, 22))
	expect("failed resolve dns_servfail", "passed", "passed")
}

// startForwarder starts an unbound that only forwards, and returns its address.
func (w *world) startForwarder(uplink string) string {
	w.t.Helper()
	host, port, err := net.SplitHostPort(uplink)
	w.ca.must(err)
	at := freePort(w.t)
	file := w.write("forwarder.conf", fmt.Sprintf(`server:
  interface: 127.0.0.1@%d
  access-control: 127.0.0.0/8 allow
  username: ""
  chroot: ""
  directory: %[2]q
  pidfile: %[3]q
  use-syslog: no
  logfile: ""
  do-daemonize: no
  do-ip6: no
  outgoing-range: 256
  num-queries-per-thread: 128
  do-not-query-localhost: no
  local-zone: "test." nodefault
  module-config: "iterator"
  ede: yes
remote-control:
  control-enable: no
forward-zone:
  name: "."
  forward-addr: %[4]s@%[5]s
`, at, w.dir, filepath.Join(w.dir, "forwarder.pid"), host, port))
	addr := fmt.Sprintf("127.0.0.1:%d", at)
	start(w.t, "/usr/sbin/unbound", "-d", "-c", file).listens(addr)
	return addr
}

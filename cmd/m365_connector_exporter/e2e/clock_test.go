//go:build e2e

package e2e

import (
	"crypto/x509"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"m365_connector_exporter/probes/lab"
)

// jump is an offset from the current time to which the clock is set, with the expected results.
type jump struct {
	name   string
	to     time.Duration
	soon   string  // result of the path whose certificate expires in 90 days
	later  string  // result of the path whose certificate becomes valid in half an hour
	listed string  // result of the path whose certificate is on a CRL, which expires in three days
	client float64 // verdict "time" of the sender's certificate, which expires in 90 days
}

const (
	expired     = "failed tls certificate_expired"
	notYetValid = "failed tls certificate_not_yet_valid"
	revoked     = "failed tls certificate_revoked"
)

// TestClockJumps sets the daemon's clock forward and back. Rounds keep their interval, certificates are checked against
// the current time, no other path fails, no message is sent twice within its interval, and the log has each jump.
func TestClockJumps(t *testing.T) {
	w := newHostWorld(t, "interval: 3s, timeout: 2s, ")
	clock := w.buildWithClock(t.Setenv)
	d := w.serve(w.configureJumps())
	for i, j := range []jump{
		{"right", 0, "passed", notYetValid, revoked, 1},
		{"an hour ahead", time.Hour, "passed", "passed", revoked, 1},
		{"two hours behind", -2 * time.Hour, "passed", notYetValid, revoked, 1},
		{"four hundred days ahead", 400 * 24 * time.Hour, expired, "passed", "passed", 0},
		{"right again", 0, "passed", notYetValid, "passed", 1}, // an unreachable CRL is fetched every ten minutes
	} {
		before, began := d.roundTotals(), time.Now()
		clock.set(j.to)
		eventually(t, 45*time.Second, func() string { return j.diff(d, i) })
		time.Sleep(time.Until(began.Add(8 * time.Second)))
		after, took := d.roundTotals(), time.Since(began)
		t.Logf("%s: after %v, %+v", j.name, took.Round(time.Second), after)
		if i == 0 {
			continue // first rounds are spread over the interval
		}
		each := took.Seconds() / 3
		if rounds := after.rounds - before.rounds; rounds < 20*(each-1.5) || rounds > 20*(each+1) {
			t.Errorf("%s: %v rounds of 20 paths in %v, at an interval of 3 s", j.name, rounds, took)
		}
		if skipped := after.skipped - before.skipped; skipped > 20 {
			t.Errorf("%s: %v rounds were skipped", j.name, skipped)
		}
	}
	m := d.metrics()
	for _, s := range m.find("probes_total") {
		healthy := strings.HasPrefix(s.labels["connector"], "own-")
		if healthy && s.labels["outcome"] != "passed" && s.value > 0 {
			t.Errorf("%v rounds of %s are %s", s.value, s.labels["connector"], s.labels["outcome"])
		}
	}
	for _, by := range []string{"by=1h0m0s", "by=-3h0m0s", "by=9602h0m0s", "by=-9600h0m0s"} {
		if strings.Count(d.out.String(), by) != 1 {
			t.Errorf("the log must contain the clock jump %s once", by)
		}
	}
	d.stop()
	d = w.serve(w.dir + "/jumps.yaml")
	d.awaitRecovery(roundCounts{})
	if n := len(w.mails[0].Messages()); n != 1 {
		t.Errorf("%d messages sent, want 1: message_min_interval is 5m", n)
	}
	w.checkState()
}

// configureJumps adds to the healthy paths those whose result depends on the clock, a test message and a sender.
func (w *hostWorld) configureJumps() string {
	w.t.Helper()
	now, far := time.Now(), time.Now().AddDate(3, 0, 0)
	lists := &faultWorld{world: w.world}
	lists.crl = lists.startCRLs()
	w.paths[0].probe += "until: message, message_min_interval: 5m, "
	for i, one := range []struct {
		name   string
		change func(*x509.Certificate)
	}{
		{"soon", func(*x509.Certificate) {}},
		{"later", func(c *x509.Certificate) { c.NotBefore, c.NotAfter = now.Add(30*time.Minute), far }},
		{"listed", func(c *x509.Certificate) {
			c.NotAfter, c.CRLDistributionPoints = far, []string{"http://" + lists.crl + "/list"}
		}},
	} {
		leaf, addr := leafOf(one.name+"."+faultZone), fmt.Sprintf("127.0.6.%d", 100+i)
		one.change(leaf)
		certificate := lists.present(leaf, w.ca.middle)
		lists.revoked = leaf.SerialNumber // only the last one is used
		mail, err := lab.StartMail(lab.MailOptions{Addr: net.JoinHostPort(addr, "0"), Certificate: &certificate})
		w.ca.must(err)
		w.t.Cleanup(mail.Close)
		w.zone += fmt.Sprintf("%s.%s. 60 IN A %s\n", one.name, faultZone, addr)
		w.paths = append(w.paths, path{
			connector: one.name, hop: one.name + "." + faultZone, port: mail.Port(),
			tls: "DomainValidation", probe: w.probe,
		})
	}
	w.paths = append(w.paths, path{connector: "down", hop: "own0." + faultZone, port: freePort(w.t), probe: w.probe})
	w.ca.must(w.names.Set(w.zone))
	head := strings.Replace(w.head(), "global:\n", "global:\n  check_revocation: true\n", 1)
	return w.write("jumps.yaml", head+"tenants:\n"+tenant("contoso", w.paths...)+fmt.Sprintf(`  inbound_connectors:
  - { name: Hybrid, connector_type: OnPremises, require_tls: true, tls_sender_certificate_name: "*.contoso.test" }
  senders:
  - { name: edge, connector: Hybrid, mail_from_domains: [contoso.test], target: own0.%s, certificate: { file: %q },
      probe: { %sport: %d } }
`, faultZone, w.ca.issue(leaf{name: "edge.contoso.test", clientAuth: true}).chain, w.probe, w.mails[0].Port()))
}

// diff returns the differences between the daemon's metrics and the expected ones after a number of jumps.
func (j jump) diff(d *daemon, jumps int) string {
	d.t.Helper()
	m, now := d.metrics(), float64(time.Now().Add(j.to).Unix())
	var wrong []string
	for connector, want := range map[string]string{
		"soon": j.soon, "later": j.later, "listed": j.listed,
		"down": "failed connect connect_refused",
	} {
		got := m.pathResult(connector)
		if text := strings.TrimSpace(got.outcome + " " + got.why); text != want {
			wrong = append(wrong, fmt.Sprintf("%s: %s, want %s", connector, text, want))
		}
	}
	if now := d.roundCounts(); now.passing < 20 {
		wrong = append(wrong, fmt.Sprintf("%v paths pass", now.passing))
	}
	for _, name := range []string{"probe_last_run_timestamp_seconds", "probe_last_success_timestamp_seconds"} {
		for _, s := range m.find(name) {
			healthy := strings.HasPrefix(s.labels["connector"], "own-")
			if age := now - s.value; (healthy || name == "probe_last_run_timestamp_seconds") && (age < -2 || age > 15) {
				wrong = append(wrong, fmt.Sprintf("%s of %s: %v seconds ago", name, s.labels["connector"], age))
			}
		}
	}
	if v, ok := m.value("certificate_valid", "path", "edge", "role", "client", "verdict", "time"); !ok || v != j.client {
		wrong = append(wrong, fmt.Sprintf("the sender's certificate: %v, %v, want %v", v, ok, j.client))
	}
	if found := len(m.find("finding_info", "connector", "soon", "check",
		"certificate_expired")); (found == 1) != (j.soon == expired) {
		wrong = append(wrong, fmt.Sprintf("%d findings of an expired certificate", found))
	}
	if logged := strings.Count(d.out.String(), "the clock jumped"); logged != jumps {
		wrong = append(wrong, fmt.Sprintf("the log has %d clock jumps, want %d", logged, jumps))
	}
	return strings.Join(wrong, "\n")
}

// roundTotals is the number of rounds of healthy paths that passed, and of rounds of all paths that were skipped.
type roundTotals struct{ rounds, skipped float64 }

func (d *daemon) roundTotals() (p roundTotals) {
	m := d.metrics()
	for _, s := range m.find("probes_total", "outcome", "passed") {
		if strings.HasPrefix(s.labels["connector"], "own-") {
			p.rounds += s.value
		}
	}
	p.skipped, _ = m.value("exporter_rounds_skipped_total")
	return p
}

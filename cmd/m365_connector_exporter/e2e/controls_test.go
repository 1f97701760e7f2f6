//go:build e2e

package e2e

import (
	"encoding/json"
	"net/http"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// TestNegativeControls runs the daemon against a Postfix that relays for everyone, one that does not, and one that also
// demands TLS. Each control is run once, whatever asks for a probe and however often the daemon starts, and no message
// is sent.
func TestNegativeControls(t *testing.T) {
	w := smallWorld(t)
	w.dns = "127.0.0.1:53" // not asked: the smart hosts are addresses
	open, closed, strict := w.server("open"), w.server("closed"), w.server("strict")
	service := func(s server, params map[string]string) postfixService {
		return postfixService{server: s, cert: w.issue(leaf{name: s.host()}, s.name), params: params}
	}
	w.postfix = startPostfix(t, w.dir, []postfixService{
		service(open, map[string]string{
			"mynetworks": "127.0.0.0/8", "smtpd_relay_restrictions": "permit_mynetworks, reject_unauth_destination",
			"smtpd_reject_unlisted_recipient": "no", // nothing could leave this instance, which is no reason to refuse
		}),
		service(closed, nil), service(strict, map[string]string{"smtpd_tls_security_level": "encrypt"}),
	})
	var paths []path
	for _, s := range []server{open, closed, strict} {
		paths = append(paths, path{
			connector: s.name, hop: s.addr, port: s.port, tls: "EncryptionOnly", recipient: "probe",
			probe: "negative_controls: true, ",
		})
	}
	file := w.configure("controls.yaml", paths...)

	d := w.serve(file)
	want := map[string][]string{
		"open":   {"clear_text admitted", "foreign_recipient admitted"},
		"closed": {"clear_text admitted", "foreign_recipient refused relay_denied"},
		"strict": {"clear_text refused tls_required", "foreign_recipient refused relay_denied"},
	}
	d.awaitControls(want)
	d.awaitOpenLocks()
	target := "contoso/outbound/closed/" + url.PathEscape(closed.addr)
	if status, body := d.http(http.MethodGet, "/probe?target="+url.QueryEscape(target)); status != http.StatusOK {
		t.Errorf("/probe: %d %s", status, body)
	}
	if code, output := w.command("validate", "--config.file="+file, "contoso"); code != 0 {
		t.Errorf("validate: exit code %d\n%s", code, output)
	}
	if status, page := d.http(http.MethodGet, "/path?target="+url.QueryEscape(target)); status != http.StatusOK ||
		!strings.Contains(page, "Negative controls") || !strings.Contains(page, "Relay access denied") {
		t.Errorf("the page of the path: %d\n%s", status, page)
	}
	d.stop()
	d = w.serve(file)
	d.awaitControls(want) // from the state, before any round
	d.awaitOpenLocks()
	d.awaitRoundOf("open", "closed", "strict")
	d.stop()
	log := read(t, filepath.Join(w.postfix.dir, "postfix.log"))
	if n := strings.Count(log, "<negative-control@example.com>: Relay access denied"); n != 2 {
		t.Errorf("%d attempts to relay were refused, want 2: one at each of two servers", n)
	}
	if n := strings.Count(log, "data="); n > 0 || len(w.postfix.mails()) > 0 {
		t.Errorf("DATA was sent %d times, %d messages arrived", n, len(w.postfix.mails()))
	}
}

// awaitControls returns when /api/v1/paths has these controls, by connector.
func (d *daemon) awaitControls(want map[string][]string) {
	d.t.Helper()
	eventually(d.t, 30*time.Second, func() string {
		status, text := d.http(http.MethodGet, "/api/v1/paths")
		var all []struct {
			Connector string `json:"connector"`
			Controls  []struct {
				Control string `json:"control"`
				Outcome string `json:"outcome"`
				Reason  string `json:"reason"`
			} `json:"negative_controls"`
		}
		if err := json.Unmarshal([]byte(text), &all); status != http.StatusOK || err != nil {
			return text
		}
		got := map[string][]string{}
		for _, p := range all {
			for _, c := range p.Controls {
				got[p.Connector] = append(got[p.Connector], strings.TrimSpace(c.Control+" "+c.Outcome+" "+c.Reason))
			}
		}
		return cmp.Diff(want, got)
	})
}

// awaitRoundOf returns when a round of each connector has passed.
func (d *daemon) awaitRoundOf(connectors ...string) {
	d.t.Helper()
	eventually(d.t, 30*time.Second, func() string {
		m := d.metrics()
		for _, c := range connectors {
			if n, _ := m.value("probes_total", "connector", c, "outcome", "passed"); n < 1 {
				return "no round of " + c + " has passed"
			}
		}
		return ""
	})
}

// awaitOpenLocks returns when the open relay is a critical finding, and nothing else is above info.
func (d *daemon) awaitOpenLocks() {
	d.t.Helper()
	eventually(d.t, 30*time.Second, func() string {
		var got []string
		for _, s := range d.metrics().find("finding_info", "check", "lock_open") {
			got = append(got, s.labels["connector"]+" "+s.labels["severity"])
		}
		slices.Sort(got)
		return cmp.Diff([]string{"closed info", "open critical"}, got)
	})
}

//go:build e2e

package e2e

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"
)

// daneCase is a domain of the lab: what the exporter predicts, and what posttls-finger finds.
type daneCase struct {
	opportunistic string // the outcome for a connector whose SmtpDaneMode is Opportunistic
	mandatory     string // the same with Mandatory
	finding       string // the one of the first connector; "" for none
	said          opinion
	differs       string // why one delivers and the other does not, if that is so
}

const (
	deliver       = "deliver"
	queue         = "queue"
	notApplicable = "not_applicable"
)

const firstOnly = "posttls-finger stops at the first MX host that answers; Exchange Online goes on to the next"

var daneCases = map[string]daneCase{
	"right." + daneZone:         {deliver, deliver, "", saysMatch, ""},
	"two." + daneZone:           {deliver, deliver, "", saysMatch, ""},
	"half." + daneZone:          {deliver, deliver, "dane_incomplete warning", saysNone, ""},
	"half-wrong." + daneZone:    {deliver, queue, "dane_incomplete warning", saysMismatch, firstOnly},
	"second." + daneZone:        {deliver, deliver, "dane_incomplete warning", saysMismatch, firstOnly},
	"both-wrong." + daneZone:    {queue, queue, "dane_would_queue critical", saysMismatch, ""},
	"sha512." + daneZone:        {deliver, deliver, "", saysMatch, ""},
	"rollover." + daneZone:      {deliver, deliver, "", saysMatch, ""},
	"anchor." + daneZone:        {deliver, deliver, "", saysMatch, ""},
	"anchor-name." + daneZone:   {queue, queue, "dane_would_queue critical", saysMismatch, ""},
	"wrong." + daneZone:         {queue, queue, "dane_would_queue critical", saysMismatch, ""},
	"none." + daneZone:          {notApplicable, queue, "", saysNone, ""},
	"unusable." + daneZone:      {deliver, deliver, "", saysUnusable, ""},
	"selfsigned." + daneZone:    {deliver, deliver, "", saysMatch, ""},
	"expired." + daneZone:       {deliver, deliver, "", saysMatch, ""},
	"plain." + daneZone:         {queue, queue, "dane_would_queue critical", saysNoTLS, ""},
	"bogus." + daneZone:         {queue, queue, "dane_would_queue critical", saysBogus, ""},
	"unsigned." + unsignedZone:  {notApplicable, queue, "", saysNone, ""},
	"elsewhere." + unsignedZone: {notApplicable, queue, "", saysMatch, ""},
	"outdated." + outdatedZone:  {queue, queue, "dane_would_queue critical", saysNoHost, ""},
}

// daneStatuses are the values of the label status by server. A server without TLS has no certificate that matches.
var daneStatuses = map[string]string{
	"right": "match", "sha512": "match", "rollover": "match", "anchor": "match", "anchor-name": "mismatch",
	"wrong": "mismatch", "none": "none", "unusable": "unusable", "selfsigned": "match", "expired": "match",
	"plain": "mismatch", "bogus": "bogus", "unsigned": "insecure",
}

// delivers reports whether a sender that requires DANE where there is some delivers to a server of which posttls-finger
// says so.
func (o opinion) delivers() bool { return o == saysMatch || o == saysNone || o == saysUnusable }

// predicted returns the outcome that /metrics has for a connector.
func predicted(m metrics, connector string) string {
	var all []string
	for _, s := range m.find("delivery_prediction", "connector", connector, "mechanism", "dane") {
		all = append(all, s.labels["outcome"])
	}
	return strings.Join(all, " ")
}

// TestDANEPrediction has two paths to each domain of the lab. What the exporter predicts and what posttls-finger finds
// are compared; where they differ, the table says why.
func TestDANEPrediction(t *testing.T) {
	l := startDANE(t)
	var paths []path
	for domain := range daneCases {
		for _, mode := range []string{"Opportunistic", "Mandatory"} {
			paths = append(paths, path{
				connector: mode + " " + domain, hop: "mx:" + domain, port: danePort, keys: "smtp_dane_mode: " + mode,
			})
		}
	}
	file := l.configure("dane.yaml", paths...)
	d := l.serve(file)
	eventually(t, time.Minute, func() string { return daneDifferences(d.metrics()) })
	l.predict(file)
	for domain, c := range daneCases {
		said, output := l.finger(domain)
		if said != c.said {
			t.Errorf("%s: posttls-finger says %s, want %s:\n%s", domain, said, c.said, output)
		}
		if differs := (c.opportunistic != queue) != said.delivers(); differs != (c.differs != "") {
			t.Errorf("%s: prediction %s, posttls-finger says %s; the table says they differ because of %q", domain,
				c.opportunistic, said, c.differs)
		}
	}
}

// predict asks what happens now, with another SmtpDaneMode, and with another certificate.
func (l *daneLab) predict(file string) {
	l.t.Helper()
	next := func(server string) string { return l.issue(leaf{name: l.hostOf(server)}, "next").chain }
	to := func(domain string) string { return "contoso/outbound/Opportunistic " + domain + "." + daneZone }
	for _, c := range []struct {
		args []string
		code int
		want string
	}{
		{[]string{"rehearse", "--dane=Mandatory", to("none")}, 1, "DANE: queue, because"},
		{[]string{"rehearse", "--dane=Mandatory", to("right")}, 0, "DANE: deliver, because"},
		{[]string{"rehearse", "--dane=None", to("wrong")}, 0, "DANE: not applicable, because"},
		{[]string{"rehearse", "--certificate", l.certs["right"].chain}, 0, "Works   DANE of mx-right.dane.test"},
		{[]string{"rehearse", "--certificate", next("right")}, 1, "BREAKS  DANE of mx-right.dane.test"},
		// Its record is that of the authority, which has signed the next certificate, too.
		{[]string{"rehearse", "--certificate", next("anchor")}, 0, "Works   DANE of mx-anchor.dane.test"},
		{[]string{"validate", to("wrong")}, 0, "DANE: queue (4.7.323, then 5.7.323)"},
	} {
		code, output := l.command(append(c.args, "--config.file="+file)...)
		if code != c.code || !strings.Contains(output, c.want) {
			l.t.Errorf("%q: exit %d, want %d and %q in\n%s", c.args, code, c.code, c.want, output)
		}
	}
}

// daneDifferences lists where /metrics is not what the tables want.
func daneDifferences(m metrics) string {
	var wrong []string
	compare := func(what, got, want string) {
		if got != want {
			wrong = append(wrong, fmt.Sprintf("%s: %q, want %q", what, got, want))
		}
	}
	for _, domain := range slices.Sorted(maps.Keys(daneCases)) {
		c := daneCases[domain]
		compare("Opportunistic "+domain, predicted(m, "Opportunistic "+domain), c.opportunistic)
		compare("Mandatory "+domain, predicted(m, "Mandatory "+domain), c.mandatory)
		var findings []string
		for _, s := range m.find("finding_info", "connector", "Opportunistic "+domain) {
			if check := s.labels["check"]; strings.HasPrefix(check, "dane_") {
				findings = append(findings, check+" "+s.labels["severity"])
			}
		}
		compare("findings of "+domain, strings.Join(findings, ", "), c.finding)
	}
	for _, s := range m["endpoint_dane_info"] {
		server, zone, _ := strings.Cut(strings.TrimPrefix(s.labels["host"], "mx-"), ".")
		want := daneStatuses[server]
		switch {
		case strings.HasPrefix(s.labels["path"], "elsewhere."):
			want = "insecure" // its MX record is
		case zone == outdatedZone:
			want = "bogus"
		}
		compare("status of "+s.labels["host"]+" for "+s.labels["path"], s.labels["status"], want)
	}
	return strings.Join(wrong, "\n")
}

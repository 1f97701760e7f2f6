package lab

import (
	"crypto/sha256"
	"fmt"
	"net/url"
	"strings"
	"time"
)

// fabrikam has the failures of certificates, and two domains with DANE.
func (w *World) fabrikam() error {
	w.beginTenant("fabrikam")
	for _, c := range []struct {
		connector, host string
		from, until     int // validity, in days from now
		change          func(*Leaf)
		reason          string // "" passes
	}{
		{"Healthy certificate", "good", -10, 80, nil, ""},
		{"Expires in five days", "expiring", -85, 5, nil, ""},
		{lateConnector, "late", -66, 24, nil, ""},
		{"Expired certificate", "expired", -90, -1, nil, "certificate_expired"},
		{"Not yet valid", "early", 2, 90, nil, "certificate_not_yet_valid"},
		{"Wrong name", "wrong", -10, 80, withOtherName, "certificate_name_mismatch"},
		{"Missing intermediate", "chain", -10, 80, withoutIntermediate, "certificate_chain_incomplete"},
		{"Self-signed", "self", -10, 80, selfSigned, "certificate_untrusted"},
	} {
		host := c.host + ".fabrikam.example"
		cert, err := w.leaf(c.from, c.until, c.change, host)
		if err != nil {
			return err
		}
		server, err := w.mail(MailOptions{Certificate: cert})
		if err != nil {
			return err
		}
		p := outboundPath{
			connector: c.connector, host: host, port: server.Port(), tlsSettings: "DomainValidation", outcome: "passed",
		}
		if c.reason != "" {
			p.outcome, p.stage, p.reason = "failed", "tls", c.reason
		}
		w.add(p)
	}
	w.addRenewals(lateConnector, "late.fabrikam.example")
	return w.addSigned()
}

const lateConnector = "Renewal is overdue"

// addRenewals adds to the history that the watcher restores at its start: two earlier certificates of 90 days of a host
// were replaced after 60.
func (w *World) addRenewals(connector, host string) {
	day := func(days int) string { return w.now.AddDate(0, 0, days).UTC().Format(time.RFC3339) }
	var renewals []string
	for n, began := range []int{-186, -126} {
		renewals = append(renewals, fmt.Sprintf(`{"at":%q,"endpoint":{"host":%q,"address":"127.0.0.1"},"previous":%q,`+
			`"previous_not_before":%q,"previous_issuer":%q,"previous_fingerprint":"%064d","not_after":%q}`,
			day(began+60), host, day(began+90), day(began), w.ca.intermediate.Subject.CommonName, n, day(began+150)))
	}
	w.files["state.json.history"] = fmt.Appendf(nil, "{\"saved\":%q}\n{\"target\":%q,\"renewals\":[%s]}\n", day(0),
		"fabrikam/outbound/"+url.PathEscape(connector)+"/"+host, strings.Join(renewals, ","))
}

// addSigned adds two domains by MX that publish TLSA records: of the certificate in use, and of the one before it, so
// that Exchange Online would hold the mail.
func (w *World) addSigned() error {
	for _, c := range []struct {
		connector, domain string
		stale             bool
	}{{"DANE that matches", "dane.fabrikam.example", false}, {"DANE after a renewal", "stale.fabrikam.example", true}} {
		host := "mx." + c.domain
		cert, err := w.leaf(-10, 80, nil, host)
		if err != nil {
			return err
		}
		server, err := w.mail(MailOptions{Certificate: cert})
		if err != nil {
			return err
		}
		published := cert
		if c.stale {
			if published, err = w.leaf(-90, -5, nil, host); err != nil {
				return err
			}
		}
		w.record(c.domain, "MX", "10 "+host+".")
		w.record(host, "A", "127.0.0.1")
		digest := sha256.Sum256(published.Certificate[0])
		w.record(fmt.Sprintf("_%d._tcp.%s", server.Port(), host), "TLSA", fmt.Sprintf("3 0 1 %x", digest))
		w.signed = append(w.signed, c.domain)
		w.add(outboundPath{
			connector: c.connector, host: c.domain, port: server.Port(), tlsSettings: "CertificateValidation", mx: true,
			outcome: "passed",
		})
	}
	return nil
}

func withOtherName(l *Leaf)       { l.Names = []string{"other.example"} }
func withoutIntermediate(l *Leaf) { l.OmitIntermediate = true }
func selfSigned(l *Leaf)          { l.SelfSigned = true }

package lab

import (
	"crypto/tls"
	"crypto/x509"
	"net/netip"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// TestFakeExchangeOnline connects with a plain client, with and without certificates, and checks the reply and the decision.
func TestFakeExchangeOnline(t *testing.T) {
	defer goleak.VerifyNone(t)
	ca, err := NewCA(time.Now())
	if err != nil {
		t.Fatal(err)
	}
	certificate := func(name string) *tls.Certificate {
		c, err := ca.Issue(Leaf{Names: []string{name}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)})
		if err != nil {
			t.Fatal(err)
		}
		return &c
	}
	stranger, err := ca.Issue(Leaf{Names: []string{"mail.contoso.example"}, SelfSigned: true, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)})
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(ca.RootPEM())
	server, err := StartFakeExchangeOnline(FakeExchangeOnlineOptions{
		Certificate: *certificate("contoso-example.mail.protection.lab.example"), ClientRoots: roots,
		Tenants: []FakeTenant{
			{"contoso", []string{"contoso.example"}, []FakeConnector{{"Hybrid", "*.contoso.example", nil}}},
			{"tailspin", []string{"tailspin.example"}, []FakeConnector{{"Relay", "relay.vendor.example", nil}}},
			{"scanner", []string{"scanner.example"}, []FakeConnector{{"Printer", "", []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}}}},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	const outside = "who@elsewhere.example"
	for _, c := range []struct {
		name           string
		certificate    *tls.Certificate
		from, to       string
		reply          string
		tenant, ground string
	}{
		{"certificate of an accepted domain", certificate("mail.contoso.example"), "", outside, "250", "contoso", "certificate"},
		{"its own recipient", certificate("mail.contoso.example"), "a@other.example", "b@contoso.example", "250", "contoso", "certificate"},
		{"certificate of nobody's domain, by MAIL FROM", certificate("relay.vendor.example"), "a@tailspin.example", outside, "250", "tailspin", "mail_from"},
		{"certificate of nobody's domain, null sender", certificate("relay.vendor.example"), "", outside, "550 5.7.64", "", "none"},
		{"renewed, no longer matching", certificate("new.elsewhere.example"), "a@contoso.example", outside, "550 5.7.64", "", "none"},
		{"not trusted", &stranger, "a@contoso.example", outside, "550 5.7.64", "", "none"},
		{"by address", nil, "a@scanner.example", outside, "250", "scanner", "mail_from"},
		{"anonymous mail to an accepted domain", nil, "a@other.example", "b@tailspin.example", "250", "tailspin", "rcpt_to"},
	} {
		t.Run(c.name, func(t *testing.T) {
			cl := dial(t, "127.0.0.1", server.Port())
			config := &tls.Config{}
			if c.certificate != nil {
				config.Certificates = []tls.Certificate{*c.certificate}
			}
			cl.encrypt(config)
			cl.expect("MAIL FROM:<"+c.from+">", "250", "RCPT TO:<"+c.to+">", c.reply)
			all := server.Decisions()
			if last := all[len(all)-1]; last.Tenant != c.tenant || last.Basis != c.ground || last.Accepted != (c.reply == "250") {
				t.Errorf("%+v", last)
			}
		})
	}
}

package lab

import (
	"crypto/tls"
	"crypto/x509"
	"net/netip"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// TestFakeExchangeOnline connects with a plain client, with and without certificates, and checks the reply and the
// decision.
func TestFakeExchangeOnline(t *testing.T) {
	defer goleak.VerifyNone(t)
	ca, err := NewCA(time.Now())
	if err != nil {
		t.Fatal(err)
	}
	issue := func(name string, change func(*Leaf)) *tls.Certificate {
		l := Leaf{Names: []string{name}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
		change(&l)
		c, err := ca.Issue(l)
		if err != nil {
			t.Fatal(err)
		}
		return &c
	}
	trusted := func(name string) *tls.Certificate { return issue(name, func(*Leaf) {}) }
	untrusted := issue("mail.contoso.example", selfSigned)
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(ca.RootPEM())
	printer := []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}
	server, err := StartFakeExchangeOnline(FakeExchangeOnlineOptions{
		Certificate: *trusted("contoso-example.mail.protection.lab.example"), ClientRoots: roots,
		Tenants: []FakeTenant{
			{
				Name: "contoso", Domains: []string{"contoso.example"},
				Connectors: []FakeConnector{{Name: "Hybrid", Certificate: "*.contoso.example"}},
			},
			{
				Name: "tailspin", Domains: []string{"tailspin.example"},
				Connectors: []FakeConnector{{Name: "Relay", Certificate: "relay.vendor.example"}},
			},
			{
				Name: "scanner", Domains: []string{"scanner.example"},
				Connectors: []FakeConnector{{Name: "Printer", Addresses: printer}},
			},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	const outside, refused = "who@elsewhere.example", "550 5.7.64"
	for name, c := range map[string]struct {
		certificate          *tls.Certificate
		from, to             string
		reply, tenant, basis string
	}{
		"certificate of an accepted domain": {
			trusted("mail.contoso.example"), "", outside, "250", "contoso", "certificate",
		},
		"its own recipient": {
			trusted("mail.contoso.example"), "a@other.example", "b@contoso.example", "250", "contoso", "certificate",
		},
		"certificate of no accepted domain, by MAIL FROM": {
			trusted("relay.vendor.example"), "a@tailspin.example", outside, "250", "tailspin", "mail_from",
		},
		"certificate of no accepted domain, null sender": {
			trusted("relay.vendor.example"), "", outside, refused, "", "none",
		},
		"renewed certificate that no longer matches": {
			trusted("new.elsewhere.example"), "a@contoso.example", outside, refused, "", "none",
		},
		"untrusted certificate": {untrusted, "a@contoso.example", outside, refused, "", "none"},
		"by address":            {nil, "a@scanner.example", outside, "250", "scanner", "mail_from"},
		"anonymous mail to an accepted domain": {
			nil, "a@other.example", "b@tailspin.example", "250", "tailspin", "rcpt_to",
		},
	} {
		t.Run(name, func(t *testing.T) {
			client := dial(t, "127.0.0.1", server.Port())
			config := &tls.Config{}
			if c.certificate != nil {
				config.Certificates = []tls.Certificate{*c.certificate}
			}
			client.encrypt(config)
			client.expect("MAIL FROM:<"+c.from+">", "250", "RCPT TO:<"+c.to+">", c.reply)
			all := server.Decisions()
			last := all[len(all)-1]
			if last.Tenant != c.tenant || last.Basis != c.basis || last.Accepted != (c.reply == "250") {
				t.Errorf("%+v, want tenant %q by %s", last, c.tenant, c.basis)
			}
		})
	}
}

package lab

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"
	"go.uber.org/goleak"
)

const zone = `a.example. 60 IN A 127.0.0.1
a.example. 60 IN A 127.0.0.2
alias.example. 60 IN CNAME a.example.
d.example. 60 IN MX 10 a.example.
null.example. 60 IN MX 0 .
`

func TestDNS(t *testing.T) {
	defer goleak.VerifyNone(t)
	d, err := StartDNS(zone)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	d.InjectFault("fault.example", func(w dns.ResponseWriter, q *dns.Msg) {
		m := new(dns.Msg).SetReply(q)
		m.Rcode = dns.RcodeNotImplemented
		_ = w.WriteMsg(m)
	})
	tests := []struct {
		name  string
		qtype uint16
		rcode string
		data  []string
	}{
		{"A.Example", dns.TypeA, "NOERROR", []string{"127.0.0.1", "127.0.0.2"}},
		{"a.example", dns.TypeMX, "NOERROR", nil},
		{"alias.example", dns.TypeA, "NOERROR", []string{"a.example."}},
		{"d.example", dns.TypeMX, "NOERROR", []string{"10 a.example."}},
		{"null.example", dns.TypeMX, "NOERROR", []string{"0 ."}},
		{"nowhere.example", dns.TypeA, "NXDOMAIN", nil},
		{"fault.example", dns.TypeA, "NOTIMP", nil},
		{"servfail-a.example", dns.TypeA, "SERVFAIL", nil},
		{"refused-a.example", dns.TypeA, "REFUSED", nil},
		{"timeout-a.example", dns.TypeA, "timeout", nil},
	}
	for _, network := range []string{"udp", "tcp"} {
		for _, test := range tests {
			rcode, data := query(t, network, d.Addr(), test.name, test.qtype)
			if diff := cmp.Diff(test.data, data); diff != "" || rcode != test.rcode {
				t.Errorf("%s %s %d: %s %s, want %s", network, test.name, test.qtype, rcode, diff, test.rcode)
			}
		}
	}
}

func TestSignedZones(t *testing.T) {
	defer goleak.VerifyNone(t)
	d, err := StartDNS(zone + "a.bogus.example. 60 IN A 127.0.0.1\n")
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	d.Sign("example", true)
	d.Sign("bogus.example", false)
	for _, test := range []struct {
		name   string
		ad, cd bool // what the question has
		want   bool // whether the answer has AD

		rcode int
	}{
		{name: "a.example.", ad: true, want: true},
		{name: "a.example."},
		{name: ".", ad: true, want: true},
		{name: "other.", ad: true, rcode: dns.RcodeNameError},
		{name: "a.bogus.example.", ad: true, rcode: dns.RcodeServerFailure},
		{name: "a.bogus.example.", ad: true, cd: true},
	} {
		q := new(dns.Msg).SetQuestion(test.name, dns.TypeA)
		q.AuthenticatedData, q.CheckingDisabled = test.ad, test.cd
		answer, _, err := new(dns.Client).Exchange(q, d.Addr())
		if err != nil {
			t.Fatal(err)
		}
		if answer.AuthenticatedData != test.want || answer.Rcode != test.rcode {
			t.Errorf("%+v: AD %v, %s", test, answer.AuthenticatedData, dns.RcodeToString[answer.Rcode])
		}
	}
}

func TestDNSSetReplacesAllRecordsOrNone(t *testing.T) {
	defer goleak.VerifyNone(t)
	if _, err := StartDNS("a.example. IN A nonsense"); err == nil {
		t.Error("a zone with an error is accepted")
	}
	d, err := StartDNS("")
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	for _, step := range []struct {
		text string
		bad  bool
		want string
	}{{zone, false, "NOERROR"}, {"a.example. IN A nonsense", true, "NOERROR"}, {"", false, "NXDOMAIN"}} {
		err := d.Set(step.text)
		rcode, _ := query(t, "udp", d.Addr(), "a.example", dns.TypeA)
		if (err != nil) != step.bad || rcode != step.want {
			t.Errorf("Set(%q): %v, then %s, want %s", step.text, err, rcode, step.want)
		}
	}
}

package mailflow

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

func TestWithImpliedSenders(t *testing.T) {
	given := tenant("contoso", "contoso.com contoso.net",
		onPremises("served", "*.contoso.com", ""), onPremises("scanner", "-",
			"198.51.100.10 198.51.100.64/26 198.51.100.10/32 2001:db8::1 10.0.0.0/8"),
		onPremises("edge", "mail.contoso.com", ""), with(onPremises("off", "mail.contoso.com", ""), disabled),
		partner("partner", "*", "", "192.0.2.1"),
		with(onPremises("merger", "-", ""), func(c *InboundConnector) { c.TrustedOrganizations = []string{"fabrikam"} }))
	given.Senders = append(make([]Sender, 0, 8), Sender{Name: "edge", Connector: "served"})
	got := WithImpliedSenders(given)
	var summary []string
	for _, s := range got.Senders {
		summary = append(summary, fmt.Sprintf("%s|%s|%t|%s|%v|%v", s.Name, s.Connector, s.Assumed, s.Relays, s.Addresses,
			s.MailFromDomains))
	}
	want := "edge|served|false||[]|[]; scanner|scanner|true|external|[198.51.100.10/32 198.51.100.64/26]|[contoso.com " +
		"contoso.net]; " +
		"edge (assumed)|edge|true|external|[]|[contoso.com contoso.net]"
	if s := strings.Join(summary, "; "); s != want {
		t.Errorf("got  %s\nwant %s", s, want)
	}
	if len(given.Senders) != 1 || given.Senders[:2][1].Name != "" {
		t.Error("the given tenant was changed")
	}
	if again := WithImpliedSenders(got); len(again.Senders) != len(got.Senders) {
		t.Errorf("%d senders the second time", len(again.Senders))
	}
}

func TestAssumedCertificate(t *testing.T) {
	certificates := []*ClientCertificate{nil, certificate("gateway.msp.com"), certificate("mail.contoso.com")}
	for value, want := range map[string]int{"*.contoso.com": 2, "gateway.msp.com": 1, "mail.fabrikam.com": 1, "": 1} {
		c := &InboundConnector{TLSSenderCertificateName: value}
		if got := AssumedCertificate(c, certificates, make([]bool, 3)); got != want {
			t.Errorf("for %q: %d, want %d", value, got, want)
		}
	}
	if got := AssumedCertificate(&InboundConnector{}, nil, nil); got != -1 {
		t.Errorf("of nothing: %d", got)
	}
	// A certificate that another connector requires is not that of this connector's sender.
	hybrid := tenant("a", "contoso.com", onPremises("hybrid", "*.contoso.com", ""), onPremises("service", "1.svc.com", ""),
		with(onPremises("off", "gateway.msp.com", ""), disabled))
	claimed := hybrid.Claimed(certificates)
	if !slices.Equal(claimed, []bool{false, false, true}) {
		t.Errorf("claimed: %v", claimed)
	}
	for i, want := range map[int]int{0: 2, 1: 1} {
		if got := AssumedCertificate(&hybrid.Inbound[i], certificates, claimed); got != want {
			t.Errorf("%s: %d, want %d", hybrid.Inbound[i].Name, got, want)
		}
	}
	if got := AssumedCertificate(&hybrid.Inbound[1], certificates[2:], claimed[2:]); got != -1 {
		t.Errorf("of another connector: %d", got)
	}
}

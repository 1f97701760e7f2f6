package daemon

import (
	"crypto/sha256"
	"crypto/tls"
	"encoding/pem"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"m365_connector_exporter/cmd/m365_connector_exporter/internal/config"
	"m365_connector_exporter/collector/check"
	"m365_connector_exporter/collector/text"
	"m365_connector_exporter/probes"
	"m365_connector_exporter/probes/lab"
	"m365_connector_exporter/probes/mailflow"
	"m365_connector_exporter/probes/mtasts"
)

// What Exchange Online would do with mail follows from the mode that is rehearsed, not from that of the connector. A
// path without address is not looked up.
func TestPredictWithOtherModes(t *testing.T) {
	tenants := []mailflow.Tenant{{Name: "contoso", Outbound: []mailflow.OutboundConnector{
		{Common: mailflow.Common{Name: "To", Type: mailflow.Partner}, MTASTSMode: "None", SMTPDANEMode: "Opportunistic"},
	}}}
	id := probes.PathID{Tenant: "contoso", Direction: mailflow.Outbound, Connector: "To", Path: "a.example"}
	item := func(path string, addr netip.AddrPort) text.Item {
		p := probes.Path{ID: id, Kind: probes.NextHopDomain, NextHop: path, NotProbed: "the connector is disabled"}
		p.ID.Path = path
		endpoints := []probes.Endpoint{{Host: "mx." + path, Addr: addr}}
		return text.Item{Path: p, Result: probes.Result{Path: p.ID, Endpoints: endpoints}}
	}
	for name, row := range map[string]struct {
		modes DeliveryModes
		want  check.Delivery
	}{
		"as it is":      {DeliveryModes{}, check.DeliveryNotApplicable},
		"Opportunistic": {DeliveryModes{MTASTS: "Opportunistic"}, check.DeliveryQueue},
		"None":          {DeliveryModes{MTASTS: "None"}, check.DeliveryNotApplicable},
	} {
		t.Run(name, func(t *testing.T) {
			w := newPolicyWorld()
			w.setMode(mtasts.Enforce)
			items := []text.Item{
				item("a.example", netip.MustParseAddrPort("192.0.2.1:25")), item("gone.example", netip.AddrPort{}),
			}
			predict(t.Context(), row.modes.with(tenants), w, items)
			if got := items[0].Predictions; len(got) != 1 || got[0].Delivery != row.want {
				t.Errorf("predictions %+v, want %s", got, row.want)
			}
			if len(items[1].Predictions) != 0 || len(w.lookups("gone.example")) != 0 {
				t.Errorf("a path without address: predictions %+v, policy looked up at %v", items[1].Predictions,
					w.lookups("gone.example"))
			}
		})
	}
	if c := tenants[0].Outbound[0]; c.MTASTSMode != "None" {
		t.Errorf("the tenants were changed: %+v", c)
	}
}

func TestDeliveryModes(t *testing.T) {
	tenants := []mailflow.Tenant{{Outbound: []mailflow.OutboundConnector{{MTASTSMode: "None", SMTPDANEMode: "None"}}}}
	c := DeliveryModes{DANE: "Mandatory"}.with(tenants)[0].Outbound[0]
	if c.SMTPDANEMode != "Mandatory" || c.MTASTSMode != "None" {
		t.Errorf("modes %q and %q, want Mandatory and None", c.SMTPDANEMode, c.MTASTSMode)
	}
}

// TestRehearseDANE rehearses each mode against a domain whose MX host matches its TLSA record, one whose does not, one
// that is not signed, and a smart host.
func TestRehearseDANE(t *testing.T) {
	w := newDANELab(t)
	want := map[string]map[string]string{
		"Mandatory": {
			"good.example": "deliver match", "bad.example": "queue tlsa_mismatch", "plain.example": "queue no_dane",
			"mx.bad.example": "queue tlsa_mismatch uncertain",
		},
		"Opportunistic": {
			"good.example": "deliver match", "bad.example": "queue tlsa_mismatch", "plain.example": "not_applicable no_dane",
			"mx.bad.example": "queue tlsa_mismatch uncertain",
		},
		"None": {
			"good.example": "not_applicable mode_none", "bad.example": "not_applicable mode_none",
			"plain.example": "not_applicable mode_none", "mx.bad.example": "not_applicable mode_none",
		},
	}
	for mode, byPath := range want {
		started := func(int) func() { return func() {} }
		modes := DeliveryModes{DANE: mode, MTASTS: "None"}
		items, err := RehearseDelivery(t.Context(), w.cfg, nil, modes, "a.example", started)
		if err != nil {
			t.Fatal(err)
		}
		got := map[string]string{}
		for _, item := range items {
			for _, p := range item.Predictions {
				if p.Mechanism != check.MechanismDANE {
					continue
				}
				got[item.Path.NextHop] = string(p.Delivery) + " " + p.Reason
				if p.Uncertain != "" {
					got[item.Path.NextHop] += " uncertain"
				}
			}
		}
		if diff := cmp.Diff(byPath, got); diff != "" {
			t.Errorf("--dane=%s: %s", mode, diff)
		}
	}
}

// TestRehearseTLSA compares a new certificate with the records of the servers whose names it has.
func TestRehearseTLSA(t *testing.T) {
	w := newDANELab(t)
	now := time.Now()
	renewed, err := w.ca.Issue(lab.Leaf{
		Names: []string{"mx.good.example"}, NotBefore: now.Add(-time.Hour), NotAfter: now.AddDate(0, 0, 90),
	})
	if err != nil {
		t.Fatal(err)
	}
	other, err := w.ca.Issue(lab.Leaf{Names: []string{"a.example"}, NotAfter: now.AddDate(0, 0, 90)})
	if err != nil {
		t.Fatal(err)
	}
	for name, row := range map[string]struct {
		certificate tls.Certificate
		want        []string
	}{
		"the present one": {w.leaf, []string{"mx.bad.example mismatch", "mx.good.example match"}},
		"a renewed one":   {renewed, []string{"mx.good.example mismatch"}},
		"of another name": {other, nil},
	} {
		file := filepath.Join(t.TempDir(), "new.pem")
		var pemText []byte
		for _, der := range row.certificate.Certificate {
			pemText = append(pemText, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})...)
		}
		if err := os.WriteFile(file, pemText, 0o600); err != nil {
			t.Fatal(err)
		}
		all, err := RehearseTLSA(t.Context(), w.cfg, file, "")
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, r := range all {
			got = append(got, r.Host+" "+string(r.DANE.Status))
			if want := "._tcp." + r.Host; !strings.HasPrefix(r.Owner, "_") || !strings.HasSuffix(r.Owner, want) {
				t.Errorf("%s: owner %s, want _PORT%s", name, r.Owner, want)
			}
			if r.Breaks() != (r.DANE.Status == probes.DANEMismatch) || !strings.HasPrefix(r.Publish, "3 1 1 ") {
				t.Errorf("%s: %+v", name, r)
			}
		}
		if diff := cmp.Diff(row.want, got); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
	if _, err := RehearseTLSA(t.Context(), w.cfg, "missing.pem", ""); err == nil {
		t.Error("no error for a file that does not exist")
	}
}

// daneLab is a mail server for three domains by MX and a smart host, and a DNS server that counts as validating.
type daneLab struct {
	cfg  *config.Config
	dns  *lab.DNS
	leaf tls.Certificate
	ca   *lab.CA
}

func newDANELab(t *testing.T) daneLab {
	t.Helper()
	now := time.Now()
	ca, err := lab.NewCA(now)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := ca.Issue(lab.Leaf{
		Names: []string{"mx.good.example", "mx.bad.example"}, NotBefore: now.Add(-time.Hour), NotAfter: now.AddDate(0, 0, 90),
	})
	if err != nil {
		t.Fatal(err)
	}
	mail, err := lab.StartMail(lab.MailOptions{Certificate: &leaf})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(mail.Close)
	zone := ""
	for _, domain := range []string{"good.example", "bad.example", "plain.example"} {
		zone += fmt.Sprintf("%[1]s. 60 IN MX 10 mx.%[1]s.\nmx.%[1]s. 60 IN A 127.0.0.1\n", domain)
	}
	const tlsa = "_%d._tcp.mx.%s.example. 60 IN TLSA 3 0 1 %x\n"
	zone += fmt.Sprintf(tlsa, mail.Port(), "good", sha256.Sum256(leaf.Certificate[0]))
	zone += fmt.Sprintf(tlsa, mail.Port(), "bad", sha256.Sum256(nil))
	dns, err := lab.StartDNS(zone)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(dns.Close)
	dns.Sign("good.example", true)
	dns.Sign("bad.example", true)
	file := filepath.Join(t.TempDir(), "c.yaml")
	text := fmt.Sprintf(`
global: { allow_networks: [127.0.0.0/8], min_gap_per_address: 1ms, max_concurrent_per_address: 16 }
probe: { port: %d, ip_protocol: ip4, dns_servers: ["%s"], timeout: 10s }
tenants:
- name: contoso
  outbound_connectors:
  - name: By MX
    connector_type: Partner
    use_mx_record: true
    recipient_domains: [good.example, bad.example, plain.example]
  - name: By smart host
    connector_type: OnPremises
    smart_hosts: [mx.bad.example]
`, mail.Port(), dns.Addr())
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg, err := config.Load(t.Context(), file)
	if err != nil {
		t.Fatal(err)
	}
	return daneLab{cfg, dns, leaf, ca}
}

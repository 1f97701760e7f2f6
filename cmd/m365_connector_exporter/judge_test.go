package main

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"m365_connector_exporter/cmd/m365_connector_exporter/internal/config"
	"m365_connector_exporter/collector/check"
	"m365_connector_exporter/probes"
	"m365_connector_exporter/probes/mailflow"
)

// TestAssumedSender: what a sender that nobody wrote presents is what the tenant's own smart hosts show, the fitting one before the
// first; it is judged as a client's, and the simulation follows it.
func TestAssumedSender(t *testing.T) {
	file := filepath.Join(t.TempDir(), "config.yaml")
	text := `tenants:
  - name: contoso
    accepted_domains: [{ domain_name: contoso.com, domain_type: Authoritative }]
    outbound_connectors:
      - { name: To, connector_type: OnPremises, recipient_domains: [contoso.com], use_mx_record: false, smart_hosts: [mail.contoso.com] }
    inbound_connectors:
      - { name: From, connector_type: OnPremises, tls_sender_certificate_name: "*.contoso.com" }
`
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg, err := config.Load(t.Context(), file)
	if err != nil {
		t.Fatal(err)
	}
	showing := func(name string) *probes.TLS {
		s := &probes.TLS{Chain: []*probes.Certificate{{CommonName: name, DNSNames: []string{name}, Fingerprint: name, NotAfter: time.Now().Add(time.Hour)}}}
		for v := range probes.VerdictAcceptedDomain {
			s.Verdicts[v].Outcome = probes.Passed
		}
		return s
	}
	j := newJudge(cfg)
	id := probes.PathID{Tenant: "contoso", Direction: mailflow.Inbound, Connector: "From", Path: "From"}
	for name, c := range map[string]struct {
		shown    []*probes.TLS
		client   string
		accepted probes.Outcome
		ground   mailflow.AttributionBasis
	}{
		"nothing yet":            {nil, "", probes.NotReached, ""},
		"the fitting one":        {[]*probes.TLS{showing("other.example"), showing("mail.contoso.com")}, "mail.contoso.com", probes.Passed, mailflow.BasisCertificate},
		"another one than asked": {[]*probes.TLS{showing("other.example")}, "other.example", probes.Failed, mailflow.BasisNone},
	} {
		f := &check.Facts{Now: time.Now(), Tenants: cfg.Tenants}
		for _, p := range plan(cfg, "") {
			one := check.Path{Path: &p}
			for _, s := range c.shown {
				if p.ID.Direction == mailflow.Outbound {
					one.Endpoints = append(one.Endpoints, check.Endpoint{TLS: s})
				}
			}
			f.Paths = append(f.Paths, one)
		}
		j.complete(f)
		client, verdicts := "", [probes.NumVerdicts]probes.Judgement{}
		for _, p := range f.Paths {
			if p.ID == id && p.Client != nil {
				client, verdicts = p.Client.Chain[0].CommonName, p.Client.Verdicts
			}
		}
		if client != c.client || verdicts[probes.VerdictAcceptedDomain].Outcome != c.accepted || verdicts[probes.VerdictName].Outcome != c.accepted { // *.contoso.com is asked for, contoso.com accepted
			t.Errorf("%s: presents %q, judged %v", name, client, verdicts)
		}
		if all := f.Attributions[id]; c.ground == "" && len(all) > 0 || c.ground != "" && (len(all) == 0 || all[0].Basis != c.ground) {
			t.Errorf("%s: %+v", name, all)
		}
		if cfg.Tenants[0].Senders[0].ClientCertificate != nil {
			t.Errorf("%s: the configuration was changed", name)
		}
	}
}

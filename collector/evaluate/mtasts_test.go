package evaluate_test

import (
	"net/netip"
	"slices"
	"strings"
	"testing"

	"m365_connector_exporter/collector/check"
	"m365_connector_exporter/collector/evaluate"
	"m365_connector_exporter/probes"
	"m365_connector_exporter/probes/mailflow"
	"m365_connector_exporter/probes/mtasts"
)

// byMX is a path of contoso's partner connector to fabrikam.com by MX, as probed at these endpoints.
func byMX(endpoints ...probes.Endpoint) check.Path {
	return check.Path{
		Path: &probes.Path{
			ID:   probes.PathID{Tenant: "contoso", Direction: mailflow.Outbound, Connector: "To", Path: "fabrikam.com"},
			Kind: probes.NextHopDomain, NextHop: "fabrikam.com", ConnectorType: mailflow.Partner,
			TLSSettings: mailflow.DomainValidation, TLSDomain: "other.example",
		},
		Conclusive: &probes.Result{Endpoints: endpoints},
	}
}

// shownAt is a server that showed a certificate for a name.
func shownAt(host, name string, change func(*probes.TLS)) probes.Endpoint {
	t := showing(name)
	t.Verdicts[probes.VerdictName].Outcome = probes.Failed // it is not for TlsDomain
	if change != nil {
		change(t)
	}
	return probes.Endpoint{Host: host, Addr: netip.MustParseAddrPort("192.0.2.1:25"), TLS: t}
}

func fails(v probes.Verdict, detail string) func(*probes.TLS) {
	return func(t *probes.TLS) { t.Verdicts[v] = probes.Judgement{Outcome: probes.Failed, Detail: detail} }
}

// snapshotOf has one path, and an enforced policy of its next hop.
func snapshotOf(p check.Path, mx ...string) *evaluate.Snapshot {
	domain := p.NextHop
	return &evaluate.Snapshot{
		Paths: []check.Path{p},
		Policies: map[check.TenantDomain]*mtasts.State{{Tenant: "contoso", Domain: domain}: {
			Domain: domain, Mode: mtasts.Enforce, Policy: &mtasts.Policy{Mode: mtasts.Enforce, MX: mx},
		}},
	}
}

// report evaluates a snapshot in which the connector To has this MtaStsMode.
func report(mode string, s *evaluate.Snapshot) *evaluate.Report {
	tenant := contoso(mailflow.Sender{})
	tenant.Outbound = []mailflow.OutboundConnector{{
		Common: mailflow.Common{Name: "To", Enabled: mailflow.Yes, Type: mailflow.Partner}, MTASTSMode: mode,
	}}
	return evaluate.Evaluate(&evaluate.Inventory{Tenants: []mailflow.Tenant{tenant}}, s, noon)
}

func TestPredictMTASTS(t *testing.T) {
	const mx = "mx.fabrikam.com"
	clear := probes.Endpoint{Host: mx}
	clear.Steps[probes.TLSStage] = probes.NewStep(probes.ReasonSTARTTLSNotOffered, "")
	silent := probes.Endpoint{Host: mx}
	silent.Steps[probes.Connect] = probes.NewStep(probes.ReasonConnectTimeout, "")
	smartHost := byMX(shownAt(mx, mx, nil))
	smartHost.Kind = probes.NextHopSmartHost
	opportunistic := byMX(probes.Endpoint{Host: mx})
	opportunistic.TLSSettings = ""
	opportunistic.Conclusive.Endpoints[0].Steps[probes.TLSStage].Outcome = probes.Passed
	otherAddresses := byMX(shownAt("fabrikam.com", mx, nil))
	otherAddresses.Settings.ConnectTo = []netip.Addr{netip.MustParseAddr("192.0.2.7")}
	disabled := byMX(shownAt(mx, mx, nil))
	disabled.NotProbed = "the connector is disabled"
	for name, row := range map[string]struct {
		mode     string
		path     check.Path
		mx       string // of the policy
		want     string // delivery, code, reason; "" for no prediction
		evidence string
	}{
		"valid":    {"", byMX(shownAt(mx, mx, nil)), mx, "deliver  match", ""},
		"wildcard": {"", byMX(shownAt(mx, "*.fabrikam.com", nil)), "*.fabrikam.com", "deliver  match", ""},
		"mode None": {
			"None", byMX(shownAt(mx, "other.example", nil)), mx, "not_applicable  mode_none", "",
		},
		"a mode of the future": {"Strict", byMX(shownAt(mx, mx, nil)), mx, "", ""},
		"not listed": {
			"Opportunistic", byMX(shownAt(mx, mx, nil)), "a.example", "queue 5.4.8 mx_not_listed",
			"the policy does not list mx.fabrikam.com",
		},
		"for another name": {
			"", byMX(shownAt(mx, "other.example", nil)), mx, "queue 5.7.5 certificate_invalid",
			"the certificate of mx.fabrikam.com: none of its names is that of the host",
		},
		"wildcard of another label": {
			"", byMX(shownAt(mx, "*.mx.fabrikam.com", nil)), mx, "queue 5.7.5 certificate_invalid", "none of its names",
		},
		"expired": {
			"", byMX(shownAt(mx, mx, fails(probes.VerdictTime, "expired on Monday"))), mx, "queue 5.7.5 certificate_invalid",
			"expired on Monday",
		},
		"untrusted": {
			"", byMX(shownAt(mx, mx, fails(probes.VerdictTrust, "unknown authority"))), mx,
			"queue 5.7.5 certificate_invalid", "unknown authority",
		},
		"trust not judged": {
			"", byMX(shownAt(mx, mx, func(t *probes.TLS) { t.Verdicts[probes.VerdictTrust] = probes.Judgement{} })), mx, "", "",
		},
		"names that were not recorded": {
			"", byMX(shownAt(mx, "other.example", func(t *probes.TLS) { t.Chain[0].OmittedNames = 900 })), mx, "", "",
		},
		"no STARTTLS":             {"", byMX(clear), mx, "queue  no_tls", "mx.fabrikam.com has no TLS"},
		"no STARTTLS, not wanted": {"", opportunistic, mx, "queue  no_tls", "mx.fabrikam.com has no TLS"},
		"not reached":             {"", byMX(silent), mx, "", ""},
		"two MX, the second fine": {
			"", byMX(clear, shownAt("mx2.fabrikam.com", "mx2.fabrikam.com", nil)), "*.fabrikam.com", "deliver  match", "",
		},
		"more MX than are probed": {"", byMX(slices.Repeat([]probes.Endpoint{clear}, 16)...), mx, "", ""},
		"connect_to":              {"", otherAddresses, mx, "", ""},
		"a disabled connector":    {"", disabled, mx, "", ""},
		"a smart host":            {"", smartHost, mx, "deliver  match", ""},
	} {
		t.Run(name, func(t *testing.T) {
			predictions := report(row.mode, snapshotOf(row.path, row.mx)).Predictions
			i := slices.IndexFunc(predictions, func(p check.Prediction) bool { return p.Mechanism == check.MechanismMTASTS })
			got, evidence := "", ""
			if i >= 0 {
				p := predictions[i]
				got = strings.Join([]string{string(p.Delivery), p.Code, p.Reason}, " ")
				evidence = strings.Join(p.Evidence, "; ")
				if smart := row.path.Kind == probes.NextHopSmartHost; smart != (p.Uncertain != "") {
					t.Errorf("uncertain %q", p.Uncertain)
				}
			}
			if got != row.want || !strings.Contains(evidence, row.evidence) {
				t.Errorf("got %q because %q, want %q because %q", got, evidence, row.want, row.evidence)
			}
		})
	}
}

// The domains of a tenant have policies as accepted domains, as next hops, or as both.
func TestPoliciesOfATenant(t *testing.T) {
	s := snapshotOf(byMX(shownAt("mx.fabrikam.com", "mx.fabrikam.com", nil)), "mx2.fabrikam.com")
	s.Policies[check.TenantDomain{Tenant: "contoso", Domain: "contoso.com"}] = &mtasts.State{
		Domain: "contoso.com", Mode: mtasts.Testing,
		Policy: &mtasts.Policy{Mode: mtasts.Testing, MX: []string{"*.mail.protection.outlook.com"}},
	}
	s.MX = map[string][]string{"contoso.com": {"contoso-com.mail.protection.outlook.com", "backup.contoso.com"}}
	all := report("", s).Policies
	if len(all) != 2 {
		t.Fatalf("%d policies, want 2: %+v", len(all), all)
	}
	own, partner := all[0], all[1]
	if !own.Accepted || own.NextHop || !slices.Equal(own.Unlisted, []string{"backup.contoso.com"}) {
		t.Errorf("contoso.com: %+v, want an accepted domain whose policy does not list backup.contoso.com", own)
	}
	if !partner.NextHop || partner.Accepted || !slices.Equal(partner.Unlisted, []string{"mx.fabrikam.com"}) {
		t.Errorf("fabrikam.com: %+v, want a next hop whose policy does not list mx.fabrikam.com", partner)
	}
}

func TestPolicyThatIsNotEnforcedListsNothing(t *testing.T) {
	s := snapshotOf(byMX(shownAt("mx.fabrikam.com", "mx.fabrikam.com", nil)), "mx2.fabrikam.com")
	for _, state := range s.Policies {
		state.Mode = mtasts.None
	}
	if all := report("", s).Policies; len(all) != 1 || len(all[0].Unlisted) != 0 {
		t.Errorf("policies %+v, want one without unlisted hosts", all)
	}
}

func TestSmartHostsWithoutPolicyAreNotListed(t *testing.T) {
	p := byMX(shownAt("mx.fabrikam.com", "mx.fabrikam.com", nil))
	p.Kind = probes.NextHopSmartHost
	s := snapshotOf(p, "mx2.fabrikam.com")
	if all := report("", s).Policies; len(all) != 1 || !all[0].SmartHost {
		t.Errorf("policies %+v, want that of the smart host", all)
	}
	for _, state := range s.Policies {
		state.Mode, state.Policy = mtasts.Absent, nil
	}
	if all := report("", s).Policies; len(all) != 0 {
		t.Errorf("policies %+v, want none", all)
	}
}

package check_test

import (
	"cmp"

	"m365_connector_exporter/collector/check"
	"m365_connector_exporter/probes"
	"m365_connector_exporter/probes/mtasts"
)

// held makes a mechanism hold the mail of the path.
func held(mechanism check.Mechanism, code, evidence, uncertain string) func(w *world) {
	return predicted(check.Prediction{
		Mechanism: mechanism, Delivery: check.DeliveryQueue, Code: code, Evidence: []string{evidence}, Uncertain: uncertain,
	})
}

func predicted(p check.Prediction) func(w *world) {
	return func(w *world) {
		p.Path = w.path.ID
		w.Predictions = append(w.Predictions, p)
	}
}

// policy gives contoso a policy.
func policy(p check.Policy) func(w *world) {
	return func(w *world) {
		p.Tenant, p.Domain = "contoso", cmp.Or(p.Domain, "contoso.com")
		w.Policies = append(w.Policies, p)
	}
}

// listing is the state of a policy in a mode, without problem.
func listing(mode mtasts.Mode) *mtasts.State { return &mtasts.State{Mode: mode} }

var inA = check.TenantDomain{Domain: "a.example"}

const atMicrosoft = "contoso-com.mail.protection.outlook.com"

var mtaSTSCases = []testCase{
	{
		"mta_sts_would_queue", "an MX host that is not listed",
		held(check.MechanismMTASTS, "5.4.8", "the policy does not list mx.example", ""), "critical",
		"tries again for 24 hours and returns the mail (4.4.8, then 5.4.8): the policy does not list mx.example.",
	},
	{
		"mta_sts_would_queue", "no TLS, for which no code is documented",
		held(check.MechanismMTASTS, "", "mx.example has no TLS", ""), "critical", "returns the mail: mx.example has no TLS.",
	},
	{
		"mta_sts_would_queue", "a smart host",
		held(check.MechanismMTASTS, "5.7.5", "expired", "not documented"), "warning uncertain", "4.7.5, then 5.7.5",
	},
	{"mta_sts_would_queue", "held because of DANE", held(check.MechanismDANE, "5.7.323", "tlsa", ""), "", ""},
	{
		"mta_sts_would_queue", "delivered",
		predicted(check.Prediction{Mechanism: check.MechanismMTASTS, Delivery: check.DeliveryDeliver}), "", "",
	},
	{
		"mta_sts_would_queue", "a path that is gone", func(w *world) {
			held(check.MechanismMTASTS, "5.4.8", "gone", "")(w)
			w.Predictions[0].Path.Path = "gone.example"
		}, "", "",
	},

	{
		"mta_sts_invalid", "a policy that cannot be parsed",
		policy(check.Policy{Accepted: true, State: &mtasts.State{
			Mode: mtasts.Invalid, Broken: true, Problem: "the policy lists no mx",
		}}), "warning", "contoso.com: the policy lists no mx.",
	},
	{
		"mta_sts_invalid", "a policy that is kept while a new one is invalid",
		policy(check.Policy{TenantDomain: inA, NextHop: true, State: &mtasts.State{
			Mode: mtasts.Enforce, Broken: true, Problem: "the certificate of the policy host is not valid",
		}}), "warning", "a.example: the certificate of the policy host is not valid.",
	},
	{
		"mta_sts_invalid", "a policy host that does not answer",
		policy(check.Policy{Accepted: true, State: &mtasts.State{Problem: "connection refused"}}), "", "",
	},
	{
		"mta_sts_invalid", "no policy", policy(check.Policy{Accepted: true, State: listing(mtasts.Absent)}), "", "",
	},
	{
		"mta_sts_invalid", "the MX in Exchange Online is not listed",
		policy(check.Policy{Accepted: true, State: listing(mtasts.Testing), Unlisted: []string{atMicrosoft}}),
		"warning", "The policy of contoso.com (mode testing) does not list " + atMicrosoft + ", an MX host of the domain.",
	},
	{
		"mta_sts_invalid", "all MX hosts are listed",
		policy(check.Policy{Accepted: true, State: listing(mtasts.Enforce)}), "", "",
	},
	{
		"mta_sts_invalid", "of a smart host", policy(check.Policy{SmartHost: true, State: &mtasts.State{
			Mode: mtasts.Invalid, Broken: true, Problem: "no id",
		}}), "", "",
	},
	{
		"mta_sts_invalid", "mail is held because of it, which is a finding of its own", func(w *world) {
			byPolicy(w)
			held(check.MechanismMTASTS, "5.4.8", "not listed", "")(w)
		}, "", "",
	},
	{"mta_sts_invalid", "mail goes to another MX host", byPolicy, "warning", "does not list mx2.a.example"},
}

// byPolicy is a path by MX to a domain whose policy does not list one of its MX hosts.
func byPolicy(w *world) {
	w.path.Kind, w.path.NextHop = probes.NextHopDomain, "a.example"
	policy(check.Policy{
		TenantDomain: inA, NextHop: true, State: listing(mtasts.Enforce), Unlisted: []string{"mx2.a.example"},
	})(w)
}

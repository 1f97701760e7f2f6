package text_test

import (
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"

	"m365_connector_exporter/collector"
	"m365_connector_exporter/collector/check"
	"m365_connector_exporter/collector/evaluate"
	"m365_connector_exporter/collector/internal/golden"
	"m365_connector_exporter/collector/text"
	"m365_connector_exporter/probes"
	"m365_connector_exporter/probes/mailflow"
	"m365_connector_exporter/probes/mtasts"
	"m365_connector_exporter/probes/roundtrip"
)

var noon = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

func end(host, address string, steps ...probes.Step) probes.Endpoint {
	e := probes.Endpoint{Host: host}
	if address != "" {
		e.Addr = netip.MustParseAddrPort(address)
	}
	copy(e.Steps[:], steps)
	return e
}

func one(name string, until probes.Stage, endpoints ...probes.Endpoint) text.Item {
	id := probes.PathID{Tenant: "contoso", Direction: "outbound", Connector: "To " + name, Path: name + ".contoso.com"}
	return text.Item{
		Path:   probes.Path{ID: id},
		Result: probes.Result{Path: id, Until: until, Started: noon, Duration: time.Second, Endpoints: endpoints},
	}
}

// items is one path of each kind, with a peer that sends hostile text wherever it can.
func items() []text.Item {
	const evil = "\x1b[31m\u009b2J\x7f\u202e\xff"
	ok := probes.Step{Outcome: probes.Passed, Duration: 1500 * time.Microsecond}
	uncertain := ok
	uncertain.Uncertain = "more than one label below the domain" + evil
	good := end("good.contoso.com", "192.0.2.1:25", ok, ok, ok, uncertain)
	good.TLS = &probes.TLS{Version: "TLS 1.3", Cipher: "TLS_AES_128_GCM_SHA256", Chain: []*probes.Certificate{{
		Subject: "good" + evil, Issuer: "Lab" + evil, DNSNames: []string{"a" + evil, "b", "c", "d", "e", "f", "g"},
		Fingerprint: "ab",
		NotBefore:   noon.AddDate(0, -1, 0), NotAfter: noon.Add(61*24*time.Hour + time.Hour),
	}}}
	good.TLS.Verdicts[probes.VerdictName] = probes.Judgement{Outcome: probes.Passed, Uncertain: "not documented" + evil}
	good.TLS.MicrosoftRoot = probes.Judgement{Outcome: probes.Failed, Detail: "unknown authority" + evil}
	good.TLS.Verdicts[probes.VerdictTrust] = probes.Judgement{
		Outcome: probes.Failed, Reason: probes.ReasonCertificateUntrusted, Detail: "no root" + evil,
	}
	good.TLS.Verdicts[probes.VerdictRevocation] = probes.Judgement{Detail: "the list did not come" + evil}
	good.DANE = &probes.DANE{
		Status: probes.DANEMatch, TLS: true, Records: []string{"3 1 1 00" + evil}, Total: 9, Matched: "3 1 1 00" + evil,
		Expired: true,
	}
	bad := end("bad.contoso.com", "[2001:db8::1]:25", ok, ok, ok, ok, probes.Step{
		Outcome: probes.Failed, Reason: probes.ReasonRecipientUnknown, Detail: "RCPT" + evil,
		Reply: probes.Reply{Code: 550, Enhanced: "5.1.1", Text: "no such\nuser" + evil},
	})
	bad.TLS = &probes.TLS{Unparsable: "negative serial", Chain: []*probes.Certificate{{NotAfter: noon.AddDate(0, 0, -3)}}}
	busy := one("busy", probes.Connect, end("busy"+evil, "192.0.2.3:2525", ok,
		probes.Step{Outcome: probes.Inconclusive, Reason: probes.ReasonThrottled}))
	busy.Predictions = []check.Prediction{
		{Mechanism: check.MechanismDANE, Delivery: check.DeliveryNotApplicable, Reason: "mode_none"},
		{
			Mechanism: check.MechanismMTASTS, Delivery: check.DeliveryQueue, Code: "5.4.8", Reason: "mx_not_listed",
			Evidence: []string{"the policy does not list busy" + evil}, Uncertain: "smart hosts" + evil,
		},
	}
	busy.Result.Hints = []string{"3 of 200 addresses probed" + evil}
	return []text.Item{
		one("good", probes.TLSStage, good), one("bad", probes.Message, bad), busy,
		one(
			"lost", probes.NumStages+9,
			end("lost.contoso.com", "", probes.Step{Outcome: probes.Failed, Reason: probes.ReasonNXDomain}),
		),
		one("none", probes.TLSStage),
	}
}

// findings is one of each kind, with names and evidence that a hostile export could hold.
func findings() []check.Finding {
	const evil = "\x1b[31m\u009b2J\x7f\u202e\xff"
	about := check.Subject{Tenant: "contoso", Direction: "outbound", Connector: "To A/B" + evil}
	return []check.Finding{
		{
			Key: check.Key{Code: "smart_hosts_missing", Subject: about}, Severity: check.Critical,
			Evidence: []string{"SmartHosts is empty." + evil}, Since: noon,
		},
		{
			Key: check.Key{Code: "smart_hosts_ignored", Subject: check.Subject{Tenant: "fabrikam"}}, Severity: check.Warning,
			Uncertain: "not documented" + evil, Since: noon,
		},
		{
			Key:      check.Key{Code: "smart_hosts_ignored", Subject: check.Subject{Tenant: "=cmd|' /C calc'!A0"}},
			Severity: check.Info, Evidence: []string{"<script>alert(1)</script>" + evil, "second"},
		},
		{Key: check.Key{Code: "smart_hosts_ignored"}, Severity: check.Info},
		{
			Key: check.Key{Code: "smart_hosts_ignored", Subject: about}, Severity: check.Info,
			Suppressed: &check.Suppression{Owner: "mail-team" + evil, Reason: "known", Expires: noon},
		},
	}
}

// roundTrips are a message that was misrouted, one that was returned, one that was delivered and one that is under way.
func roundTrips() []roundtrip.Status {
	const evil = "\x1b[31m\u009b2J\x7f\u202e\xff"
	plan := func(name string) roundtrip.Plan {
		return roundtrip.Plan{Trip: roundtrip.Trip{Tenant: "contoso", Name: name + evil}, DailyLimit: 200}
	}
	const id, other = "a0000000-0000-4000-8000-000000000001", "a0000000-0000-4000-8000-000000000002"
	tenants := map[string]string{id: "contoso" + evil}
	misrouted := &roundtrip.Finished{
		Sent: noon, At: noon.Add(7 * time.Second), Outcome: roundtrip.Misrouted, Duration: 7 * time.Second,
		Mismatches: []roundtrip.Mismatch{{Field: "tenant", Got: other, Want: id}},
		Trace: roundtrip.Trace{
			TenantID: other, Origin: roundtrip.OriginHybridOnPrem, Connecting: netip.MustParseAddr("192.0.2.1"),
			Helo: "edge" + evil, SpamVerdict: "NSPM", SpamConfidence: "1",
			AuthenticationResults: []string{"spf=pass smtp.mailfrom=joe@contoso.com" + evil},
			Hops: []roundtrip.Hop{
				{By: "first" + evil, From: "edge" + evil, With: "ESMTPS", TLS: "TLS 1.3", Time: noon.Add(4 * time.Second)},
				{By: "second", Time: noon, Delay: -4 * time.Second},
				{By: "third", From: "second"},
				{By: "fourth", Time: noon.Add(time.Minute), Delay: time.Minute},
			},
		},
	}
	returned := &roundtrip.Finished{
		Sent: noon, Outcome: roundtrip.Returned,
		Refusal: roundtrip.Refusal{
			Text: "550 5.7.64 TenantAttribution for joe@contoso.com" + evil, Reason: probes.ReasonTenantAttribution,
		},
		DSN: &roundtrip.DSN{
			ReportingServer: "mx.example" + evil, RemoteServer: "mail.contoso.com", Status: "5.7.64",
			Diagnostic: "550 5.7.64 TenantAttribution for joe@contoso.com" + evil,
		},
	}
	return []roundtrip.Status{
		{Plan: plan("hybrid"), Newest: misrouted, Tenants: tenants, LastSent: noon, LastReceived: noon.Add(7 * time.Second)},
		{Plan: plan("servers"), Newest: returned, PausedUntil: noon.Add(time.Hour), PauseReason: "mail loops"},
		{
			Plan: plan("good"), Newest: &roundtrip.Finished{Sent: noon, Outcome: roundtrip.Delivered, Duration: time.Minute},
			History: []roundtrip.Outcomed{
				{Sent: noon.Add(-time.Hour), Outcome: roundtrip.Lost},
				{Sent: noon, Outcome: roundtrip.Delivered, Duration: time.Minute},
			},
		},
		{Plan: plan("new"), UnderWay: noon, NotHanded: "refused" + evil},
	}
}

// snapshot has a path with a certificate of each role, one of them renewed, and a tenant that does not load.
func snapshot() *collector.Snapshot {
	const evil = "\x1b[31m\u009b2J\x7f\u202e\xff"
	id := probes.PathID{Tenant: "contoso", Direction: "inbound", Connector: "From A/B" + evil, Path: "edge"}
	leaf := func(name string) *probes.TLS {
		return &probes.TLS{ChainNotAfter: noon.AddDate(0, 1, 0), Chain: []*probes.Certificate{{
			Subject: name + evil, Issuer: "Lab" + evil, DNSNames: []string{name}, Serial: "01", Fingerprint: name,
			NotBefore: noon.AddDate(0, -1, 0), NotAfter: noon.AddDate(0, 2, 0),
		}}}
	}
	server := leaf("server")
	server.Verdicts[probes.VerdictTrust] = probes.Judgement{
		Outcome: probes.Failed, Reason: probes.ReasonCertificateUntrusted, Detail: "no root" + evil,
	}
	server.Stores = []probes.StoreVerdict{
		{Store: probes.StoreSystem, Outcome: probes.Passed}, {Store: probes.StoreMozilla}, {Store: "own" + evil},
	}
	control := probes.Control{
		Kind: probes.ControlNoCertificate, MailFrom: "o365@contoso.com", Recipient: "control@example.com",
		Connector: "From A/B" + evil, Uncertain: "it may be",
	}
	refused := probes.ControlResult{
		Control: control, Host: "mx.example" + evil, At: noon.AddDate(0, 0, -1), Outcome: probes.ControlRefused,
	}
	greylisted := refused
	greylisted.At, greylisted.Outcome = noon, probes.ControlInconclusive
	greylisted.Stage, greylisted.Reason = probes.Recipient, probes.ReasonTemporaryRejection
	greylisted.Reply = probes.Reply{Code: 450, Enhanced: "4.7.1", Text: "<control@example.com> later" + evil}
	return &collector.Snapshot{
		Tenants: []mailflow.Tenant{{Name: "contoso"}, {Name: "fabrikam", LoadError: "no such file" + evil}},
		Paths: []*collector.PathState{{
			Path:     &probes.Path{ID: id, Controls: []probes.Control{control}},
			Controls: []collector.ControlState{{Newest: greylisted, Conclusive: &refused}},
			Verdict:  probes.Failed, Since: noon.Add(-time.Hour),
			Endpoints: []check.Endpoint{{Host: "mx.example" + evil, Address: "192.0.2.1", TLS: server}},
			Renewals: []check.Renewal{{
				At: noon, Old: check.Leaf{NotAfter: noon.AddDate(0, 0, 9)}, New: check.Leaf{NotAfter: noon.AddDate(0, 2, 0)},
			}},
		}},
		Report: &evaluate.Report{
			Findings: findings(), Clients: map[probes.PathID]*probes.TLS{id: leaf("client")},
			Predictions: []check.Prediction{
				{Path: id, Mechanism: check.MechanismMTASTS, Delivery: check.DeliveryDeliver, Reason: "match"},
			},
			Policies: []check.Policy{
				{TenantDomain: check.TenantDomain{Tenant: "contoso", Domain: "contoso.com"}, Accepted: true, State: &mtasts.State{
					Mode: mtasts.Enforce, ID: "1", Fetched: noon, Until: noon.AddDate(0, 0, 7),
					Policy: &mtasts.Policy{MX: []string{"mx.contoso.com"}},
				}},
				{
					TenantDomain: check.TenantDomain{Tenant: "contoso", Domain: "other" + evil}, NextHop: true,
					Unlisted: []string{"mx" + evil}, State: &mtasts.State{Problem: "no answer" + evil},
				},
			},
		},
	}
}

func TestGolden(t *testing.T) {
	for file, print := range map[string]func(*strings.Builder) error{
		"validation.txt": func(b *strings.Builder) error { return text.Validation(b, items(), text.Options{}) },
		"validation-color.txt": func(b *strings.Builder) error {
			return text.Validation(b, items(), text.Options{Color: true, Width: 80})
		},
		"validation.json": func(b *strings.Builder) error { return text.ValidationJSON(b, items()) },
		"findings.txt":    func(b *strings.Builder) error { return text.Findings(b, findings(), check.Info, text.Options{}) },
		"findings-color.txt": func(b *strings.Builder) error {
			return text.Findings(b, findings(), check.Info, text.Options{Color: true, Width: 80})
		},
		"findings-warning.txt": func(b *strings.Builder) error {
			return text.Findings(b, findings(), check.Warning, text.Options{})
		},
		"findings.csv":  func(b *strings.Builder) error { return text.FindingsCSV(b, findings(), check.Info) },
		"findings.json": func(b *strings.Builder) error { return text.FindingsJSON(b, findings()) },
		"certificates.json": func(b *strings.Builder) error {
			v := snapshot()
			return text.CertificatesJSON(b, v.Certificates(v.Paths, noon))
		},
		"tenants.json": func(b *strings.Builder) error {
			v := snapshot()
			every := func(string) bool { return true }
			return text.TenantsJSON(b, v.SummarizeTenants(v.Paths, v.Report.Findings, every, noon), v.Report)
		},
		"paths.json":       func(b *strings.Builder) error { return text.PathsJSON(b, snapshot().Paths, snapshot().Report) },
		"round-trips.json": func(b *strings.Builder) error { return text.RoundTripsJSON(b, roundTrips()) },
		"round-trip.txt": func(b *strings.Builder) error {
			return errors.Join(text.RoundTrip(b, &roundTrips()[0], text.Options{}),
				text.RoundTrip(b, &roundTrips()[1], text.Options{Color: true}))
		},
		"empty.json": func(b *strings.Builder) error { return text.ValidationJSON(b, nil) },
	} {
		var b strings.Builder
		if err := print(&b); err != nil {
			t.Fatal(err)
		}
		golden.Check(t, "testdata/"+file, b.String())
		if bare := strings.NewReplacer(
			"\x1b[2m", "", "\x1b[31m", "", "\x1b[32m", "", "\x1b[33m", "", "\x1b[0m", "",
		).Replace(b.String()); strings.ContainsAny(bare, "\x1b\x7f\u009b\u202e") {
			t.Errorf("%s: an escape of a peer came through", file)
		}
	}
}

func TestWidth(t *testing.T) {
	var b strings.Builder
	if err := text.Validation(&b, items(), text.Options{Width: 80}); err != nil {
		t.Fatal(err)
	}
	for line := range strings.SplitSeq(b.String(), "\n") {
		if n := len([]rune(line)); n > 80 {
			t.Errorf("%d columns: %s", n, line)
		}
	}
}

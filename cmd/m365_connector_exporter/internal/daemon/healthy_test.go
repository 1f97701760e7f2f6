package daemon

import (
	"testing"
	"time"

	"m365_connector_exporter/cmd/m365_connector_exporter/internal/config"
	"m365_connector_exporter/collector/check"
	"m365_connector_exporter/collector/evaluate"
	"m365_connector_exporter/probes"
	"m365_connector_exporter/probes/mailflow"
)

var healthyNow = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

func healthyTenants(t *testing.T) *config.Config {
	t.Helper()
	cfg, err := config.Load(t.Context(), "../../../../collector/check/testdata/healthy/healthy.yaml")
	if err != nil || len(cfg.Problems()) > 0 || len(cfg.Tenants) != 6 {
		t.Fatalf("%v, %v, %d tenants", err, cfg.Problems(), len(cfg.Tenants))
	}
	return cfg
}

func noneAboveInfo(t *testing.T, findings []check.Finding) {
	t.Helper()
	for _, f := range findings {
		if f.Severity > check.Info {
			t.Errorf("%+v", f)
		}
	}
}

// TestHealthyTenantsAudited holds that these have no finding above info: a tenant of the Hybrid Configuration
// Wizard, a printer that relays by address, a tenant behind a gateway, and customers of a service provider with
// default names.
func TestHealthyTenantsAudited(t *testing.T) {
	findings := Audit(healthyTenants(t), nil, healthyNow).Findings
	noneAboveInfo(t, findings)
	if len(findings) == 0 {
		t.Error("not even ip_authentication_only of the printer is found")
	}
}

// TestHealthyTenantsWatched holds the same after DNS has answered and every server has shown its certificate.
func TestHealthyTenantsWatched(t *testing.T) {
	cfg := healthyTenants(t)
	names := map[string]string{
		"wizard": "*.contoso.com", "msp-adatum": "mail.adatum.com",
		"msp-fabrikam": "mail.fabrikam.com", "msp-northwindtraders": "mail.northwindtraders.com",
	}
	snapshot := &evaluate.Snapshot{MX: map[string][]string{}, SMTPCertificates: map[probes.PathID]*probes.TLS{}}
	for _, p := range Plan(cfg, "prober.example") {
		known := check.Path{Path: &p}
		if p.ID.Direction == mailflow.Outbound {
			known.Endpoints = []check.Endpoint{{
				Host: p.NextHop, Address: "192.0.2.1",
				TLS: healthyCertificate(names[p.ID.Tenant]),
			}}
		}
		snapshot.Paths = append(snapshot.Paths, known)
	}
	for _, tenant := range cfg.Tenants {
		for _, d := range tenant.AcceptedDomains {
			snapshot.MX[d.Name] = []string{"x.mail.protection.outlook.com"}
		}
	}
	snapshot.MX["wingtiptoys.com"] = []string{"mx.gateway.example"}
	for _, p := range smtpCertificatePaths(cfg, "prober.example") {
		snapshot.SMTPCertificates[p.ID] = healthyCertificate(names[p.ID.Tenant])
	}
	report := evaluate.Evaluate(Inventory(cfg), snapshot, healthyNow)
	noneAboveInfo(t, report.Findings)
	for id, predicted := range report.Attributions {
		if len(predicted) == 0 {
			t.Errorf("%s: nothing is predicted", id)
		}
		for _, a := range predicted {
			if a.Message.MailFrom != "" && !a.Reaches(id.Tenant, id.Connector) {
				t.Errorf("%s: %+v", id, a)
			}
		}
	}
	if len(report.Attributions) != 5 {
		t.Errorf("%d senders", len(report.Attributions))
	}
}

func healthyCertificate(name string) *probes.TLS {
	tls := &probes.TLS{Version: "TLS 1.2", Chain: []*probes.Certificate{{
		Subject: name, CommonName: name, DNSNames: []string{name}, Fingerprint: name, Issuer: "CA",
		NotBefore: healthyNow.AddDate(0, -3, 0), NotAfter: healthyNow.AddDate(0, 6, 0), ServerAuth: true,
	}}}
	for _, v := range []probes.Verdict{
		probes.VerdictTime, probes.VerdictTrust, probes.VerdictChain,
		probes.VerdictName, probes.VerdictKey, probes.VerdictSignature,
	} {
		tls.Verdicts[v].Outcome = probes.Passed
	}
	return tls
}

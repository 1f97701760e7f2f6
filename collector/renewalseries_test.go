package collector_test

import (
	"bytes"
	"crypto/x509"
	"fmt"
	"strings"
	"testing"
	"time"

	"m365_connector_exporter/collector"
	"m365_connector_exporter/collector/check"
	"m365_connector_exporter/collector/evaluate"
	"m365_connector_exporter/probes"
	"m365_connector_exporter/probes/certificate"
	"m365_connector_exporter/probes/lab"
	"m365_connector_exporter/probes/mailflow"
)

// renewingHost is an exporter that watches a smart host with two addresses, by a clock that is stepped.
type renewingHost struct {
	t         *testing.T
	now       time.Time
	ca        *lab.CA
	series    [2]*lab.Series // by address
	verifier  *certificate.Verifier
	store     *collector.Store
	inventory *evaluate.Inventory
	path      probes.Path
}

const renewedName = "mail.contoso.com"

func newRenewingHost(t *testing.T, lifetime, renewAfter time.Duration) *renewingHost {
	t.Helper()
	ca, err := lab.NewCA(noon)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(ca.RootPEM())
	h := &renewingHost{
		t: t, now: noon, ca: ca, verifier: certificate.NewVerifier(roots), path: path("To servers", renewedName),
	}
	h.path.ConnectorType, h.path.TLSSettings = mailflow.OnPremises, mailflow.DomainValidation
	h.path.TLSDomain = renewedName
	h.series[0] = ca.Series(lifetime, renewAfter, renewedName)
	h.series[1] = h.series[0]
	h.inventory = &evaluate.Inventory{
		Tenants: []mailflow.Tenant{{
			Name: "contoso", AcceptedDomains: []mailflow.AcceptedDomain{{Name: "contoso.com", Type: "Authoritative"}},
			Outbound: []mailflow.OutboundConnector{{
				Common:      mailflow.Common{Name: "To servers", Enabled: mailflow.Yes, Type: mailflow.OnPremises},
				SmartHosts:  []string{renewedName},
				TLSSettings: mailflow.DomainValidation, TLSDomain: renewedName,
			}},
		}},
		Thresholds: check.Thresholds{WarningRatio: .25, WarningDays: 30, CriticalRatio: .1, CriticalDays: 7},
	}
	h.start(nil)
	return h
}

// start starts the exporter, with the history that it saved before.
func (h *renewingHost) start(history []byte) {
	h.store = collector.NewStore(func() time.Time { return h.now })
	if history != nil {
		if err := h.store.RestoreHistory(history); err != nil {
			h.t.Fatal(err)
		}
	}
	h.store.SetInventory(h.inventory.Tenants, []probes.Path{h.path})
}

func (h *renewingHost) restart() {
	var saved bytes.Buffer
	if err := h.store.SaveHistory(&saved); err != nil {
		h.t.Fatal(err)
	}
	h.start(saved.Bytes())
}

// step moves the clock, probes, evaluates, and returns what is found of certificates and their renewal.
func (h *renewingHost) step(by time.Duration) (codes []string) {
	h.t.Helper()
	h.now = h.now.Add(by)
	var endpoints []probes.Endpoint
	for i, series := range h.series {
		e := endpoint(renewedName, fmt.Sprintf("192.0.2.%d", i+1), passed(0), passed(0), passed(0), passed(0))
		e.TLS = h.shown(series)
		endpoints = append(endpoints, e)
	}
	h.store.Record(round(h.path, h.now, endpoints...))
	report := evaluate.Evaluate(h.inventory, h.store.Observations(), h.now)
	h.store.SetReport(report)
	for _, f := range report.Findings {
		if strings.HasPrefix(f.Code, "renewal_") || strings.HasPrefix(f.Code, "certificate_") {
			codes = append(codes, f.Code)
		}
	}
	return codes
}

func (h *renewingHost) shown(series *lab.Series) *probes.TLS {
	h.t.Helper()
	issued, err := series.At(h.now)
	if err != nil {
		h.t.Fatal(err)
	}
	var chain []*x509.Certificate
	for _, der := range issued.Certificate {
		c, err := x509.ParseCertificate(der)
		if err != nil {
			h.t.Fatal(err)
		}
		chain = append(chain, c)
	}
	shown, _ := h.verifier.Server(h.now, chain, renewedName, renewedName)
	return &shown
}

// onTime steps through several lifetimes with renewals on time, of which nothing may be found.
func (h *renewingHost) onTime(lifetimes float64) {
	h.t.Helper()
	for range int(lifetimes * 50) {
		if codes := h.step(h.series[0].Lifetime / 50); len(codes) > 0 {
			h.t.Fatalf("%s after the start: %v", h.now.Sub(noon), codes)
		}
	}
}

// until steps until a code is found, and returns what was found before it.
func (h *renewingHost) until(code string) (before map[string]bool) {
	h.t.Helper()
	before = map[string]bool{}
	for range 100 {
		codes := h.step(h.series[0].Lifetime / 50)
		for _, found := range codes {
			if found == code {
				return before
			}
			before[found] = true
		}
	}
	h.t.Fatalf("%s is never found", code)
	return nil
}

const oneDay = 24 * time.Hour

var seriesOfCertificates = map[string]struct{ lifetime, renewAfter time.Duration }{
	"6 days":   {6 * oneDay, 3 * oneDay},
	"45 days":  {45 * oneDay, 30 * oneDay},
	"200 days": {200 * oneDay, 134 * oneDay},
}

// A renewal that does not happen is found before the certificate expires soon, and then is not found twice.
func TestRenewalThatDoesNotHappenIsOverdue(t *testing.T) {
	for name, c := range seriesOfCertificates {
		t.Run(name, func(t *testing.T) {
			h := newRenewingHost(t, c.lifetime, c.renewAfter)
			h.onTime(3)
			h.series[0].Stopped = true
			if before := h.until("renewal_overdue"); len(before) > 0 {
				t.Errorf("found before: %v", before)
			}
			h.until("certificate_expires_soon")
			if codes := h.step(0); len(codes) != 1 {
				t.Errorf("found together: %v", codes)
			}
		})
	}
}

func TestCadenceSurvivesARestart(t *testing.T) {
	for name, c := range seriesOfCertificates {
		t.Run(name, func(t *testing.T) {
			h := newRenewingHost(t, c.lifetime, c.renewAfter)
			h.onTime(2.5)
			h.restart()
			h.series[0].Stopped = true
			if before := h.until("renewal_overdue"); len(before) > 0 {
				t.Errorf("found before: %v", before)
			}
		})
	}
}

// After one renewal the cadence is not known: the thresholds of expiry alone decide.
func TestCadenceIsNotLearnedFromOneRenewal(t *testing.T) {
	h := newRenewingHost(t, 45*oneDay, 30*oneDay)
	h.onTime(1)
	h.series[0].Stopped = true
	if before := h.until("certificate_expires_soon"); len(before) > 0 {
		t.Errorf("found before: %v", before)
	}
}

// A shorter or longer lifetime comes with another day of renewal.
func TestAnotherLifetimeIsNotOverdue(t *testing.T) {
	h := newRenewingHost(t, 200*oneDay, 134*oneDay)
	h.onTime(3)
	h.series[0].Lifetime, h.series[0].RenewAfter = 47*oneDay, 34*oneDay
	h.onTime(4)
	h.series[0].Lifetime, h.series[0].RenewAfter = 200*oneDay, 0
	h.step(time.Hour)
	h.series[0].RenewAfter = 165 * oneDay
	h.onTime(3)
}

func TestRenewalOfOneServerIsIncomplete(t *testing.T) {
	h := newRenewingHost(t, 45*oneDay, 30*oneDay)
	h.onTime(2.5)
	h.restart()
	h.onTime(.02)
	stays := *h.series[0] // as the first server, until it is renewed
	stays.Stopped = true
	h.series[1] = &stays
	if before := h.until("renewal_incomplete"); len(before) > 0 {
		t.Errorf("found before: %v", before)
	}
	h.restart()
	for range 5 {
		if codes := h.step(oneDay); len(codes) != 1 || codes[0] != "renewal_incomplete" {
			t.Errorf("after a restart: %v", codes)
		}
	}
	h.series[1] = h.series[0]
	h.onTime(2)
}

// Two servers may have different certificates, which are renewed at different times.
func TestOwnCertificatesOfServersAreNotAnIncompleteRenewal(t *testing.T) {
	h := newRenewingHost(t, 45*oneDay, 30*oneDay)
	h.series[1] = h.ca.Series(45*oneDay, 10*oneDay, renewedName)
	h.onTime(.3)
	h.series[1].RenewAfter = 30 * oneDay
	h.onTime(5)
}

// A certificate that is replaced while the exporter does not run is a renewal, too.
func TestRenewalDuringARestartIsSeen(t *testing.T) {
	for days, want := range map[time.Duration]int{2: 0, 4: 2} { // of the 27th day; renewed after 30
		h := newRenewingHost(t, 45*oneDay, 30*oneDay)
		h.onTime(.6)
		h.restart()
		h.restart() // nothing was probed in between
		h.step(days * oneDay)
		h.step(0)
		if got := h.store.Find(h.path.ID).Renewals; len(got) != want {
			t.Errorf("%d renewals after %d days, want %d", len(got), days, want)
		}
	}
}

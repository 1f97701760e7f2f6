package collector_test

import (
	"bytes"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"m365_connector_exporter/collector"
	"m365_connector_exporter/collector/evaluate"
	"m365_connector_exporter/probes"
)

// at returns a store whose clock stands still, with one path.
func at(now time.Time) (*collector.Store, probes.Path) {
	p := path("To servers", "mail.contoso.com")
	s := collector.NewStore(func() time.Time { return now })
	s.SetInventory(nil, []probes.Path{p})
	return s, p
}

// refusing is an endpoint that fails.
func refusing(host, address string) probes.Endpoint {
	e := healthy(host, address)
	e.Steps[probes.Connect] = probes.NewStep(probes.ReasonConnectRefused, "")
	for i := probes.EHLO; i < probes.NumStages; i++ {
		e.Steps[i] = probes.Step{}
	}
	return e
}

func TestUptime(t *testing.T) {
	s, p := at(noon)
	hours := func(n float64) time.Time { return noon.Add(-time.Duration(n * float64(time.Hour))) }
	s.Record(round(p, hours(48), healthy("mail.contoso.com", "192.0.2.1")))
	s.Record(round(p, hours(12), refusing("mail.contoso.com", "192.0.2.1")))
	s.Record(round(p, hours(6), healthy("mail.contoso.com", "192.0.2.1")))
	for _, c := range []struct {
		window time.Duration
		share  float64
		known  time.Duration
	}{
		{24 * time.Hour, .75, 24 * time.Hour},
		{7 * 24 * time.Hour, 42. / 48, 48 * time.Hour},
		{time.Hour, 1, time.Hour},
	} {
		share, known := s.Find(p.ID).Uptime(noon, c.window)
		if math.Abs(share-c.share) > 1e-9 || known != c.known {
			t.Errorf("over %s: %g of %s, want %g of %s", c.window, share, known, c.share, c.known)
		}
	}
	if share, known := (&collector.PathState{}).Uptime(noon, time.Hour); share != 0 || known != 0 {
		t.Errorf("without a verdict: %g of %s", share, known)
	}
}

// TestHistorySurvivesARestart: rounds, renewals and uptime; the time without the exporter counts for nothing.
func TestHistorySurvivesARestart(t *testing.T) {
	s, p := at(noon)
	old, renewed := healthy("mail.contoso.com", "192.0.2.1"), healthy("mail.contoso.com", "192.0.2.1")
	leaf := *renewed.TLS.Chain[0]
	leaf.Fingerprint, leaf.NotAfter = "renewed", leaf.NotAfter.AddDate(0, 3, 0)
	shown := *renewed.TLS
	shown.Chain = append([]*probes.Certificate{&leaf}, shown.Chain[1:]...)
	renewed.TLS = &shown
	for n, e := range []probes.Endpoint{old, renewed, old, renewed, refusing("mail.contoso.com", "192.0.2.1")} {
		s.Record(round(p, noon.Add(time.Duration(n-5)*time.Hour), e))
	}
	var saved bytes.Buffer
	if err := s.SaveHistory(&saved); err != nil {
		t.Fatal(err)
	}
	later := noon.Add(10 * time.Hour)
	next, _ := at(later)
	if err := next.RestoreHistory(saved.Bytes()); err != nil {
		t.Fatal(err)
	}
	got := next.Find(p.ID)
	if len(got.History) != 5 || len(got.Failures) != 1 || len(got.Renewals) != 1 || got.Verdict != probes.NotReached {
		t.Fatalf("%d rounds, %d failures, %d renewals, verdict %s", len(got.History), len(got.Failures), len(got.Renewals),
			got.Verdict)
	}
	want := collector.Round{
		At: noon.Add(-time.Hour), Duration: time.Second, Outcome: probes.Failed, Stage: probes.Connect,
		Reason: probes.ReasonConnectRefused,
	}
	if got.History[4] != want {
		t.Errorf("%+v, want %+v", got.History[4], want)
	}
	if share, known := got.Uptime(later, 24*time.Hour); known != 5*time.Hour || share != .8 {
		t.Errorf("uptime %g of %s, want .8 of 5h", share, known)
	}
	next.Record(round(p, later, refusing("mail.contoso.com", "192.0.2.1")))
	if got := next.Find(p.ID).Since; !got.Equal(noon.Add(-time.Hour)) {
		t.Errorf("fails since %s, want the failure before the restart", got)
	}
}

// TestHistoryWaitsForItsTenant: a tenant that does not load at the start finds its history later.
func TestHistoryWaitsForItsTenant(t *testing.T) {
	s, p := at(noon)
	s.Record(round(p, noon.Add(-time.Hour), healthy("mail.contoso.com", "192.0.2.1")))
	var saved, again bytes.Buffer
	if err := s.SaveHistory(&saved); err != nil {
		t.Fatal(err)
	}
	next := collector.NewStore(func() time.Time { return noon })
	if err := next.RestoreHistory(saved.Bytes()); err != nil {
		t.Fatal(err)
	}
	if err := next.SaveHistory(&again); err != nil || !strings.Contains(again.String(), "mail.contoso.com") {
		t.Errorf("the history of a tenant that is not loaded is lost: %s (%v)", &again, err)
	}
	next.SetInventory(nil, []probes.Path{p})
	if got := next.Find(p.ID); len(got.History) != 1 {
		t.Errorf("%d rounds", len(got.History))
	}
}

func TestBadHistoryIsLeftOut(t *testing.T) {
	const target = `"target":"contoso/outbound/To%20servers/mail.contoso.com"`
	header := fmt.Sprintf(`{"saved":%q}`, noon.Add(-time.Minute).Format(time.RFC3339)) + "\n"
	for _, c := range []struct {
		name, text string
		bad        bool
		rounds     int
	}{
		{"empty", "", true, 0},
		{"not JSON", "\x00\x01", true, 0},
		{"another JSON", `{"contoso": "2026-01-01T00:00:00Z"}`, true, 0},
		{"no path", header, false, 0},
		{"a line that is cut", header + `{` + target + `,"rounds":[{"at":`, false, 0},
		{
			"a round", header + `{` + target + `,"rounds":[{"at":"2026-11-24T11:00:00Z","seconds":1,"outcome":"passed"}]}`,
			false, 1,
		},
		{"a future round", header + `{` + target + `,"rounds":[{"at":"2099-01-01T00:00:00Z","outcome":"passed"}]}`, false, 0},
		{"unknown words", header + `{` + target + `,"rounds":[{"at":"2026-11-24T11:00:00Z","outcome":"well"},` +
			`{"at":"2026-11-24T11:00:00Z","outcome":"failed","stage":"tls","reason":"mood"},` +
			`{"at":"2026-11-24T11:00:00Z","outcome":"passed","seconds":-1}]}`, false, 0},
		{"too many rounds", header + `{` + target + `,"rounds":[` +
			strings.Repeat(`{"at":"2026-11-24T11:00:00Z","outcome":"passed"},`, 500) +
			`{"at":"2026-11-24T11:00:00Z","outcome":"passed"}]}`, false, 30},
		{"too long a line", header + `{` + target + `,"rounds":[` +
			strings.Repeat(`{"at":"2026-11-24T11:00:00Z","outcome":"passed"},`, 5000) +
			`{"at":"2026-11-24T11:00:00Z","outcome":"passed"}]}`, false, 0},
	} {
		s, p := at(noon)
		err := s.RestoreHistory([]byte(c.text))
		if got := len(s.Find(p.ID).History); (err != nil) != c.bad || got != c.rounds {
			t.Errorf("%s: %v, %d rounds, want %d", c.name, err, got, c.rounds)
		}
	}
}

// TestSavedHistoryIsBounded: with 20,000 paths each has fewer rounds, and none is left out.
func TestSavedHistoryIsBounded(t *testing.T) {
	s := collector.NewStore(func() time.Time { return noon })
	paths := make([]probes.Path, 20_000)
	for i := range paths {
		paths[i] = path("To servers", fmt.Sprintf("mail%d.contoso.com", i))
	}
	s.SetInventory(nil, paths)
	var seed strings.Builder
	fmt.Fprintf(&seed, "{\"saved\":%q}\n", noon.Format(time.RFC3339))
	round := `{"at":"2026-11-24T11:00:00Z","seconds":0.123,"outcome":"passed"}`
	rounds := strings.Repeat(round+",", 29) + round
	for i := range paths {
		fmt.Fprintf(&seed, `{"target":%q,"rounds":[%s]}`+"\n", paths[i].ID.String(), rounds)
	}
	if err := s.RestoreHistory([]byte(seed.String())); err != nil {
		t.Fatal(err)
	}
	var saved bytes.Buffer
	err := s.SaveHistory(&saved)
	lines, kept := bytes.Count(saved.Bytes(), []byte("\n")), bytes.Count(saved.Bytes(), []byte(`"seconds"`))
	if err != nil || saved.Len() > 60<<20 || lines != 20_001 || kept != 400_000 {
		t.Errorf("%v, %d bytes, %d lines, %d rounds", err, saved.Len(), lines, kept)
	}
}

// FuzzRestoreHistory: no text makes the store panic, or keep more than its limits.
func FuzzRestoreHistory(f *testing.F) {
	f.Add(`{"saved":"2026-11-24T11:00:00Z"}` + "\n" + `{"target":"contoso/outbound/To%20servers/mail.contoso.com",` +
		`"rounds":[{"at":"2026-11-24T11:00:00Z","seconds":1,"outcome":"failed","stage":"tls","reason":"tls_handshake"}],` +
		`"changes":[{"at":"2026-11-24T11:00:00Z","verdict":"failed"}],"renewals":[{"at":"2026-11-24T11:00:00Z"}],` +
		`"controls":[{"at":"2026-11-24T11:00:00Z","control":"clear_text","recipient":"a@b.example",` +
		`"host":"mail.contoso.com",` +
		`"outcome":"admitted","stage":"recipient","code":250}]}`)
	f.Add(`{"saved":"2026-11-24T11:00:00Z"}` + "\n" + `{"target":"contoso/outbound/To%20servers/mail.contoso.com",` +
		`"renewals":[{"at":"2026-11-24T11:00:00Z","endpoint":{"host":"h","address":"192.0.2.1"},` +
		`"previous":"2026-12-24T11:00:00Z","not_after":"2027-02-24T11:00:00Z",` +
		`"previous_not_before":"2026-09-24T11:00:00Z",` +
		`"previous_issuer":"R11","previous_fingerprint":"a","fingerprint":"b",` +
		`"previous_last_seen":"2026-11-24T11:30:00Z"}],` +
		`"shown":[{"endpoint":{"host":"h","address":""},"fingerprint":"a","issuer":"R11",` +
		`"not_before":"2026-09-24T11:00:00Z","not_after":"2026-12-24T11:00:00Z"}]}`)
	f.Fuzz(func(t *testing.T, text string) {
		s, p := at(noon)
		_ = s.RestoreHistory([]byte(text))
		got := s.Find(p.ID)
		if len(got.History) > 30 || len(got.Changes) > 64 || len(got.Renewals) > 64 || len(got.Controls) > 160 {
			t.Errorf("%d rounds, %d changes, %d renewals, %d controls", len(got.History), len(got.Changes),
				len(got.Renewals), len(got.Controls))
		}
		if share, _ := got.Uptime(noon, 24*time.Hour); share < 0 || share > 1 {
			t.Errorf("uptime %g", share)
		}
		if err := s.SaveHistory(&bytes.Buffer{}); err != nil {
			t.Error(err)
		}
	})
}

func TestRenewalOfASendersCertificate(t *testing.T) {
	id := probes.PathID{Tenant: "contoso", Direction: "inbound", Connector: "From servers", Path: "edge"}
	s := collector.NewStore(func() time.Time { return noon })
	s.SetInventory(nil, []probes.Path{{ID: id}})
	report := func(fingerprint string, notAfter time.Time) *evaluate.Report {
		return &evaluate.Report{At: noon, Clients: map[probes.PathID]*probes.TLS{
			id: {Chain: []*probes.Certificate{{
				Fingerprint: fingerprint, NotBefore: noon.AddDate(0, -1, 0), NotAfter: notAfter,
			}}},
		}}
	}
	s.SetReport(report("a", noon.AddDate(0, 0, 20)))
	s.SetReport(report("a", noon.AddDate(0, 0, 20)))
	s.SetReport(report("b", noon.AddDate(0, 0, 110)))
	var saved bytes.Buffer
	if err := s.SaveHistory(&saved); err != nil {
		t.Fatal(err)
	}
	next := collector.NewStore(func() time.Time { return noon })
	if err := next.RestoreHistory(saved.Bytes()); err != nil {
		t.Fatal(err)
	}
	next.SetInventory(nil, []probes.Path{{ID: id}})
	next.SetReport(report("b", noon.AddDate(0, 0, 110)))
	if got := len(next.Find(id).Renewals); got != 1 {
		t.Errorf("%d renewals after a restart", got)
	}
	next.SetReport(&evaluate.Report{At: noon}) // the sender is not configured for a while
	next.SetReport(report("c", noon.AddDate(0, 0, 200)))
	if got := len(next.Find(id).Renewals); got != 2 {
		t.Errorf("%d renewals after another one", got)
	}
	v := s.Snapshot()
	all := v.Certificates(v.Paths, noon)
	if len(all) != 1 || len(all[0].Renewals) != 1 || !all[0].Renewals[0].Old.NotAfter.Equal(noon.AddDate(0, 0, 20)) {
		t.Errorf("%+v", all)
	}
}

// TestRenewalsAreBounded: of an address that shows ever new certificates, and of hosts that come and go.
func TestRenewalsAreBounded(t *testing.T) {
	s, p := at(noon)
	showing := func(address string, n int) probes.Endpoint {
		e := healthy("mail.contoso.com", address)
		leaf := *e.TLS.Chain[0]
		leaf.Fingerprint, leaf.NotAfter = fmt.Sprint(n), noon.AddDate(0, 0, n)
		e.TLS.Chain = []*probes.Certificate{&leaf}
		return e
	}
	for n := range 20 {
		s.Record(round(p, noon.Add(time.Duration(n)*time.Minute), showing("192.0.2.1", n), showing("192.0.2.2", n/10)))
	}
	all := s.Find(p.ID).Renewals
	if len(all) != 5 || all[0].Address != "192.0.2.2" || all[4].New.Fingerprint != "19" {
		t.Errorf("%d renewals: %+v", len(all), all)
	}
	for n := range 200 {
		address := fmt.Sprintf("192.0.2.%d", n)
		s.Record(round(p, noon.Add(time.Hour), showing(address, 1)))
		s.Record(round(p, noon.Add(time.Hour), showing(address, 2)))
	}
	if all := s.Find(p.ID).Renewals; len(all) != 64 || all[63].Address != "192.0.2.199" {
		t.Errorf("%d renewals", len(all))
	}
}

// TestOldCertificateThatIsShownAgain: servers behind one address get the renewed certificate one after the other.
func TestOldCertificateThatIsShownAgain(t *testing.T) {
	s, p := at(noon)
	for n, fingerprint := range []string{"old", "new", "old", "new"} {
		e := healthy("mail.contoso.com", "192.0.2.1")
		leaf := *e.TLS.Chain[0]
		if leaf.Fingerprint = fingerprint; fingerprint == "new" {
			leaf.NotAfter = leaf.NotAfter.AddDate(0, 3, 0)
		}
		e.TLS.Chain = []*probes.Certificate{&leaf}
		s.Record(round(p, noon.Add(time.Duration(n)*time.Hour), e))
	}
	all := s.Find(p.ID).Renewals
	if len(all) != 1 || !all[0].At.Equal(noon.Add(time.Hour)) || !all[0].OldLastSeen.Equal(noon.Add(2*time.Hour)) {
		t.Errorf("%+v", all)
	}
}

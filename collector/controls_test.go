package collector_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"m365_connector_exporter/collector"
	"m365_connector_exporter/probes"
)

var (
	openRelay = probes.Control{
		Kind: probes.ControlForeignRecipient, MailFrom: "o365@contoso.com", Recipient: "control@example.com",
	}
	clearText = probes.Control{
		Kind: probes.ControlClearText, MailFrom: "o365@contoso.com", Recipient: "probe@contoso.com", Uncertain: "maybe",
		MustRefuse: probes.RefuseClearText,
	}
)

// tried is the result of a control at an address, at the recipient stage.
func tried(c probes.Control, address string, at time.Time, reason probes.Reason) probes.ControlResult {
	r := probes.ControlResult{Control: c, Host: "mail.contoso.com", Address: address, At: at}
	r.Judge(probes.Recipient, probes.NewStep(reason, ""))
	return r
}

// withControls returns a store with a path that has both controls, and one round of two addresses.
func withControls(now time.Time) (*collector.Store, probes.Path) {
	p := path("To servers", "mail.contoso.com")
	p.Controls = []probes.Control{clearText, openRelay}
	s := collector.NewStore(func() time.Time { return now })
	s.SetInventory(nil, []probes.Path{p})
	s.Record(round(p, now, healthy("mail.contoso.com", "192.0.2.1"), healthy("mail.contoso.com", "192.0.2.2")))
	return s, p
}

// rows lists the current controls of a path: kind, address, newest and conclusive outcome.
func rows(s *collector.Store, p probes.Path) (all []string) {
	for _, c := range s.Find(p.ID).CurrentControls() {
		row := fmt.Sprintf("%s %s %s", c.Newest.Control.Kind, c.Newest.Address, c.Newest.Outcome)
		if c.Conclusive != nil {
			row += " " + string(c.Conclusive.Outcome) + c.Conclusive.At.Format(" 15h")
		}
		all = append(all, row)
	}
	return all
}

func TestControlsKeepTheirLastConclusiveResult(t *testing.T) {
	s, p := withControls(noon)
	before := s.RecordedRounds()
	s.RecordControls(p.ID, []probes.ControlResult{
		tried(openRelay, "192.0.2.2", noon, probes.ReasonRelayDenied), tried(openRelay, "192.0.2.1", noon, ""),
		tried(clearText, "192.0.2.1", noon, probes.ReasonTemporaryRejection),
	})
	if s.RecordedRounds() == before {
		t.Error("the report is not made again")
	}
	later := noon.Add(time.Hour)
	s.RecordControls(p.ID, []probes.ControlResult{
		tried(openRelay, "192.0.2.1", later, probes.ReasonThrottled), tried(openRelay, "192.0.2.2", later, ""),
	})
	want := []string{
		"clear_text 192.0.2.1 inconclusive", "foreign_recipient 192.0.2.1 inconclusive admitted 12h",
		"foreign_recipient 192.0.2.2 admitted admitted 13h",
	}
	if diff := cmp.Diff(want, rows(s, p)); diff != "" {
		t.Error(diff)
	}
	observed := s.Observations().Paths[0].ControlResults
	if len(observed) != 2 || observed[0].Outcome != probes.ControlAdmitted || observed[1].Address != "192.0.2.2" {
		t.Errorf("checks see %+v", observed)
	}
	s.RecordControls(probes.PathID{Tenant: "gone"}, nil) // a path that was removed meanwhile
}

func TestControlsFollowTheConfiguration(t *testing.T) {
	s, p := withControls(noon)
	s.RecordControls(p.ID, []probes.ControlResult{
		tried(openRelay, "192.0.2.1", noon, ""), tried(clearText, "192.0.2.1", noon, ""),
	})
	certain := clearText
	certain.Uncertain = ""
	p.Controls = []probes.Control{certain}
	s.SetInventory(nil, []probes.Path{p})
	got := s.Find(p.ID).CurrentControls()
	if len(got) != 1 || got[0].Newest.Control != certain || got[0].Conclusive.Control != certain {
		t.Errorf("%+v, want one control as it is configured now", got)
	}
	certain.Recipient = "other@contoso.com"
	p.Controls = []probes.Control{certain}
	s.SetInventory(nil, []probes.Path{p})
	if got := rows(s, p); len(got) != 0 {
		t.Errorf("%q, want none: another recipient was tried", got)
	}
}

func TestControlsOfAnAddressThatIsGone(t *testing.T) {
	s, p := withControls(noon)
	s.RecordControls(p.ID, []probes.ControlResult{
		tried(openRelay, "192.0.2.1", noon, ""), tried(openRelay, "192.0.2.2", noon, ""),
	})
	s.Record(round(p, noon, healthy("mail.contoso.com", "192.0.2.2")))
	s.RecordControls(p.ID, []probes.ControlResult{tried(openRelay, "192.0.2.2", noon, "")})
	if diff := cmp.Diff([]string{"foreign_recipient 192.0.2.2 admitted admitted 12h"}, rows(s, p)); diff != "" {
		t.Error(diff)
	}
}

func TestControlsSurviveARestart(t *testing.T) {
	s, p := withControls(noon)
	s.RecordControls(p.ID, []probes.ControlResult{
		tried(openRelay, "192.0.2.1", noon, ""), tried(openRelay, "192.0.2.2", noon, probes.ReasonRelayDenied),
	})
	s.RecordControls(p.ID, []probes.ControlResult{tried(openRelay, "192.0.2.1", noon, probes.ReasonThrottled)})
	var saved bytes.Buffer
	if err := s.SaveHistory(&saved); err != nil {
		t.Fatal(err)
	}
	next := collector.NewStore(func() time.Time { return noon })
	next.SetInventory(nil, []probes.Path{p})
	if err := next.RestoreHistory(saved.Bytes()); err != nil {
		t.Fatal(err)
	}
	want := []string{
		"foreign_recipient 192.0.2.1 inconclusive admitted 12h", "foreign_recipient 192.0.2.2 refused refused 12h",
	}
	if diff := cmp.Diff(want, rows(next, p)); diff != "" {
		t.Error(diff)
	}
	if got := next.Observations().Paths[0].ControlResults; len(got) != 2 {
		t.Errorf("checks see %d results, want 2", len(got))
	}
}

func TestSavedControlsThatAreNotValid(t *testing.T) {
	const good = `"at":"2026-11-24T10:00:00Z","control":"foreign_recipient","outcome":"admitted","stage":"recipient"`
	for name, c := range map[string]struct {
		old, text string
		want      int
	}{
		"valid":               {"", "", 1},
		"the future":          {"11-24T10", "11-25T12", 0},
		"an unknown kind":     {"foreign_recipient", "magic", 0},
		"an unknown outcome":  {"admitted", "open", 0},
		"an unknown stage":    {`"recipient"`, `"x"`, 0},
		"an unknown reason":   {`"stage"`, `"reason":"x","stage"`, 0},
		"an impossible reply": {`"stage"`, `"code":-1,"stage"`, 0},
	} {
		_, p := withControls(noon)
		next := collector.NewStore(func() time.Time { return noon })
		next.SetInventory(nil, []probes.Path{p})
		line := `{"target":"` + p.ID.String() + `","controls":[{"mail_from":"o365@contoso.com",` +
			`"recipient":"control@example.com","host":"mail.contoso.com",` + strings.Replace(good, c.old, c.text, 1) + `}]}`
		if err := next.RestoreHistory([]byte("{\"saved\":\"2026-11-24T11:00:00Z\"}\n" + line + "\n")); err != nil {
			t.Fatal(err)
		}
		if got := rows(next, p); len(got) != c.want {
			t.Errorf("%s: %q, want %d", name, got, c.want)
		}
	}
}

package text_test

import (
	"encoding/json"
	"strings"
	"testing"

	"m365_connector_exporter/collector/text"
	"m365_connector_exporter/probes"
)

func item(step probes.Step) text.Item {
	e := probes.Endpoint{Host: "mail.contoso.com\x1b[2J"}
	e.Steps[probes.Resolve].Outcome = probes.Passed
	e.Steps[probes.Connect] = step
	id := probes.PathID{Tenant: "contoso", Direction: "outbound", Connector: "c", Path: "mail.contoso.com"}
	return text.Item{
		Path: probes.Path{ID: id}, Result: probes.Result{Path: id, Until: probes.Connect, Endpoints: []probes.Endpoint{e}},
	}
}

func TestValidation(t *testing.T) {
	refused := probes.Step{
		Outcome: probes.Failed, Reason: probes.ReasonConnectRefused,
		Reply: probes.Reply{Code: 554, Enhanced: "5.3.2", Text: "go \x1b]0;away\x07\xff"},
	}
	var b strings.Builder
	if err := text.Validation(&b, []text.Item{item(refused)}, text.Options{}); err != nil {
		t.Fatal(err)
	}
	info, _ := probes.ReasonConnectRefused.Info()
	want := "Failed        contoso › c › mail.contoso.com (outbound)\n" +
		"  Check connectivity to mail.contoso.com\\u001b[2J\n" +
		"    Resolve                  Succeeded\n" +
		"    Connect                  Failed\n" +
		"                             " + info.Sentence + " (connect_refused)\n" +
		"                             Server reply: 554 5.3.2 go \\u001b]0;away\\u0007\\xff\n" +
		"                             Remedy: " + info.Remedy + "\n" +
		"\n1 path: 0 passed, 1 failed, 0 inconclusive\n"
	if b.String() != want {
		t.Errorf("got\n%s\nwant\n%s", b.String(), want)
	}
}

func TestValidationJSON(t *testing.T) {
	var b strings.Builder
	if err := text.ValidationJSON(
		&b, []text.Item{item(probes.Step{
			Outcome: probes.Failed, Reason: probes.ReasonConnectRefused, Evidence: probes.EvidenceIPv6Refused,
		})},
	); err != nil {
		t.Fatal(err)
	}
	var got []struct {
		Target, Outcome string
		Endpoints       []struct {
			Stages []struct{ Stage, Outcome, Reason, Remedy string }
		}
	}
	if err := json.Unmarshal([]byte(b.String()), &got); err != nil {
		t.Fatal(err)
	}
	stage := got[0].Endpoints[0].Stages[1]
	if got[0].Outcome != "failed" || stage.Stage != "connect" || stage.Reason != "connect_refused" ||
		stage.Remedy != probes.ReasonConnectRefused.RemedyFor(probes.EvidenceIPv6Refused) {
		t.Errorf("%+v", got)
	}
}

func TestRefusalsOfSeveralLinesAreShownOnceWithLineBreaks(t *testing.T) {
	refused := probes.NewStep(probes.ReasonProberRejected, "550 Requested action not taken: mailbox unavailable Reject "+
		"due to policy restrictions (IP based).")
	refused.Reply = probes.Reply{Code: 550, Text: "Requested action not taken: mailbox unavailable\n" +
		"Reject due to policy restrictions (IP based)."}
	refused.Evidence = probes.EvidenceBlocklist
	var b strings.Builder
	if err := text.Validation(&b, []text.Item{item(refused)}, text.Options{}); err != nil {
		t.Fatal(err)
	}
	margin := strings.Repeat(" ", 29)
	for _, want := range []string{
		margin + "Server reply: 550 Requested action not taken: mailbox unavailable\n" +
			margin + "  Reject due to policy restrictions (IP based).\n",
		"Remedy: " + probes.ReasonProberRejected.RemedyFor(probes.EvidenceBlocklist),
	} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("without %q:\n%s", want, b.String())
		}
	}
	if n := strings.Count(b.String(), "IP based"); n != 1 {
		t.Errorf("the reply is shown %d times, want once:\n%s", n, b.String())
	}
}

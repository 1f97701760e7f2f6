package web_test

import (
	"net/url"
	"strings"
	"testing"

	"m365_connector_exporter/collector"
	"m365_connector_exporter/probes"
)

func TestControlsOfAPath(t *testing.T) {
	s := gallery()
	p := s.snapshot.Paths[0]
	path := *p.Path
	control := func(kind probes.ControlKind) probes.Control {
		return probes.Control{
			Kind: kind, MailFrom: "o365@contoso.com", Recipient: "control@example.com", Connector: "C" + evil,
		}
	}
	result := func(c probes.Control, reason probes.Reason, reply probes.Reply) probes.ControlResult {
		r := probes.ControlResult{Control: c, Host: "mx" + evil, Address: "192.0.2.1", At: noon}
		step := probes.NewStep(reason, "")
		step.Reply = reply
		r.Judge(probes.Recipient, step)
		return r
	}
	open, locked, unclear, waiting := control(probes.ControlForeignRecipient), control(probes.ControlNoCertificate),
		control(probes.ControlClearText), control(probes.ControlSpoofedDomain)
	waiting.Uncertain = "the step is not known"
	path.Controls = []probes.Control{open, locked, unclear, waiting}
	admitted := result(open, "", probes.Reply{Code: 250, Text: "<control@example.com> ok" + evil})
	refused := result(locked, probes.ReasonTenantAttribution, probes.Reply{Code: 550, Enhanced: "5.7.64"})
	before := result(unclear, "", probes.Reply{Code: 250})
	state := *p
	state.Path = &path
	state.Controls = []collector.ControlState{
		{Newest: admitted, Conclusive: &admitted},
		{Newest: refused, Conclusive: &refused},
		{Newest: result(unclear, probes.ReasonTemporaryRejection, probes.Reply{Code: 450}), Conclusive: &before},
	}
	s.snapshot.Paths[0] = &state
	w := get(s.handler(), "/path?target="+url.QueryEscape(path.ID.String()))
	body := w.Body.String()
	for _, want := range []string{
		"Negative controls", "</span> admitted</span>", "</span> refused</span>", "</span> inconclusive</span>",
		"</span> not run yet</span>", "The last conclusive run: admitted", "250 &lt;c***@example.com&gt; ok",
		"close the relay now", "UNCERTAIN</strong> the step is not known",
	} {
		if !strings.Contains(body, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	if w.Code != 200 || strings.Contains(body, evil) || strings.Contains(body, "control@example.com") {
		t.Errorf("status %d, or a text that is not escaped or redacted: %s", w.Code, body)
	}
	without := get(gallery().handler(), "/path?target="+url.QueryEscape(path.ID.String())).Body.String()
	if strings.Contains(without, "Negative controls") {
		t.Error("a section without controls")
	}
}

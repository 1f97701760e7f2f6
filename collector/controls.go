package collector

import (
	"cmp"
	"slices"
	"time"

	"m365_connector_exporter/probes"
)

// ControlState is what is known of a negative control at one endpoint: its newest result, and the newest one that is
// conclusive, which may be the same. An inconclusive control changes no finding.
type ControlState struct {
	Newest     probes.ControlResult
	Conclusive *probes.ControlResult // nil before one
}

// recordControls records the results of controls, and forgets those of endpoints that DNS no longer returns.
func (s *PathState) recordControls(results []probes.ControlResult) {
	var kept []ControlState // a new slice: a Snapshot may still hold the old one
	for _, known := range s.Controls {
		if s.knowsEndpoint(known.Newest.Host, known.Newest.Address) {
			kept = append(kept, known)
		}
	}
	s.Controls = kept
	for _, r := range results {
		s.addControl(r)
	}
}

// addControl records one result.
func (s *PathState) addControl(r probes.ControlResult) {
	at, known := slices.BinarySearchFunc(s.Controls, r, compareControl)
	if !known {
		s.Controls = slices.Insert(s.Controls, at, ControlState{})
	}
	s.Controls[at].Newest = r
	if r.Outcome != probes.ControlInconclusive {
		s.Controls[at].Conclusive = &r
	}
}

func (s *PathState) knowsEndpoint(host, address string) bool {
	for _, e := range s.Endpoints {
		if e.Host == host && e.Address == address {
			return true
		}
	}
	return false
}

func compareControl(s ControlState, r probes.ControlResult) int {
	order := func(r probes.ControlResult) int { return slices.Index(probes.ControlKinds, r.Control.Kind) }
	return cmp.Or(cmp.Compare(order(s.Newest), order(r)),
		cmp.Compare(s.Newest.Host, r.Host), cmp.Compare(s.Newest.Address, r.Address))
}

// CurrentControls returns the controls that the path still has, each with the rule that must refuse it now.
func (s *PathState) CurrentControls() []ControlState {
	var current []ControlState
	for _, known := range s.Controls {
		i := slices.IndexFunc(s.Path.Controls, known.Newest.Control.SameTrial)
		if i < 0 {
			continue
		}
		known.Newest.Control = s.Path.Controls[i]
		if c := known.Conclusive; c != nil && c.Control.SameTrial(s.Path.Controls[i]) {
			conclusive := *c
			conclusive.Control = s.Path.Controls[i]
			known.Conclusive = &conclusive
		} else {
			known.Conclusive = nil
		}
		current = append(current, known)
	}
	return current
}

// conclusiveControls returns the conclusive results of the path's current controls.
func conclusiveControls(s *PathState) (all []probes.ControlResult) {
	for _, c := range s.CurrentControls() {
		if c.Conclusive != nil {
			all = append(all, *c.Conclusive)
		}
	}
	return all
}

// savedControl is one result in the file of the history.
type savedControl struct {
	At          time.Time `json:"at"`
	Control     string    `json:"control"`
	MailFrom    string    `json:"mail_from,omitempty"`
	Recipient   string    `json:"recipient"`
	Certificate string    `json:"certificate,omitempty"`
	Host        string    `json:"host"`
	Address     string    `json:"address,omitempty"`
	Outcome     string    `json:"outcome"`
	Stage       string    `json:"stage"`
	Reason      string    `json:"reason,omitempty"`
	Code        int       `json:"code,omitempty"`
	Enhanced    string    `json:"enhanced,omitempty"`
	Text        string    `json:"text,omitempty"`
}

// The limits of saved controls. Controls beyond them are forgotten at a restart.
const (
	maxSavedControls    = 2 * 5 * probes.MaxEndpoints
	maxSavedControlText = 200
)

// saveControls returns the results of each control, the conclusive one before the newest.
func saveControls(states []ControlState) (saved []savedControl) {
	for _, c := range states {
		if c.Conclusive != nil && c.Newest.Outcome == probes.ControlInconclusive {
			saved = append(saved, saveControl(*c.Conclusive))
		}
		saved = append(saved, saveControl(c.Newest))
	}
	return saved
}

func saveControl(r probes.ControlResult) savedControl {
	return savedControl{
		At: r.At.UTC().Truncate(time.Second), Control: string(r.Control.Kind), MailFrom: r.Control.MailFrom,
		Recipient: r.Control.Recipient, Certificate: r.Control.Certificate, Host: r.Host, Address: r.Address,
		Outcome: string(r.Outcome), Stage: r.Stage.String(), Reason: string(r.Reason), Code: r.Reply.Code,
		Enhanced: r.Reply.Enhanced, Text: probes.Sanitise(r.Reply.Text, maxSavedControlText),
	}
}

// validControls returns the results that can be used: of known kinds, outcomes, stages and reasons, and not in the
// future.
func validControls(saved []savedControl, past func(time.Time) bool) (valid []savedControl) {
	for _, c := range saved {
		_, stage := probes.ParseStage(c.Stage)
		_, reason := probes.Reason(c.Reason).Info()
		if stage && (reason || c.Reason == "") && past(c.At) && c.Code >= 0 && c.Code < 1000 &&
			slices.Contains(probes.ControlKinds, probes.ControlKind(c.Control)) &&
			slices.Contains(probes.ControlOutcomes, probes.ControlOutcome(c.Outcome)) {
			valid = append(valid, c)
		}
	}
	return last(valid, maxSavedControls)
}

func restoreControls(saved []savedControl) []ControlState {
	var all PathState
	for _, c := range saved {
		stage, _ := probes.ParseStage(c.Stage)
		r := probes.ControlResult{
			Control: probes.Control{
				Kind: probes.ControlKind(c.Control), MailFrom: c.MailFrom, Recipient: c.Recipient, Certificate: c.Certificate,
			},
			Host: probes.Sanitise(c.Host, maxSavedControlText), Address: probes.Sanitise(c.Address, maxSavedControlText),
			At: c.At, Outcome: probes.ControlOutcome(c.Outcome), Stage: stage,
			Reason: probes.Reason(c.Reason),
			Reply: probes.Reply{
				Code: c.Code, Enhanced: probes.Sanitise(c.Enhanced, maxSavedControlText),
				Text: probes.Sanitise(c.Text, maxSavedControlText),
			},
		}
		all.addControl(r)
	}
	return all.Controls
}

package check

import (
	"strings"

	"m365_connector_exporter/probes"
)

// Prediction is what Exchange Online would do with the mail of one outbound path because of one mechanism that the
// destination publishes: DANE (RFC 7672) or MTA-STS (RFC 8461). Package evaluate makes it of the connector's mode and
// of what the probes recorded. A path of which too little is known has none.
type Prediction struct {
	Path      probes.PathID
	Mechanism Mechanism
	Delivery  Delivery
	// Code is the enhanced status code that Exchange Online gives: the first digit is 4 while it tries again, and 5 when
	// it returns the mail. Empty unless Delivery is DeliveryQueue and Microsoft documents one.
	Code      string
	Reason    string   // why, as a word of the mechanism's package: "tlsa_mismatch"
	Evidence  []string // what the mode, DNS and the servers show, for people; bounded
	Uncertain string   // the undocumented Microsoft behaviour that it depends on; "" if there is none
}

// Mechanism is the label value of what a prediction is about.
type Mechanism string

// The mechanisms.
const (
	MechanismDANE   Mechanism = "dane"
	MechanismMTASTS Mechanism = "mta_sts"
)

// Delivery is the label value of what happens to the mail.
type Delivery string

// What happens to the mail.
const (
	DeliveryDeliver       Delivery = "deliver"
	DeliveryQueue         Delivery = "queue"          // tried again for 24 hours, then returned
	DeliveryNotApplicable Delivery = "not_applicable" // the mechanism is not used on this path
)

// HeldCodes returns the codes with which Exchange Online holds the mail and then returns it, in words; "" if Microsoft
// documents none.
func (p *Prediction) HeldCodes() string {
	_, rest, ok := strings.Cut(p.Code, ".")
	if !ok {
		return ""
	}
	return "4." + rest + ", then " + p.Code
}

// eachHeld reports every path whose mail Exchange Online holds because of one mechanism.
func eachHeld(mechanism Mechanism) findFunc {
	return func(f *Facts, report func(Finding)) {
		for _, p := range f.index.held {
			if p.Mechanism != mechanism {
				continue
			}
			codes := ""
			if p.Code != "" {
				codes = " (" + p.HeldCodes() + ")"
			}
			one := newFinding("Exchange Online tries again for 24 hours and returns the mail%s: %s.", codes,
				strings.Join(p.Evidence[:min(len(p.Evidence), MaxEvidence)], "; "))
			one.Subject = Subject(p.Path)
			report(one.uncertain(p.Uncertain))
		}
	}
}

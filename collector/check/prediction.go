package check

import "m365_connector_exporter/probes"

// Prediction is what Exchange Online would do with the mail of one outbound path because of one mechanism that the
// destination publishes: DANE (RFC 7672) or MTA-STS (RFC 8461). Package evaluate makes it of the connector's mode and of
// what the probes recorded. A path of which too little is known has none.
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

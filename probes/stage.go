package probes

// Stage is a step of an SMTP session. The stages correspond to the tasks of Microsoft's connector validation.
type Stage uint8

// The stages, in order.
const (
	Resolve   Stage = iota // the next hop leads to an address
	Connect                // TCP
	EHLO                   // a 220 greeting and a 250 reply to EHLO
	TLSStage               // STARTTLS, handshake, EHLO again, a certificate that meets tls_settings
	Recipient              // MAIL FROM and RCPT TO, then reset
	Message                // DATA
	NumStages              // the number of stages
)

// StageInfo is an entry of the catalogue of stages.
type StageInfo struct {
	Stage     Stage
	Name      string // label value and configuration word
	Microsoft string // the task's name in Microsoft's connector validation
	Proves    string // what it proves if it passes, for display
}

// Stages is the catalogue of stages, in order.
var Stages = [NumStages]StageInfo{
	{Resolve, "resolve", "Resolve", "the next hop resolves to an address"},
	{Connect, "connect", "Connect", "the server accepts a TCP connection on its port"},
	{EHLO, "ehlo", "SMTP EHLO", "the server greets with 220 and replies to EHLO with 250"},
	{
		TLSStage, "tls", "TLS",
		"STARTTLS is offered, the handshake succeeds, and the certificate meets the connector's TLS settings",
	},
	{Recipient, "recipient", "Test message (envelope)", "the sender and each recipient are accepted; nothing is sent"},
	{Message, "message", "Test message", "a test message is accepted"},
}

// String returns the stage's label value, "" for a stage that does not exist.
func (s Stage) String() string {
	if s < NumStages {
		return Stages[s].Name
	}
	return ""
}

// ParseStage returns the stage with a name; ok is false if there is none.
func ParseStage(name string) (s Stage, ok bool) {
	for _, info := range Stages {
		if info.Name == name {
			return info.Stage, true
		}
	}
	return 0, false
}

// Outcome is what a stage, an endpoint or a round proved. NotReached is the zero value.
type Outcome uint8

// The outcomes.
const (
	NotReached   Outcome = iota
	Passed               // works
	Failed               // does not work
	Inconclusive         // the probe could not decide; never counts as down
)

// String returns the outcome's name in labels and JSON.
func (o Outcome) String() string {
	switch o {
	case Passed:
		return "passed"
	case Failed:
		return "failed"
	case Inconclusive:
		return "inconclusive"
	default:
		return "not_reached"
	}
}

package probes

// Stage is one step of a mail's way to the next hop, named as Microsoft's connector validation names them.
type Stage uint8

// The stages in the order they are climbed.
const (
	Resolve   Stage = iota // the next hop leads to an address
	Connect                // TCP
	EHLO                   // a 220 greeting and a 250 EHLO answer
	TLSStage               // STARTTLS, handshake, EHLO again, certificate as tls_settings demand
	Recipient              // MAIL FROM and RCPT TO, then reset
	Message                // DATA
	NumStages              // how many there are
)

// StageInfo is a line of the stage catalogue.
type StageInfo struct {
	Stage     Stage
	Name      string // label value and configuration word
	Microsoft string // the task's name in Microsoft's connector validation
	Proves    string // one sentence for people
}

// Stages is the catalogue of stages, in order.
var Stages = [NumStages]StageInfo{
	{Resolve, "resolve", "Resolve", "the next hop leads to an address"},
	{Connect, "connect", "Connect", "a TCP connection to the server's port is accepted"},
	{EHLO, "ehlo", "SMTP EHLO", "the server greets with 220 and answers EHLO with 250"},
	{TLSStage, "tls", "TLS", "STARTTLS is offered, the handshake succeeds and the certificate is what the connector demands"},
	{Recipient, "recipient", "Test message (envelope)", "the sender and each recipient are accepted; nothing is sent"},
	{Message, "message", "Test message", "a test message is accepted"},
}

// String is the stage's label value.
func (s Stage) String() string {
	if s < NumStages {
		return Stages[s].Name
	}
	return ""
}

// ParseStage reads a stage's configuration word.
func ParseStage(word string) (Stage, bool) {
	for _, s := range Stages {
		if s.Name == word {
			return s.Stage, true
		}
	}
	return 0, false
}

// Outcome says how a stage, an endpoint or a round ended. "Not reached" is the zero value.
type Outcome uint8

// The outcomes.
const (
	NotReached   Outcome = iota
	Passed               // proven to work
	Failed               // proven not to work
	Inconclusive         // nothing proven either way; never counts as down
)

// String is the outcome's word in labels and JSON.
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

package smtpprobe

import (
	"fmt"

	"m365_connector_exporter/probes"
)

// maxRecipients bounds the RCPT TO commands of one probe.
const maxRecipients = 10

// envelope sends the sender and each recipient and resets the transaction (RFC 5321, sections 4.1.1.2 to 4.1.1.5).
func (s *session) envelope() *probes.Step {
	recipients := s.recipients()
	if problem := s.sendEnvelope(recipients); problem != nil {
		return problem
	}
	if _, problem := s.cmd("RSET", "RSET"); problem != nil {
		return problem
	}
	if len(recipients) == 0 {
		return passed("MAIL FROM only: no recipient is configured")
	}
	return nil
}

func (s *session) recipients() []string {
	return s.path.Recipients[:min(len(s.path.Recipients), maxRecipients)]
}

// sendEnvelope sends MAIL FROM and RCPT TO. Addresses are checked first: nothing that a server could read as another
// command is ever sent.
func (s *session) sendEnvelope(recipients []string) *probes.Step {
	const invalid = "the configured %s %q is not a mail address; nothing was sent"
	if from := s.path.MailFrom; from != "" && !validAddress(from) {
		return s.fail(probes.ReasonSenderRejected, fmt.Sprintf(invalid, "sender", probes.Redact(from)))
	}
	for _, to := range recipients {
		if !validAddress(to) {
			return s.fail(probes.ReasonRecipientRejected, fmt.Sprintf(invalid, "recipient", probes.Redact(to)))
		}
	}
	if problem := s.sendAddress(commandMAIL, s.path.MailFrom); problem != nil {
		return problem
	}
	for _, to := range recipients {
		if problem := s.sendAddress(commandRCPT, to); problem != nil {
			return problem
		}
	}
	return nil
}

func (s *session) sendAddress(c command, address string) *probes.Step {
	verb := "RCPT TO"
	if c == commandMAIL {
		verb = "MAIL FROM"
	}
	r, problem := s.cmd(verb+":<"+address+">", verb+":<"+probes.Redact(address)+">")
	if problem != nil {
		return problem
	}
	if r.Code != 250 && r.Code != 251 {
		return s.refused(r, c)
	}
	return nil
}

package smtpprobe

import (
	"fmt"
	"strings"

	"m365_connector_exporter/probes"
)

// maxRecipients bounds the RCPT TO commands of one probe.
const maxRecipients = 10

// envelope sends MAIL FROM, RCPT TO for each recipient, and RSET (RFC 5321, sections 4.1.1.2 to 4.1.1.5). A server that
// closes the connection at RSET passes: it has accepted every recipient by then.
func (s *session) envelope() *probes.Step {
	recipients := s.recipients()
	if problem := s.checkAddresses(recipients); problem != nil {
		return problem
	}
	for {
		rest, problem := s.transaction(recipients)
		if problem != nil {
			return problem
		}
		_, problem = s.cmd("RSET", "RSET")
		switch {
		case problem != nil && len(rest) > 0:
			return problem
		case problem != nil:
			return passed("the server closed the connection at RSET, after it had accepted each recipient")
		case len(rest) == 0:
			return s.accepted()
		}
		recipients = rest
	}
}

// accepted returns the step of a server that accepted every recipient.
func (s *session) accepted() *probes.Step {
	if len(s.recipients()) == 0 {
		return passed("MAIL FROM only: no recipient is configured")
	}
	return nil
}

// transaction sends MAIL FROM and RCPT TO. rest are the recipients for another transaction: a server may limit how many
// it accepts in one (452 4.5.3), but it must accept the first.
func (s *session) transaction(recipients []string) (rest []string, problem *probes.Step) {
	if problem := s.sendAddress(commandMAIL, s.path.MailFrom); problem != nil {
		return nil, problem
	}
	for i, to := range recipients {
		problem := s.sendAddress(commandRCPT, to)
		if problem != nil && i > 0 && tooManyRecipients(problem.Reply) {
			return recipients[i:], nil
		}
		if problem != nil {
			return nil, problem
		}
	}
	return nil, nil
}

// tooManyRecipients reports whether a reply limits the recipients of one transaction (RFC 5321, section 4.5.3.1.10).
func tooManyRecipients(r probes.Reply) bool {
	const tooMany = 452
	return r.Code == tooMany && (r.Enhanced == "4.5.3" || strings.Contains(strings.ToLower(r.Text), "too many recipients"))
}

func (s *session) recipients() []string {
	return s.path.Recipients[:min(len(s.path.Recipients), maxRecipients)]
}

// checkAddresses checks the addresses before any command is sent, so that none can inject another command.
func (s *session) checkAddresses(recipients []string) *probes.Step {
	const invalid = "the configured %s %q is not a mail address; nothing was sent"
	if from := s.path.MailFrom; from != "" && !validAddress(from) {
		return s.fail(probes.ReasonSenderRejected, fmt.Sprintf(invalid, "sender", probes.Redact(from)))
	}
	for _, to := range recipients {
		if !validAddress(to) {
			return s.fail(probes.ReasonRecipientRejected, fmt.Sprintf(invalid, "recipient", probes.Redact(to)))
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
	if s.control != nil && c == commandRCPT {
		s.control.accepted = shortened(r)
	}
	return nil
}

package smtpprobe

import (
	"fmt"
	"strings"

	"m365_connector_exporter/probes"
)

// maxRecipients bounds the RCPT TO commands of one probe.
const maxRecipients = 10

// envelope asks in one transaction for all recipients and resets it (RFC 5321, sections 4.1.1.2 to 4.1.1.5). What the
// stage proves is proven at the replies to RCPT TO: a server that closes at RSET has passed.
func (s *session) envelope() *probes.Step {
	recipients := s.recipients()
	if problem := s.checkAddresses(recipients); problem != nil {
		return problem
	}
	for first := true; first || len(recipients) > 0; first = false {
		rest, problem := s.transaction(recipients)
		if problem != nil {
			return problem
		}
		_, problem = s.cmd("RSET", "RSET")
		switch {
		case problem == nil:
		case len(rest) > 0:
			return problem
		default:
			return passed("the server closed the connection at RSET, after it had accepted each recipient")
		}
		recipients = rest
	}
	if len(s.recipients()) == 0 {
		return passed("MAIL FROM only: no recipient is configured")
	}
	return nil
}

// transaction sends MAIL FROM and RCPT TO. rest are the recipients that need a transaction of their own: a server may
// limit how many it takes at a time (452 4.5.3), but it must take one.
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

// checkAddresses is done before anything is sent: nothing that a server could read as another command is ever sent.
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

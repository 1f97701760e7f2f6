package smtpprobe

import (
	"errors"
	"fmt"
	"strings"

	"m365_connector_exporter/probes"
)

// greet reads the greeting and then sends EHLO. RFC 5321, section 4.5.3.2.1 allows five minutes for the greeting, and
// some servers delay it deliberately: it may take five sixths of the timeout, the rest is for the commands.
func (s *session) greet() *probes.Step {
	_ = s.conn.SetReadDeadline(s.commandDeadline().Add(-s.timeout() / 6)) // if it fails, so does the read
	r, err := s.replies.read()
	_ = s.conn.SetReadDeadline(s.commandDeadline())
	s.transcript.addReply(r)
	s.inspect(r, maskedGreeting)
	switch {
	case err != nil:
		s.unresponsive = true
		return s.fail(greetingReason(err, r), err.Error())
	case r.Code != 220 && r.Code < 400:
		return s.failWithReply(probes.ReasonNotSMTP, r) // FTP, NNTP and others greet with other codes
	case r.Code != 220:
		return s.refused(r, commandGreeting)
	}
	return s.ehlo()
}

func greetingReason(err error, r probes.Reply) probes.Reason {
	if errors.Is(err, errMalformed) && r.Code == 0 {
		return probes.ReasonNotSMTP
	}
	return readReason(err, probes.ReasonGreetingTimeout)
}

// ehlo sends EHLO and keeps the capabilities (RFC 5321, section 4.1.1.1).
func (s *session) ehlo() *probes.Step {
	if !validSMTPToken(s.helloName()) {
		return s.fail(probes.ReasonInternalError, fmt.Sprintf("hello_name %q is not a name for EHLO", s.helloName()))
	}
	line := "EHLO " + s.helloName()
	r, problem := s.cmd(line, line)
	if problem != nil {
		return problem
	}
	s.inspect(r, maskedKeyword)
	if r.Code != 250 {
		return s.refused(r, commandEHLO)
	}
	s.capabilities = r.Text
	return nil
}

// offers reports whether the server announced a capability.
func (s *session) offers(capability string) bool {
	_, list, _ := strings.Cut(s.capabilities, "\n") // the first line is the server's name
	for line := range strings.SplitSeq(list, "\n") {
		if word, _, _ := strings.Cut(strings.TrimSpace(line), " "); strings.EqualFold(word, capability) {
			return true
		}
	}
	return false
}

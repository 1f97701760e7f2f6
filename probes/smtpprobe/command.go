package smtpprobe

import (
	"errors"
	"os"
	"strings"
	"time"

	"m365_connector_exporter/probes"
)

// pendingReplyTime is how long to wait for a reply that the server sent before it closed the connection: it has
// arrived already, or never will.
const pendingReplyTime = 100 * time.Millisecond

// cmd sends one command and reads the reply. shown is the command as the transcript records it.
func (s *session) cmd(line, shown string) (probes.Reply, *probes.Step) {
	s.transcript.add(probes.OriginClient, shown)
	if _, err := s.conn.Write([]byte(line + "\r\n")); err != nil {
		s.desynced = true
		r, readErr := s.readPendingReply()
		if readErr == nil {
			return r, nil
		}
		if _, ok := alertCode(readErr); ok {
			err = readErr
		}
		return probes.Reply{}, s.noReply(err)
	}
	return s.readReply()
}

// readReply reads one reply, within the deadline of the connection.
func (s *session) readReply() (probes.Reply, *probes.Step) {
	r, err := s.replies.read()
	s.transcript.addReply(r)
	if err != nil {
		return r, s.noReply(err)
	}
	return r, nil
}

// noReply returns the problem of a reply that did not arrive. In TLS 1.3 the server verifies the client certificate
// after the client has finished the handshake, so the alert that refuses it arrives in place of the first reply.
func (s *session) noReply(err error) *probes.Step {
	s.unresponsive = true
	reason := readReason(err, probes.ReasonReplyTimeout)
	if alert, ok := alertCode(err); ok && s.secured && s.endpoint.TLS != nil {
		reason = alertReason(alert, clientAuth{s.endpoint.TLS.CertificateRequested, s.endpoint.TLS.ClientCertificateSent})
	}
	detail := err.Error()
	if reason == probes.ReasonConnectionClosed && s.stage == probes.TLSStage && s.withheldCertificate() {
		detail += "; the server had requested a client certificate, and none was sent"
	}
	return s.fail(reason, detail)
}

// readPendingReply reads what the server sent before it closed the connection: a reply, or an alert as the error.
func (s *session) readPendingReply() (probes.Reply, error) {
	_ = s.conn.SetReadDeadline(time.Now().Add(pendingReplyTime))
	r, err := s.replies.read()
	if err == nil {
		s.transcript.addReply(r)
	}
	return r, err
}

// refused returns the problem of a command that the server refused.
func (s *session) refused(r probes.Reply, c command) *probes.Step {
	why := refusal{r, c, s.withheldCertificate(), s.path.OwnSender}.classify()
	step := s.failWithReply(why.reason, r)
	if why.evidence != "" {
		step.Evidence = why.evidence
	}
	return step
}

// failWithReply returns a problem whose detail is a reply of the server.
func (s *session) failWithReply(reason probes.Reason, r probes.Reply) *probes.Step {
	if reason == probes.ReasonThrottled {
		s.throttled = true
	}
	step := s.fail(reason, strings.ReplaceAll(formatReply(r), "\n", " "))
	step.Reply = shortened(r)
	return step
}

// close sends QUIT if the server can still interpret it, then close_notify, and closes the connection. Further calls
// do nothing.
func (s *session) close() {
	if s.raw == nil {
		return
	}
	until := time.Now().Add(maxQuitTime)
	if s.deadline.Before(until) {
		until = s.deadline
	}
	_ = s.conn.SetDeadline(until)
	if !s.desynced {
		s.quit()
	}
	if s.conn != s.raw {
		_ = s.conn.Close() // close_notify
	}
	s.stopWatching()
	_ = s.raw.Close()
	s.raw = nil
}

func (s *session) quit() {
	s.transcript.add(probes.OriginClient, "QUIT")
	if _, err := s.conn.Write([]byte("QUIT\r\n")); err != nil || s.unresponsive {
		return
	}
	if r, err := s.replies.read(); err == nil {
		s.transcript.addReply(r)
	}
}

// readReason classifies a failed read or write; timeout is the reason if the deadline has passed.
func readReason(err error, timeout probes.Reason) probes.Reason {
	switch {
	case errors.Is(err, errTooLong):
		return probes.ReasonReplyTooLong
	case errors.Is(err, errMalformed):
		return probes.ReasonReplyMalformed
	case errors.Is(err, os.ErrDeadlineExceeded):
		return timeout
	default:
		return probes.ReasonConnectionClosed
	}
}

// validSMTPToken reports whether s is printable ASCII without spaces, so that it can be part of a command.
func validSMTPToken(s string) bool {
	for i := range len(s) {
		if s[i] <= ' ' || s[i] >= 0x7f {
			return false
		}
	}
	return s != ""
}

// validAddress reports whether a mail address can be put between angle brackets in a command.
func validAddress(a string) bool {
	const maxAddress = 320
	return validSMTPToken(a) && len(a) <= maxAddress && !strings.ContainsAny(a, `<>"\`) && strings.Contains(a, "@")
}

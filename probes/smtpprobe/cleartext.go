package smtpprobe

import (
	"slices"
	"time"

	"m365_connector_exporter/probes"
)

// The problems after which a session that does not require TLS continues in clear text: those before and during the
// handshake, and those that a server raises when it has seen which certificate the client presents.
var (
	beforeTLS = []probes.Reason{
		probes.ReasonSTARTTLSRejected, probes.ReasonTemporaryRejection, probes.ReasonServerUnavailable,
		probes.ReasonTLSHandshake, probes.ReasonTLSVersion, probes.ReasonCertificateUnparsable, probes.ReasonProberLimit,
	}
	afterTLS = []probes.Reason{
		probes.ReasonClientCertificateRequired, probes.ReasonClientCertificateUntrusted, probes.ReasonConnectionClosed,
	}
)

// mayContinueInClear reports whether the session may continue without TLS after a problem. Code 421 announces that the
// server closes the connection; no other is opened then.
func (s *session) mayContinueInClear(problem *probes.Step) bool {
	return !s.path.TLSSettings.RequiresTLS() &&
		(slices.Contains(afterTLS, problem.Reason) ||
			!s.secured && slices.Contains(beforeTLS, problem.Reason) && problem.Reply.Code != 421)
}

// continueInClear continues without TLS after STARTTLS failed with a problem, if the connector does not require TLS: on
// the same connection if the server refused STARTTLS with a reply, otherwise on a second one. Microsoft has not
// documented whether Exchange Online connects again after a failed handshake.
func (s *session) continueInClear(problem *probes.Step) *probes.Step {
	if !s.mayContinueInClear(problem) {
		return problem
	}
	evidence, uncertain := probes.EvidenceSTARTTLSRefused, ""
	if s.desynced || s.unresponsive || s.secured {
		evidence = probes.EvidenceHandshakeBroken
		uncertain = "Microsoft has not documented whether Exchange Online sends in clear text after a broken handshake"
		if second := s.reconnect(problem); second != nil {
			return second
		}
	}
	step := passed("STARTTLS failed (" + string(problem.Reason) + ": " + problem.Detail + "); sent in clear text")
	step.Evidence, step.Uncertain = evidence, uncertain
	return step
}

// timeouts are the reasons of a connection that ran out of time.
var timeouts = []probes.Reason{
	probes.ReasonConnectTimeout, probes.ReasonGreetingTimeout, probes.ReasonReplyTimeout,
}

// reconnect closes the connection, waits for the limiter, and opens a second connection up to the EHLO reply. The wait
// does not count against the timeout. If the second connection runs out of time, that is a limit of this program: the
// server replied in time on the first one.
func (s *session) reconnect(cause *probes.Step) *probes.Step {
	s.close()
	s.release(s.throttled)
	s.release = func(bool) {}
	start := time.Now()
	release, err := s.prober.opts.Limiter.Acquire(s.ctx, s.path.ID.Tenant, s.endpoint.Addr.Addr())
	if err != nil {
		return s.fail(probes.ReasonCanceled, "while waiting for a second connection: "+err.Error())
	}
	s.release = release
	waited := time.Since(start)
	s.waited += waited
	s.deadline = s.deadline.Add(waited)
	s.secured, s.desynced, s.unresponsive = false, false, false
	problem := s.connect()
	if problem == nil {
		problem = s.greet()
	}
	if problem != nil && slices.Contains(timeouts, problem.Reason) {
		return s.fail(probes.ReasonProberLimit, "the time left was too short for a second connection after "+
			string(cause.Reason)+": "+cause.Detail+"; raise probe.timeout")
	}
	return problem
}

// handshakeDeadline reserves half of the remaining time for a second connection if one may follow.
func (s *session) handshakeDeadline() time.Time {
	deadline := s.commandDeadline()
	if s.path.TLSSettings.RequiresTLS() {
		return deadline
	}
	return time.Now().Add(time.Until(deadline) / 2)
}

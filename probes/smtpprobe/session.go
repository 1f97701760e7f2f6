package smtpprobe

import (
	"context"
	"crypto/x509"
	"fmt"
	"net"
	"slices"
	"time"

	"m365_connector_exporter/probes"
)

const (
	defaultTimeout = 30 * time.Second
	maxQuitTime    = 2 * time.Second
)

// session is one SMTP session with one endpoint. The methods of its stages return the step that ends the stage, usually
// a problem; nil means that the stage passed and has no detail.
type session struct {
	prober   *Prober
	path     *probes.Path
	endpoint *probes.Endpoint // where the steps are recorded
	slot     *messageSlot
	control  *control // nil for a probe

	ctx          context.Context
	stage        probes.Stage
	deadline     time.Time // of the whole session
	raw          net.Conn  // nil before connect and after close
	conn         net.Conn  // raw, or TLS over it
	replies      *replyReader
	transcript   transcript
	capabilities string               // the EHLO reply: the server's name, then one capability per line
	secured      bool                 // the TLS handshake has succeeded
	chain        []*x509.Certificate  // presented by the server, leaf first
	inspected    bool                 // a firewall masked the greeting or commands
	throttled    bool                 // the server refused because of too many connections or messages
	unresponsive bool                 // a reply was missing or malformed: the reply to QUIT is not awaited
	desynced     bool                 // the server can no longer interpret commands: QUIT is not sent
	stopWatching func() bool          // ends the closing of raw with ctx
	release      func(throttled bool) // returns the connection to the limiter
	waited       time.Duration        // for the limiter, within the current stage
}

// stages are the methods that execute the stages. Resolve is not among them: it precedes the session.
var stages = [probes.NumStages]func(*session) *probes.Step{
	probes.Connect: (*session).connect, probes.EHLO: (*session).greet, probes.TLSStage: (*session).startTLS,
	probes.Recipient: (*session).envelope, probes.Message: (*session).message,
}

// run executes the session if the host has an address. It turns a panic into a result, so that one endpoint cannot end
// the daemon.
func (s *session) run(ctx context.Context) {
	defer func() {
		if bug := recover(); bug != nil {
			s.endpoint.Steps[s.stage] = *s.fail(probes.ReasonInternalError, fmt.Sprintf("panic: %v", bug))
		}
		s.close()
		s.endpoint.Transcript = slices.Clone(s.transcript.entries) // without spare capacity: it is kept for a round
	}()
	resolved := s.endpoint.Steps[probes.Resolve].Outcome == probes.Passed && s.endpoint.Addr.IsValid()
	if resolved && s.path.Settings.Until > probes.Resolve {
		s.execute(ctx)
	}
}

// execute waits for the limiter and then executes the stages in order until one does not pass. The timeout starts
// after the wait, so that a long queue is not mistaken for a slow server.
func (s *session) execute(ctx context.Context) {
	s.ctx, s.stage = ctx, probes.Connect
	release, err := s.prober.opts.Limiter.Acquire(ctx, s.path.ID.Tenant, s.endpoint.Addr.Addr())
	if err != nil {
		s.endpoint.Steps[probes.Connect] = *s.fail(probes.ReasonCanceled, "while waiting for the limiter: "+err.Error())
		return
	}
	s.release = release
	defer func() { s.close(); s.release(s.throttled) }()
	start := time.Now()
	s.transcript.start, s.deadline = start, start.Add(s.timeout())
	for stage := probes.Connect; stage <= min(s.path.Settings.Until, probes.NumStages-1); stage++ {
		s.stage = stage
		began := time.Now()
		s.waited = 0
		if problem := stages[stage](s); !s.finish(problem, time.Since(began)-s.waited) {
			return
		}
	}
}

// finish records the current stage and reports whether it passed.
func (s *session) finish(step *probes.Step, took time.Duration) bool {
	if step == nil {
		step = passed("")
	}
	if step.Outcome != probes.Passed && step.Outcome != probes.NotReached && s.ctx.Err() != nil {
		step = s.fail(probes.ReasonCanceled, "the probe was interrupted")
	}
	if step.Outcome != probes.NotReached && !step.Repeated {
		step.Duration = took
	}
	s.endpoint.Steps[s.stage] = *step
	return step.Outcome == probes.Passed
}

func (s *session) timeout() time.Duration {
	if s.path.Settings.Timeout > 0 {
		return s.path.Settings.Timeout
	}
	return defaultTimeout
}

// commandDeadline reserves a tenth of the timeout, two seconds at most, for QUIT.
func (s *session) commandDeadline() time.Time {
	return s.deadline.Add(-min(maxQuitTime, s.timeout()/10))
}

// helloName returns the name for EHLO, which [probes.Plan] has set.
func (s *session) helloName() string { return s.path.Settings.HelloName }

// fail returns a problem.
func (s *session) fail(reason probes.Reason, detail string) *probes.Step {
	step := probes.NewStep(reason, detail)
	step.Evidence = s.evidence(reason)
	return &step
}

// passed returns a step that passed with a detail.
func passed(detail string) *probes.Step {
	step := probes.NewStep("", detail)
	return &step
}

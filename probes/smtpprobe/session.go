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

// session is one SMTP session with one endpoint. Its methods return a problem: a step that did not pass, nil if the
// session goes on.
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
	capabilities string              // the EHLO reply: a capability on each line but the first
	secured      bool                // the TLS handshake is done
	chain        []*x509.Certificate // that the server showed
	inspected    bool                // a firewall masked the greeting or commands
	throttled    bool                // the server asked for fewer connections
	unresponsive bool                // no reply came, or nonsense: QUIT is sent, its reply not awaited
	desynced     bool                // the server can no longer understand a command: not even QUIT is sent
	stopWatching func() bool
	release      func(throttled bool) // of the limiter
	waited       time.Duration        // for the limiter, within the current stage
}

// stages are the methods of the stages that an address has.
var stages = [probes.NumStages]func(*session) *probes.Step{
	probes.Connect: (*session).connect, probes.EHLO: (*session).greet, probes.TLSStage: (*session).startTLS,
	probes.Recipient: (*session).envelope, probes.Message: (*session).message,
}

// run holds the session if the host resolved. A panic becomes a result: one endpoint must not end the daemon.
func (s *session) run(ctx context.Context) {
	defer func() {
		if bug := recover(); bug != nil {
			s.endpoint.Steps[s.stage] = *s.fail(probes.ReasonInternalError, fmt.Sprintf("panic: %v", bug))
		}
		s.close()
		s.endpoint.Transcript = slices.Clone(s.transcript.lines) // without spare capacity: it is kept until the next round
	}()
	resolved := s.endpoint.Steps[probes.Resolve].Outcome == probes.Passed && s.endpoint.Addr.IsValid()
	if resolved && s.path.Settings.Until > probes.Resolve {
		s.execute(ctx)
	}
}

// execute waits for the limiter and then executes the stages in order until one does not pass. The timeout starts
// after the wait: a long queue must not look like a slow server.
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

// helloName is the name in EHLO. [probes.Plan] has set it.
func (s *session) helloName() string { return s.path.Settings.HelloName }

func (s *session) fail(reason probes.Reason, detail string) *probes.Step {
	step := probes.NewStep(reason, detail)
	step.Evidence = s.evidence(reason)
	return &step
}

func passed(detail string) *probes.Step {
	step := probes.NewStep("", detail)
	return &step
}

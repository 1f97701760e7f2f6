package probes

import (
	"context"
	"net/netip"
	"time"
)

// Prober probes every endpoint of a path once, and changes nothing of it. A failure is in the Result, never beside it: Probe always
// returns a whole value.
// Implementations must respect ctx and must be safe for concurrent use.
type Prober interface {
	Probe(ctx context.Context, p *Path) *Result
}

// ProberFunc lets a function be a Prober.
type ProberFunc func(ctx context.Context, p *Path) *Result

// Probe calls f.
func (f ProberFunc) Probe(ctx context.Context, p *Path) *Result { return f(ctx, p) }

var _ Prober = ProberFunc(nil)

// Result is one round: everything one probe of a path found out.
type Result struct {
	Path        PathID
	Until       Stage // the last stage asked for in this round
	Started     time.Time
	Duration    time.Duration
	Provisional bool       // a first failure that the confirming round has not repeated yet: changes no verdict
	Endpoints   []Endpoint // at most MaxEndpoints, in the order host, then address
	Hints       []string   // what is true of the whole round: "3 of 200 addresses probed", at most 8
}

// MaxEndpoints bounds the endpoints of one path.
const MaxEndpoints = 16

// Endpoint is what was found at one address of one resolved host. A zero Addr means the host did not resolve.
type Endpoint struct {
	Host        string
	Addr        netip.AddrPort
	HideAddress bool // an Exchange Online host: the address is not a label, another one is probed each round
	Steps       [NumStages]Step
	TLS         *TLS
	Transcript  []TranscriptLine // of the SMTP session, in order; empty where there was none
}

// Step is one stage's outcome with its evidence.
type Step struct {
	Outcome   Outcome
	Reason    Reason        // empty when passed or not reached
	Detail    string        // what happened, for people; sanitised and bounded
	Reply     Reply         // the server's reply that decided, if one did
	Duration  time.Duration // of resolve: the look-up of this host, the same on each of its endpoints
	Uncertain string        // why a passed or failed verdict rests on something Microsoft has not documented
}

// MaxDetail bounds the detail of a step or a judgement, in bytes.
const MaxDetail = 512

// NewStep returns the step that ended for a reason, with the outcome that the reason stands for; no reason is Passed.
func NewStep(reason Reason, detail string) Step {
	step := Step{Outcome: Passed, Reason: reason, Detail: Sanitise(detail, MaxDetail)}
	if reason != "" {
		step.Outcome = reason.Outcome()
	}
	return step
}

// Reply is an SMTP reply kept as data.
type Reply struct {
	Code     int    // 0 when there was none
	Enhanced string // "5.7.64"; empty when the server gave none
	Text     string // the server's words, sanitised, lines joined by \n, bounded
}

// FirstProblem returns the first stage that failed or stayed inconclusive.
func (e Endpoint) FirstProblem() (Stage, Step, bool) {
	for s, step := range e.Steps {
		if step.Outcome == Failed || step.Outcome == Inconclusive {
			return Stage(s), step, true
		}
	}
	return 0, Step{}, false
}

// Outcome judges the endpoint: passed when every stage up to until passed, else what its first problem says.
func (e Endpoint) Outcome(until Stage) Outcome {
	for _, step := range e.Steps[:min(until, NumStages-1)+1] {
		if step.Outcome != Passed {
			if step.Outcome == NotReached {
				return Inconclusive
			}
			return step.Outcome
		}
	}
	return Passed
}

// Outcome judges the round: failed when an endpoint failed, passed when every one passed, else inconclusive.
func (r Result) Outcome() Outcome {
	if len(r.Endpoints) == 0 {
		return Inconclusive
	}
	all := Passed
	for _, e := range r.Endpoints {
		switch e.Outcome(r.Until) {
		case Failed:
			return Failed
		case Passed:
		default:
			all = Inconclusive
		}
	}
	return all
}

// Failure names the failure that stands for the round: first failing stage, then host, then address. ok is false when nothing failed.
func (r Result) Failure() (e Endpoint, stage Stage, step Step, ok bool) {
	for _, candidate := range r.Endpoints {
		s, st, problem := candidate.FirstProblem()
		if !problem || st.Outcome != Failed {
			continue
		}
		if !ok || s < stage || s == stage && before(candidate, e) {
			e, stage, step, ok = candidate, s, st, true
		}
	}
	return e, stage, step, ok
}

func before(a, b Endpoint) bool {
	if a.Host != b.Host {
		return a.Host < b.Host
	}
	return a.Addr.Compare(b.Addr) < 0
}

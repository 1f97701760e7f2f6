package probes

import (
	"iter"
	"net/netip"
	"slices"
	"strings"
	"time"
)

// Result is one round: everything that one probe of a path observed.
type Result struct {
	Path        PathID
	Until       Stage // the last stage of this round
	Started     time.Time
	Duration    time.Duration
	Provisional bool       // a first failure, which changes no verdict until another round confirms it
	Endpoints   []Endpoint // at most MaxEndpoints, in the order host, then address
	Hints       []string   // about the whole round: "3 of 200 addresses probed"; at most 8
}

// MaxEndpoints is the largest number of endpoints of one path.
const MaxEndpoints = 16

// Endpoint is what one round observed at one address of one host. A zero Addr means that the host did not resolve.
type Endpoint struct {
	Host        string
	Addr        netip.AddrPort
	HideAddress bool // a host of Exchange Online: every round probes another address, so the address is not a label
	HasIPv6     bool // the host has an IPv6 address, whichever address was probed
	Steps       [NumStages]Step
	TLS         *TLS
	DANE        *DANE             // nil if the host's TLSA records are unknown or do not matter
	Transcript  []TranscriptEntry // of the SMTP session, in order; empty if there was none
}

// TranscriptEntry is a command, a reply or an observation in the transcript of an SMTP session.
type TranscriptEntry struct {
	At     time.Duration // since the connection attempt began
	Origin Origin
	Text   string // sanitised and bounded, lines joined by \n
}

// Lines yields the lines of the text.
func (e TranscriptEntry) Lines() iter.Seq[string] { return strings.SplitSeq(e.Text, "\n") }

// Origin is the source of a transcript entry.
type Origin byte

// The origins of transcript entries.
const (
	OriginClient Origin = 'C'
	OriginServer Origin = 'S'
	OriginProber Origin = '#' // an observation of the prober: "TLS 1.3 established"
)

// Step is the outcome of one stage, with its evidence.
type Step struct {
	Outcome   Outcome
	Repeated  bool          // the outcome is that of a test message of an earlier round; it has no duration
	Reason    Reason        // "" if passed or not reached
	Evidence  Evidence      // selects the remedy; "" for the general one
	Detail    string        // what happened, for display; sanitised and bounded
	Reply     Reply         // the server's reply that decided the outcome, if one did
	Duration  time.Duration // for resolve: of the look-up of this host, the same for all its endpoints
	Uncertain string        // the undocumented Microsoft behaviour that the outcome depends on; "" if there is none
}

// MaxDetail bounds the detail of a step or a judgement, in bytes.
const MaxDetail = 512

// NewStep returns a step that ended for a reason, with the outcome that the reason decides. With the reason "" the
// step has passed.
func NewStep(reason Reason, detail string) Step {
	step := Step{Outcome: Passed, Reason: reason, Detail: Sanitise(detail, MaxDetail)}
	if reason != "" {
		step.Outcome = reason.Outcome()
	}
	return step
}

// Reply is an SMTP reply.
type Reply struct {
	Code     int    // 0 if there was none
	Enhanced string // "5.7.64"; "" if the server sent none
	Text     string // sanitised and bounded, lines joined by \n
}

// FirstProblem returns the first stage that failed or was inconclusive; ok is false if there is none.
func (e Endpoint) FirstProblem() (stage Stage, step Step, ok bool) {
	for s, step := range e.Steps {
		if step.Outcome == Failed || step.Outcome == Inconclusive {
			return Stage(s), step, true
		}
	}
	return 0, Step{}, false
}

// Outcome returns Passed if all stages up to until passed, else the outcome of the first one that did not. The message
// stage is reached only when a test message is sent: an endpoint that passed all stages before it has passed.
func (e Endpoint) Outcome(until Stage) Outcome {
	for stage, step := range e.Steps[:min(until, NumStages-1)+1] {
		switch {
		case step.Outcome == Passed:
		case step.Outcome == NotReached && Stage(stage) == Message:
		case step.Outcome == NotReached:
			return Inconclusive
		default:
			return step.Outcome
		}
	}
	return Passed
}

// Outcome returns Failed if an endpoint failed, Passed if all decisive ones passed, else Inconclusive.
func (r Result) Outcome() Outcome {
	all := Passed
	endpoints := r.DecisiveEndpoints()
	if len(endpoints) == 0 {
		all = Inconclusive
	}
	for _, e := range endpoints {
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

// Interrupted reports whether the round was cut short, by a shutdown or by its caller.
func (r Result) Interrupted() bool {
	return len(r.Endpoints) == 0 || slices.ContainsFunc(r.Endpoints, func(e Endpoint) bool {
		_, step, problem := e.FirstProblem()
		return problem && step.Reason == ReasonCanceled
	})
}

// SomePassed reports whether an endpoint passed every stage of the round.
func (r Result) SomePassed() bool {
	return slices.ContainsFunc(r.Endpoints, func(e Endpoint) bool { return e.Outcome(r.Until) == Passed })
}

// SomeInconclusive reports whether a decisive endpoint was inconclusive, or nothing was probed at all.
func (r Result) SomeInconclusive() bool {
	endpoints := r.DecisiveEndpoints()
	return len(endpoints) == 0 || slices.ContainsFunc(endpoints, func(e Endpoint) bool {
		outcome := e.Outcome(r.Until)
		return outcome != Passed && outcome != Failed
	})
}

// DecisiveEndpoints returns the endpoints that decide the outcome of the round. If this host lacks one address family,
// those with addresses of the other family decide, if there are any.
func (r Result) DecisiveEndpoints() []Endpoint {
	lacking := slices.ContainsFunc(r.Endpoints, Endpoint.lacksFamily)
	usable := slices.ContainsFunc(r.Endpoints, func(e Endpoint) bool { return e.Addr.IsValid() && !e.lacksFamily() })
	if !lacking || !usable {
		return r.Endpoints
	}
	return slices.DeleteFunc(slices.Clone(r.Endpoints), Endpoint.lacksFamily)
}

func (e Endpoint) lacksFamily() bool {
	_, step, ok := e.FirstProblem()
	return ok && step.Reason == ReasonFamilyUnavailable
}

// Failure returns the failure that represents the round: the one at the earliest stage, then the first by host and
// address. ok is false if no endpoint failed.
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

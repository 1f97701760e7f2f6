package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"m365_connector_exporter/cmd/m365_connector_exporter/internal/daemon"
	"m365_connector_exporter/collector/text"
	"m365_connector_exporter/probes"
	"m365_connector_exporter/probes/roundtrip"
)

// checkRoundTrip returns an error for flags that cannot be combined with --round-trip.
func (c validateCommand) checkRoundTrip() error {
	switch {
	case *c.roundTrip == "":
		return nil
	case len(*c.targets) > 0:
		return fmt.Errorf("--round-trip=%s cannot be combined with the target %q", *c.roundTrip, (*c.targets)[0])
	case *c.smartHost != "" || *c.microsoft || *c.send || *c.until != "" || *c.timed:
		return fmt.Errorf("--round-trip=%s sends one message and waits for it: it can only be combined with --output",
			*c.roundTrip)
	}
	return nil
}

// runRoundTrip sends one message of a round trip, waits for it, and prints what became of it.
func (c validateCommand) runRoundTrip(ctx context.Context, file string, s streams) int {
	cfg, err := readForCommand(ctx, file, s)
	if err != nil {
		return exitUsage
	}
	trip, err := daemon.FindRoundTrip(cfg, *c.roundTrip)
	if err != nil {
		return s.usageError(err)
	}
	progress := newTripProgress(s.err, trip.LostAfter)
	v := daemon.TripValidation{Config: cfg, Trip: trip, Hostname: s.hostname(), Waiting: progress.show}
	status, err := v.Run(ctx)
	progress.end()
	switch {
	case errors.Is(err, daemon.ErrNoOutcome):
		_, _ = fmt.Fprintf(s.err, "%s: %v\n", program, err)
		return exitInconclusive
	case err != nil:
		return s.usageError(err)
	}
	if *c.output == "json" {
		err = text.RoundTripsJSON(s.out, []roundtrip.Status{*status})
	} else {
		err = text.RoundTrip(s.out, status, terminal(s.out))
	}
	if err != nil || status.Newest.Outcome != roundtrip.Delivered {
		return exitFailed
	}
	return exitOK
}

// tripProgress shows how long a message has been under way: in one line on a terminal, elsewhere with a line when it
// was sent and one for each new problem.
type tripProgress struct {
	out       io.Writer
	terminal  bool
	lostAfter time.Duration
	begun     bool
	problem   string
}

func newTripProgress(out io.Writer, lostAfter time.Duration) *tripProgress {
	return &tripProgress{out: out, terminal: isTerminal(out), lostAfter: lostAfter}
}

const maxProblem = 200

func (p *tripProgress) show(since time.Duration, retry string) {
	retry = probes.Redact(probes.Sanitise(retry, maxProblem))
	line := fmt.Sprintf("the message has been under way for %s; it counts as lost after %s", text.Span(since),
		text.Span(p.lostAfter))
	if retry != "" {
		line = fmt.Sprintf("the message could not be handed over yet, for %s of %s: %s", text.Span(since),
			text.Span(p.lostAfter), retry)
	}
	switch {
	case p.terminal:
		_, _ = fmt.Fprintf(p.out, "\r\x1b[K%s", line)
	case !p.begun || retry != p.problem:
		_, _ = fmt.Fprintln(p.out, line)
	}
	p.begun, p.problem = true, retry
}

// end removes the line.
func (p *tripProgress) end() {
	if p.terminal && p.begun {
		_, _ = fmt.Fprint(p.out, "\r\x1b[K")
	}
}

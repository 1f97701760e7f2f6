package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// handleSignals replaces the default effect of signals, which is to kill the process. SIGINT and SIGTERM end the
// context. A second SIGINT kills the process, for a user who does not want to wait until every probe has ended.
func handleSignals() (context.Context, hangups) {
	h := hangups{signals: make(chan os.Signal, 1), ignored: signal.Ignored(syscall.SIGHUP)}
	signal.Notify(h.signals, syscall.SIGHUP)
	ctx, cancel := context.WithCancel(context.Background())
	end := make(chan os.Signal, 1)
	signal.Notify(end, os.Interrupt, syscall.SIGTERM)
	go func() {
		<-end
		signal.Reset(os.Interrupt)
		cancel()
	}()
	return ctx, h
}

// hangups are the SIGHUPs that the process received. The daemon reloads at each; one that arrives during its start is
// kept. A command ends at one, because its terminal is gone.
type hangups struct {
	signals chan os.Signal
	ignored bool // when the process started, as nohup does it
}

// end returns a context that ends with ctx and at a SIGHUP, unless that was ignored when the process started.
func (h hangups) end(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	if !h.ignored {
		go func() {
			select {
			case <-h.signals:
				cancel()
			case <-ctx.Done():
			}
		}()
	}
	return ctx, cancel
}

// ignoreBrokenPipes lets a write to a closed stdout or stderr fail. By default SIGPIPE kills the process: right for
// a command whose reader has ended, wrong for a daemon whose log collector has.
func ignoreBrokenPipes() { signal.Ignore(syscall.SIGPIPE) }

// await returns the result of f. If ctx ends first, ok is false and f keeps running: it reads files or computes, which
// cannot be interrupted, and the process is about to end.
func await[T any](ctx context.Context, f func() T) (result T, ok bool) {
	done := make(chan T, 1)
	go func() { done <- f() }()
	select {
	case result = <-done:
		return result, true
	case <-ctx.Done():
		return result, false
	}
}

// interruptGrace is how long a command may go on after a signal: validate prints what it has.
const interruptGrace = 3 * time.Second

// once runs a command that ends by itself, and returns its exit status. At SIGINT, SIGTERM and SIGHUP its context
// ends; if the command does not, because it reads files or computes, it is abandoned as inconclusive.
func once(ctx context.Context, s streams, command func(context.Context) int) int {
	ctx, cancel := s.hangup.end(ctx)
	defer cancel()
	grace, end := context.WithCancel(context.WithoutCancel(ctx))
	defer end()
	context.AfterFunc(ctx, func() { time.AfterFunc(interruptGrace, end) })
	status, ok := await(grace, func() int { return command(ctx) })
	if !ok {
		_, _ = fmt.Fprintf(s.err, "%s: interrupted before the end\n", program)
		return exitInconclusive
	}
	return status
}

package smtpprobe

import (
	"context"
	"io"
	"net"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"m365_connector_exporter/probes"
	"m365_connector_exporter/probes/mailflow"
)

// throughPipe makes w meet a peer in memory, so that time can be the test's own.
func throughPipe(w *Prober, peer func(net.Conn)) {
	w.dial = func(context.Context, *net.Dialer, string, string) (net.Conn, error) {
		ours, theirs := net.Pipe()
		go func() {
			defer func() { _ = theirs.Close() }()
			peer(theirs)
		}()
		return ours, nil
	}
}

func say(conn net.Conn, text string, pause time.Duration) {
	for i := range len(text) {
		time.Sleep(pause)
		if _, err := conn.Write([]byte{text[i]}); err != nil {
			return
		}
	}
}

// A silent server costs its part of the timeout, whatever it sent before.
func TestSilentServers(t *testing.T) {
	silent := func(conn net.Conn) { _, _ = io.Copy(io.Discard, conn) }
	for _, tt := range []struct {
		name   string
		peer   func(net.Conn)
		stage  probes.Stage
		reason probes.Reason
		most   time.Duration // of a timeout of 20 s, including QUIT
	}{
		{"tarpit", silent, probes.EHLO, probes.ReasonGreetingTimeout, 15 * time.Second},
		{
			"byte by byte", func(c net.Conn) { say(c, "220 mail.test says hello\r\n", time.Second) }, probes.EHLO,
			probes.ReasonGreetingTimeout, 17 * time.Second,
		},
		{
			"a slow greeting that ends", func(c net.Conn) { say(c, "220 hi\r\n", time.Second); silent(c) }, probes.EHLO,
			probes.ReasonReplyTimeout, 18 * time.Second,
		},
		{
			"silent after the greeting", func(c net.Conn) { say(c, "220 hi\r\n", 0); silent(c) }, probes.EHLO,
			probes.ReasonReplyTimeout, 18 * time.Second,
		},
		{
			"half a reply", func(c net.Conn) { say(c, "220-hi\r\n", 0); silent(c) }, probes.EHLO, probes.ReasonGreetingTimeout,
			15 * time.Second,
		},
		{
			"never reads", func(c net.Conn) { say(c, "220 hi\r\n", 0); time.Sleep(time.Minute) }, probes.EHLO,
			probes.ReasonReplyTimeout, 20 * time.Second,
		},
		{
			"silent in the handshake", func(c net.Conn) { say(c, "220 hi\r\n", 0); answerTwice(c); silent(c) }, probes.TLSStage,
			probes.ReasonTLSHandshake, 18 * time.Second,
		},
	} {
		synctest.Test(t, func(t *testing.T) {
			w := testProber(nil)
			throughPipe(w, tt.peer)
			p := testPath(netip.MustParseAddrPort("127.0.0.1:25"), probes.TLSStage, mailflow.EncryptionOnly)
			p.Settings.Timeout = 20 * time.Second
			start := time.Now()
			stage, step, _ := probeOne(t, w, p).FirstProblem()
			if took := time.Since(start); stage != tt.stage || step.Reason != tt.reason || took > tt.most {
				t.Errorf("%s: %v %+v after %v", tt.name, stage, step, took)
			}
			time.Sleep(2 * time.Minute) // the peers end, in no time
		})
	}
}

// RFC 5321, section 4.5.3.2.1 grants the greeting five minutes: with the default timeout it may take 23 seconds.
func TestSlowGreetings(t *testing.T) {
	for _, tt := range []struct {
		after  time.Duration
		reason probes.Reason
	}{
		{10 * time.Second, ""},
		{17 * time.Second, ""},
		{22 * time.Second, ""},
		{25 * time.Second, probes.ReasonGreetingTimeout},
	} {
		synctest.Test(t, func(t *testing.T) {
			w := testProber(nil)
			throughPipe(w, func(c net.Conn) {
				time.Sleep(tt.after)
				say(c, "220 mail.test ready\r\n", 0)
				for _, reply := range []string{"250 mail.test\r\n", "221 bye\r\n"} {
					_, _ = c.Read(make([]byte, 1000))
					say(c, reply, 0)
				}
			})
			p := testPath(netip.MustParseAddrPort("127.0.0.1:25"), probes.EHLO, mailflow.Opportunistic)
			p.Settings.Timeout = 0 // the default
			if step := probeOne(t, w, p).Steps[probes.EHLO]; step.Reason != tt.reason {
				t.Errorf("a greeting after %v: %+v, want %q", tt.after, step, tt.reason)
			}
			time.Sleep(2 * time.Minute)
		})
	}
}

// answerTwice accepts EHLO and STARTTLS.
func answerTwice(conn net.Conn) {
	for _, text := range []string{"250-x\r\n250 STARTTLS\r\n", "220 go\r\n"} {
		_, _ = conn.Read(make([]byte, 1000))
		say(conn, text, 0)
	}
}

func TestCancelledProbeEndsAtOnceAndIsInconclusive(t *testing.T) {
	for name, peer := range map[string]func(net.Conn){
		"greeting":  func(c net.Conn) { _, _ = io.Copy(io.Discard, c) },
		"handshake": func(c net.Conn) { say(c, "220 hi\r\n", 0); answerTwice(c); _, _ = io.Copy(io.Discard, c) },
	} {
		synctest.Test(t, func(t *testing.T) {
			w := testProber(nil)
			throughPipe(w, peer)
			ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
			defer cancel()
			p := testPath(netip.MustParseAddrPort("127.0.0.1:25"), probes.TLSStage, mailflow.EncryptionOnly)
			res := w.Probe(ctx, &p)
			note(res.Endpoints)
			_, step, _ := res.Endpoints[0].FirstProblem()
			if step.Reason != probes.ReasonCanceled || step.Outcome != probes.Inconclusive ||
				res.Duration != 50*time.Millisecond {
				t.Errorf("%s: %+v after %v", name, step, res.Duration)
			}
		})
	}
}

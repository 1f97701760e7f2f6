package smtpprobe

import (
	"bufio"
	"bytes"
	"context"
	"net"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unicode"

	"m365_connector_exporter/probes"
	"m365_connector_exporter/probes/mailflow"
)

// hostile is a peer that sends the first piece of data at once and one more for each line it receives, and then closes.
// It hears while it speaks: a pipe holds nothing.
func hostile(conn net.Conn, data []byte) {
	lines := make(chan struct{}, maxReplyLines)
	go func() {
		defer close(lines)
		for br := bufio.NewReader(conn); ; {
			if _, err := br.ReadSlice('\n'); err != nil {
				return
			}
			select {
			case lines <- struct{}{}:
			default:
			}
		}
	}()
	defer func() { _ = conn.Close() }()
	for i, piece := range bytes.Split(data, []byte("\x00")) {
		if i > 0 {
			<-lines
		}
		if _, err := conn.Write(piece); err != nil {
			return
		}
	}
}

// FuzzDialogue lets a peer send anything. Whatever it sends, the probe ends with a whole result: reasons of the
// catalogue, none of them a fault of ours, and words that are harmless and bounded.
func FuzzDialogue(f *testing.F) {
	f.Add([]byte("220 mail.test\r\n\x00250-mail.test\r\n250 SIZE\r\n\x00250 ok\r\n\x00250 ok\r\n\x00250 ok\r\n\x00354 " +
		"go\r\n\x00250 ok\r\n\x00221 bye\r\n"))
	f.Add([]byte("220 mail.test\r\n\x00250-mail.test\r\n250 STARTTLS\r\n\x00220 go\r\n\x00\x15\x03\x03\x00\x02\x02\x28"))
	f.Add([]byte("220-\r\n220 x\r\n\x00250-a\r\n550 b\r\n"))
	f.Add([]byte("554 5.7.1 \x1b[31mred\xff\r\n"))
	f.Add([]byte("421 4.7.1 No client certificate presented\r\n"))
	f.Add([]byte("220 x\x00250 STARTTLS\r\n\x00220 x\r\n250 injected\r\n"))
	f.Add(bytes.Repeat([]byte("220-x\r\n"), 1200))
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, settings := range []mailflow.TLSSettings{mailflow.Opportunistic, mailflow.DomainValidation} {
			// a silent peer costs no time
			synctest.Test(t, func(t *testing.T) { checkWhole(t, probeHostile(t, data, settings)) })
		}
	})
}

func probeHostile(t *testing.T, data []byte, settings mailflow.TLSSettings) probes.Result {
	t.Helper()
	w := testProber(nil)
	w.dial = func(context.Context, *net.Dialer, string, string) (net.Conn, error) {
		ours, theirs := net.Pipe()
		go hostile(theirs, data)
		return ours, nil
	}
	p := testPath(netip.MustParseAddrPort("127.0.0.1:25"), probes.Message, settings)
	start := time.Now()
	res := w.Probe(t.Context(), &p)
	if took := time.Since(start); took > p.Settings.Timeout {
		t.Fatalf("took %v of %v", took, p.Settings.Timeout)
	}
	return *res
}

func checkWhole(t *testing.T, res probes.Result) {
	t.Helper()
	if len(res.Endpoints) != 1 {
		t.Fatalf("%d endpoints", len(res.Endpoints))
	}
	e := res.Endpoints[0]
	ended := false
	for i, s := range e.Steps {
		_, known := s.Reason.Info()
		switch {
		case ended && s.Outcome != probes.NotReached, s.Outcome == probes.Passed && s.Reason != "",
			s.Reason != "" && (!known || s.Outcome != s.Reason.Outcome()), s.Reason == probes.ReasonInternalError:
			t.Fatalf("stage %d: %+v", i, s)
		}
		ended = ended || s.Outcome != probes.Passed
		harmless(t, s.Detail, probes.MaxDetail)
		for line := range strings.SplitSeq(s.Reply.Text, "\n") {
			harmless(t, line, maxReplyText)
		}
	}
	lines := 0
	for _, entry := range e.Transcript {
		for l := range entry.Lines() {
			harmless(t, l, maxLineText)
			lines++
		}
	}
	if lines > maxTranscript {
		t.Fatalf("%d lines", lines)
	}
}

func harmless(t *testing.T, text string, limit int) {
	t.Helper()
	if len(text) > limit+len("…") || strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }) {
		t.Fatalf("%d bytes: %q", len(text), text)
	}
}

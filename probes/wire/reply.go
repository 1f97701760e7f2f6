package wire

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"strings"

	"m365_connector_exporter/probes"
)

// The bounds of a reply. RFC 5321, section 4.5.3.1.5 asks for 512 bytes a line; servers in the field send more.
const (
	maxLine       = 2000
	maxReplyLines = 100
	maxReplyBytes = 64 << 10
	maxReplyText  = 1024
	maxEmptyReads = 100 // in a row
)

var (
	errMalformed = errors.New("not an SMTP reply")
	errTooLong   = errors.New("the reply is too long")
)

// enhancedCode is that of RFC 2034; Cisco's IronPort writes it with a #.
var enhancedCode = regexp.MustCompile(`^#?([245]\.\d{1,3}\.\d{1,3})(?:[^\d.]|$)`)

// replyReader reads SMTP replies (RFC 5321, section 4.2) from a peer that may send anything. It is a buffered reader that starts
// small: thousands of probes may wait for a line that never comes.
type replyReader struct {
	src io.Reader
	buf []byte
	at  int   // where what has not been returned yet begins
	met error // by ahead
}

// The buffer holds most replies at first, and the longest line at last.
const (
	firstBuffer = 128
	fullBuffer  = maxLine + 2
)

func newReplyReader(r io.Reader) *replyReader { return &replyReader{src: r} }

// buffered is how many bytes have come that nobody has read.
func (r *replyReader) buffered() int { return len(r.buf) - r.at }

// read reads one reply. With an error the reply holds what came before it.
func (r *replyReader) read() (reply probes.Reply, _ error) {
	var lines []string
	defer func() { reply.Text = sanitiseLines(lines) }()
	for total, n := 0, 0; ; n++ {
		line, err := r.line()
		total += len(line)
		if err != nil {
			return reply, err
		}
		if total > maxReplyBytes || n >= maxReplyLines {
			return reply, errTooLong
		}
		text, more, err := addLine(&reply, line)
		if err != nil {
			return reply, err
		}
		lines = append(lines, text)
		if !more {
			return reply, nil
		}
	}
}

// addLine takes one line into a reply, except its text.
func addLine(reply *probes.Reply, line string) (text string, more bool, err error) {
	code, more, text, ok := splitReply(line)
	if !ok || reply.Code != 0 && code != reply.Code {
		return "", false, fmt.Errorf("%w: %s", errMalformed, probes.Sanitise(line, 80))
	}
	reply.Code = code
	enhanced, text := splitEnhanced(code, text)
	if reply.Enhanced == "" {
		reply.Enhanced = enhanced
	}
	return text, more, nil
}

func (r *replyReader) line() (string, error) {
	raw, err := r.slice()
	if errors.Is(err, errTooLong) || len(raw) > maxLine {
		return "", errTooLong
	}
	if err != nil {
		if len(raw) > 0 && errors.Is(err, io.EOF) {
			return "", fmt.Errorf("%w: %q", io.ErrUnexpectedEOF, probes.Sanitise(string(raw), 80))
		}
		return "", err
	}
	return strings.TrimRight(string(raw), "\r\n"), nil
}

// slice is everything up to the next line feed, or to where the connection failed. The next call overwrites it.
func (r *replyReader) slice() ([]byte, error) {
	for searched := 0; ; {
		if i := bytes.IndexByte(r.buf[r.at+searched:], '\n'); i >= 0 {
			raw := r.buf[r.at : r.at+searched+i+1]
			r.at += len(raw)
			return raw, nil
		}
		searched = r.buffered()
		if searched >= fullBuffer {
			return nil, errTooLong
		}
		if err := r.fill(); err != nil {
			raw := r.buf[r.at:]
			r.at = len(r.buf)
			return raw, err
		}
	}
}

// fill reads once more.
func (r *replyReader) fill() error {
	if err := r.met; err != nil {
		r.met = nil
		return err
	}
	room := r.room()
	for range maxEmptyReads {
		n, err := r.src.Read(room)
		r.buf = r.buf[:len(r.buf)+n]
		if n > 0 {
			return nil // an error comes again at the next read
		}
		if err != nil {
			return err
		}
	}
	return io.ErrNoProgress
}

// ahead takes what the source has already, where that can tell without waiting. An error that it meets comes with the next read: the
// source may tell it only once.
func (r *replyReader) ahead() {
	src, ok := r.src.(interface{ readAhead(b []byte) (int, error) })
	if !ok {
		return
	}
	n, err := src.readAhead(r.room())
	r.buf = r.buf[:len(r.buf)+n]
	if !errors.Is(err, errNothingYet) {
		r.met = err
	}
}

// room is where more can be read to, of a larger buffer where this one is full.
func (r *replyReader) room() []byte {
	if r.at > 0 {
		r.buf, r.at = r.buf[:copy(r.buf, r.buf[r.at:])], 0
	}
	if len(r.buf) == cap(r.buf) {
		larger := make([]byte, len(r.buf), min(max(2*cap(r.buf), firstBuffer), fullBuffer))
		copy(larger, r.buf)
		r.buf = larger
	}
	return r.buf[len(r.buf):cap(r.buf)]
}

// splitReply takes a reply line apart; the code must be one that RFC 5321 knows (2xx to 5xx).
func splitReply(line string) (code int, more bool, text string, ok bool) {
	if len(line) < 3 || line[0] < '2' || line[0] > '5' || !digit(line[1]) || !digit(line[2]) {
		return 0, false, "", false
	}
	code = int(line[0]-'0')*100 + int(line[1]-'0')*10 + int(line[2]-'0')
	if len(line) == 3 {
		return code, false, "", true
	}
	if line[3] != ' ' && line[3] != '-' {
		return 0, false, "", false
	}
	return code, line[3] == '-', line[4:], true
}

// splitEnhanced takes an enhanced code of the reply's own class off the text.
func splitEnhanced(code int, text string) (enhanced, rest string) {
	if text == "" || strings.IndexByte("#245", text[0]) < 0 {
		return "", text // most lines: the expression need not be asked
	}
	m := enhancedCode.FindStringSubmatch(text)
	if m == nil || int(m[1][0]-'0') != code/100 {
		return "", text
	}
	return m[1], strings.TrimLeft(strings.TrimPrefix(strings.TrimPrefix(text, "#"), m[1]), " ")
}

func digit(b byte) bool { return b >= '0' && b <= '9' }

// readReason says what a failed read or write means; timeout is the reason for silence.
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

// replyLine is a reply as it is shown to people.
func replyLine(r probes.Reply) string {
	if r.Code == 0 {
		return ""
	}
	return strings.TrimSpace(strings.TrimSpace(fmt.Sprintf("%d %s", r.Code, r.Enhanced)) + " " + r.Text)
}

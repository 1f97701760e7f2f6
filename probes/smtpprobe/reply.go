package smtpprobe

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"

	"m365_connector_exporter/probes"
)

// The bounds of a reply. RFC 5321, section 4.5.3.1.5 allows 512 bytes per line; real servers send more. The whole reply
// is classified, but only maxReplyText bytes of it are recorded.
const (
	maxLine       = 4000
	maxReplyLines = 1000
	maxReplyBytes = 64 << 10
	maxReplyText  = 1024
)

var (
	errMalformed = errors.New("not an SMTP reply")
	errTooLong   = errors.New("the reply is too long")
)

// replyReader reads SMTP replies (RFC 5321, section 4.2) from a server that may send anything.
type replyReader struct{ src *bufio.Reader }

// newReplyReader returns a reader with room for the longest line that is accepted.
func newReplyReader(r io.Reader) *replyReader { return &replyReader{bufio.NewReaderSize(r, maxLine+2)} }

// buffered returns how many received bytes have not been read yet.
func (r *replyReader) buffered() int { return r.src.Buffered() }

// read reads one reply with its whole text. If it returns an error, the reply contains the lines before the error.
func (r *replyReader) read() (reply probes.Reply, _ error) {
	var lines []string
	defer func() { finishReply(&reply, lines) }()
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

// line reads one line without its line ending.
func (r *replyReader) line() (string, error) {
	raw, err := r.src.ReadSlice('\n')
	switch {
	case errors.Is(err, bufio.ErrBufferFull), len(raw) > maxLine:
		return "", errTooLong
	case len(raw) > 0 && errors.Is(err, io.EOF):
		return "", fmt.Errorf("%w: %q", io.ErrUnexpectedEOF, probes.Sanitise(string(raw), 80))
	case err != nil:
		return "", err
	}
	return strings.TrimRight(string(raw), "\r\n"), nil
}

// addLine adds the codes of one line to a reply and returns the text of the line. more reports whether other lines
// follow.
func addLine(reply *probes.Reply, line string) (text string, more bool, err error) {
	code, more, text, ok := splitLine(line)
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

// splitLine splits a reply line. The code must be between 200 and 599 (RFC 5321, section 4.2.1).
func splitLine(line string) (code int, more bool, text string, ok bool) {
	if len(line) < 3 || line[0] < '2' || line[0] > '5' || !isDigit(line[1]) || !isDigit(line[2]) {
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

// Enhanced status codes (RFC 2034). Cisco's IronPort writes a # before them; qmail puts them in parentheses at the end.
var (
	enhancedCode  = regexp.MustCompile(`^#?([245]\.\d{1,3}\.\d{1,3})(?:[^\d.]|$)`)
	qmailEnhanced = regexp.MustCompile(`\(#([45]\.\d{1,3}\.\d{1,3})[ )]`)
)

// finishReply sets the text of a reply, and the enhanced code if qmail has put it at the end.
func finishReply(reply *probes.Reply, lines []string) {
	reply.Text = joinSanitised(lines)
	if reply.Enhanced == "" && reply.Code >= 400 {
		if m := qmailEnhanced.FindStringSubmatch(reply.Text); m != nil {
			reply.Enhanced = m[1]
		}
	}
}

// splitEnhanced cuts an enhanced code off the text. Its class must be that of the reply code, except in refusals:
// Exchange refuses with 451 5.7.3.
func splitEnhanced(code int, text string) (enhanced, rest string) {
	if text == "" || strings.IndexByte("#245", text[0]) < 0 {
		return "", text // most lines: the regular expression is not needed
	}
	m := enhancedCode.FindStringSubmatch(text)
	if m == nil {
		return "", text
	}
	if class := int(m[1][0] - '0'); class != code/100 && (class < 4 || code < 400) {
		return "", text
	}
	return m[1], strings.TrimLeft(strings.TrimPrefix(strings.TrimPrefix(text, "#"), m[1]), " ")
}

func isDigit(b byte) bool { return b >= '0' && b <= '9' }

// joinSanitised joins the lines, sanitised but not shortened.
func joinSanitised(lines []string) string {
	const widest = 6 // bytes into which Sanitise turns one byte at most
	for i, l := range lines {
		lines[i] = probes.Sanitise(l, widest*maxLine)
	}
	return strings.Join(lines, "\n")
}

// shortened returns a reply as it is recorded: its first lines, within maxReplyText.
func shortened(r probes.Reply) probes.Reply {
	if len(r.Text) <= maxLineText {
		return r
	}
	var b strings.Builder
	for l := range strings.SplitSeq(r.Text, "\n") {
		room := maxReplyText - b.Len() - 1
		if room < 4 {
			break
		}
		if b.Len() > 0 {
			b.WriteByte('\n')
		}
		b.WriteString(probes.Sanitise(l, min(room, maxLineText)))
	}
	r.Text = b.String()
	return r
}

// formatReply returns a reply as people read it, "" if there is none.
func formatReply(r probes.Reply) string {
	if r.Code == 0 {
		return ""
	}
	return strings.TrimSpace(strings.TrimSpace(fmt.Sprintf("%d %s", r.Code, r.Enhanced)) + " " + r.Text)
}

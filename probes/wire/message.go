package wire

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"fmt"
	"net/netip"
	"net/textproto"
	"sync"
	"time"

	"m365_connector_exporter/probes"
)

// messageTurn lets one endpoint of a round send the test message: the first whose recipients were accepted. After a refusal it is the
// turn of the address that refused, as long as it is there: what was wrong at one address is not made good by another.
type messageTurn struct {
	mu      sync.Mutex
	refused netip.AddrPort // by whom the last message was, where it is of this round
	taken   netip.AddrPort
}

func (t *messageTurn) take(addr netip.AddrPort) (by netip.AddrPort, mine bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case t.taken.IsValid():
		return t.taken, false
	case t.refused.IsValid() && t.refused != addr:
		return t.refused, false
	}
	t.taken = addr
	return addr, true
}

// message sends the test message where it is this endpoint's turn and one is due. Between two messages nothing is proven of a server
// that refused the last one: its refusal stands.
func (c *climb) message() *probes.Step {
	by, mine := c.turn.take(c.ep.Addr)
	if !mine {
		return passed("the message of this round went through " + by.Addr().String())
	}
	if c.w.opts.Messages == nil || len(c.recipients()) == 0 {
		return passed("no message is due")
	}
	ok, next := c.w.opts.Messages.Take(c.path.ID.String(), c.path.Settings.MessageMinInterval)
	if !ok {
		due := next.UTC().Format(time.RFC3339)
		if step := c.w.refused.again(c.path.ID, c.ep.Addr, due); step != nil {
			return step
		}
		return passed("not due until " + due)
	}
	sent := c.w.opts.Now()
	step := c.offer(c.recipients()[:1])
	if step == nil {
		step = c.data()
	}
	if step == nil || c.ctx.Err() == nil { // what was interrupted proves nothing
		c.w.refused.note(c.path, c.ep.Addr, sent, step)
	}
	return step
}

func (c *climb) data() *probes.Step {
	r, bad := c.say("DATA", "DATA")
	if bad != nil {
		return bad
	}
	if r.Code != 354 {
		return c.refuse(c.meaning(r, probes.ReasonMessageRejected), r)
	}
	mail := dotStuffed(c.mail(rand.Text(), c.w.opts.Now()))
	c.log.add(probes.OriginClient, fmt.Sprintf("(message, %d bytes)", len(mail)))
	if _, err := c.conn.Write(mail); err != nil {
		c.broken = true
		return c.fail(readReason(err, probes.ReasonReplyTimeout), err.Error())
	}
	if r, bad = c.read(); bad != nil {
		return bad
	}
	if r.Code != 250 {
		return c.refuse(c.meaning(r, probes.ReasonMessageRejected), r)
	}
	return nil
}

// mail is the test message (RFC 5322): it says who sends it and why, and asks for no answer (RFC 3834).
func (c *climb) mail(token string, now time.Time) []byte {
	var b bytes.Buffer
	from := c.path.MailFrom
	if from == "" {
		from = "postmaster@" + c.helloName()
	}
	fmt.Fprintf(&b, "From: <%s>\r\nTo: <%s>\r\nDate: %s\r\n", from, c.recipients()[0], now.Format(time.RFC1123Z))
	fmt.Fprintf(&b, "Message-ID: <%s@%s>\r\nSubject: Mail flow probe\r\n", token, c.helloName())
	b.WriteString("Auto-Submitted: auto-generated\r\nX-Auto-Response-Suppress: All\r\n")
	b.WriteString("MIME-Version: 1.0\r\nContent-Type: text/plain; charset=us-ascii\r\n\r\n")
	fmt.Fprintf(&b, "This message was sent by m365_connector_exporter %s on %s\r\n", probes.Sanitise(c.w.opts.Version, 40), c.helloName())
	b.WriteString("to see whether mail still reaches this mailbox. It needs no answer and may be deleted.\r\n")
	return b.Bytes()
}

// dotStuffed ends a message as RFC 5321, section 4.5.2 says.
func dotStuffed(mail []byte) []byte {
	var b bytes.Buffer
	bw := bufio.NewWriter(&b)
	d := textproto.NewWriter(bw).DotWriter()
	_, _ = d.Write(mail) // a buffer does not fail
	_ = d.Close()
	_ = bw.Flush()
	return b.Bytes()
}

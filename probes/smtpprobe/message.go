package smtpprobe

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"fmt"
	"net/textproto"
	"time"

	"m365_connector_exporter/probes"
)

// message sends the test message if this endpoint has the slot of the round and a message is due. Otherwise it repeats
// the outcome of the last message to this address; if there was none, the stage is not reached.
func (s *session) message() *probes.Step {
	if s.unresponsive || s.desynced {
		return s.lastMessage("the server closed the connection at RSET: no message can be sent on it")
	}
	holder, mine := s.slot.claim(s.endpoint.Addr)
	if !mine {
		return s.lastMessage("the message of this round went through " + holder.Addr().String())
	}
	if s.path.Message != nil {
		return s.sendMessage(s.path.Message)
	}
	if s.prober.opts.Messages == nil || len(s.recipients()) == 0 {
		return s.lastMessage("no message is due")
	}
	ok, next, err := s.prober.opts.Messages.Take(s.path.ID.String(), s.path.Settings.MessageMinInterval)
	if err != nil { // its text is omitted: it names a file of this host, and customers may see the page of a path
		return s.fail(probes.ReasonInternalError, "no test message is sent while the state file cannot be used")
	}
	if !ok {
		return s.lastMessage("the next message is due at " + next.UTC().Format(time.RFC3339))
	}
	sent := s.prober.opts.Now()
	problem := s.sendMessage(s.mail(rand.Text(), sent))
	if problem == nil || s.ctx.Err() == nil { // an interrupted session proves nothing
		s.prober.messages.record(s.path, s.endpoint.Addr, sent, problem)
	}
	return problem
}

// sendMessage sends a message in a transaction of its own.
func (s *session) sendMessage(mail []byte) *probes.Step {
	if _, problem := s.transaction(s.recipients()[:1]); problem != nil {
		return problem
	}
	return s.data(mail)
}

// lastMessage returns the step of a round that sends no message to this address, and why it sends none.
func (s *session) lastMessage(why string) *probes.Step {
	return s.prober.messages.last(s.path.ID, s.endpoint.Addr, why)
}

// data sends DATA and a message (RFC 5321, section 4.1.1.4).
func (s *session) data(message []byte) *probes.Step {
	r, problem := s.cmd("DATA", "DATA")
	if problem != nil {
		return problem
	}
	if r.Code != 354 {
		return s.refused(r, commandDATA)
	}
	mail := dotStuffed(message)
	s.transcript.add(probes.OriginClient, fmt.Sprintf("(message, %d bytes)", len(mail)))
	if _, err := s.conn.Write(mail); err != nil {
		s.desynced = true
		return s.fail(readReason(err, probes.ReasonReplyTimeout), err.Error())
	}
	if r, problem = s.readReply(); problem != nil {
		return problem
	}
	if r.Code != 250 {
		return s.refused(r, commandDATA)
	}
	return nil
}

// mail returns the test message (RFC 5322). It explains who sends it and why, and suppresses automatic replies
// (RFC 3834).
func (s *session) mail(token string, now time.Time) []byte {
	var b bytes.Buffer
	from := s.path.MailFrom
	if from == "" {
		from = "postmaster@" + s.helloName()
	}
	fmt.Fprintf(&b, "From: <%s>\r\nTo: <%s>\r\nDate: %s\r\n", from, s.recipients()[0], now.Format(time.RFC1123Z))
	fmt.Fprintf(&b, "Message-ID: <%s@%s>\r\nSubject: Mail flow probe\r\n", token, s.helloName())
	b.WriteString("Auto-Submitted: auto-generated\r\nX-Auto-Response-Suppress: All\r\n")
	b.WriteString("MIME-Version: 1.0\r\nContent-Type: text/plain; charset=us-ascii\r\n\r\n")
	version := probes.Sanitise(s.prober.opts.Version, 40)
	fmt.Fprintf(&b, "This message was sent by m365_connector_exporter %s on %s\r\n", version, s.helloName())
	b.WriteString("to see whether mail still reaches this mailbox. It needs no answer and may be deleted.\r\n")
	return b.Bytes()
}

// dotStuffed returns a message as DATA transmits it: leading dots doubled, a single dot at the end (RFC 5321, section
// 4.5.2).
func dotStuffed(mail []byte) []byte {
	var b bytes.Buffer
	bw := bufio.NewWriter(&b)
	d := textproto.NewWriter(bw).DotWriter()
	_, _ = d.Write(mail) // a buffer does not fail
	_ = d.Close()
	_ = bw.Flush()
	return b.Bytes()
}

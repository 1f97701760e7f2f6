package wire

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"m365_connector_exporter/probes"
)

// hello waits for the greeting, half of the budget at most (some servers delay it on purpose), and says EHLO.
func (c *climb) hello() *probes.Step {
	deadline := time.Now().Add(c.budget() / 2)
	if end := c.commandEnd(); end.Before(deadline) {
		deadline = end
	}
	_ = c.conn.SetReadDeadline(deadline) // a closed connection says so at the read
	r, err := c.in.read()
	_ = c.conn.SetReadDeadline(c.commandEnd())
	if r.Code != 0 {
		c.log.add(probes.OriginServer, replyLine(r))
	}
	if err != nil {
		c.mute = true
		return c.fail(greetingReason(err, r), err.Error())
	}
	if r.Code != 220 {
		if r.Code < 400 {
			return c.refuse(probes.ReasonNotSMTP, r) // POP3, FTP and NNTP greet with other codes
		}
		return c.refuse(c.meaning(r, probes.ReasonGreetingRejected), r)
	}
	return c.ehlo()
}

func greetingReason(err error, r probes.Reply) probes.Reason {
	if errors.Is(err, errMalformed) && r.Code == 0 {
		return probes.ReasonNotSMTP
	}
	return readReason(err, probes.ReasonGreetingTimeout)
}

// helloName is what we call ourselves: the path says it, for there is one default in one place ([probes.Plan]'s hostname).
func (c *climb) helloName() string { return c.path.Settings.HelloName }

// ehlo says EHLO and keeps what is offered (RFC 5321, section 4.1.1.1).
func (c *climb) ehlo() *probes.Step {
	if !plainWord(c.helloName()) {
		return c.fail(probes.ReasonInternalError, fmt.Sprintf("no name for EHLO: %q", c.helloName()))
	}
	line := "EHLO " + c.helloName()
	r, bad := c.say(line, line)
	if bad != nil {
		return bad
	}
	if r.Code != 250 {
		return c.refuse(c.meaning(r, probes.ReasonEHLORejected), r)
	}
	c.offered = r.Text
	return nil
}

// offers reports whether the server lists a capability.
func (c *climb) offers(capability string) bool {
	_, list, _ := strings.Cut(c.offered, "\n") // the first line is the server's name
	for line := range strings.SplitSeq(list, "\n") {
		if word, _, _ := strings.Cut(strings.TrimSpace(line), " "); strings.EqualFold(word, capability) {
			return true
		}
	}
	return false
}

// plainWord reports whether s is printable ASCII without spaces: it may stand in a command.
func plainWord(s string) bool {
	for i := range len(s) {
		if s[i] <= ' ' || s[i] >= 0x7f {
			return false
		}
	}
	return s != ""
}

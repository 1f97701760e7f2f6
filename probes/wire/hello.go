package wire

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"m365_connector_exporter/probes"
)

// hello waits for the greeting, half of the budget at most (some servers delay it on purpose), and says EHLO.
func (c *climb) hello() probes.Step {
	deadline := time.Now().Add(c.budget() / 2)
	if end := c.commandEnd(); end.Before(deadline) {
		deadline = end
	}
	_ = c.conn.SetReadDeadline(deadline)
	r, err := c.in.read()
	if r.Code != 0 {
		c.log.add(probes.Server, replyLine(r))
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
	if step := c.ehlo(); step != nil {
		return *step
	}
	return passed("")
}

func greetingReason(err error, r probes.Reply) probes.Reason {
	if errors.Is(err, errMalformed) && r.Code == 0 {
		return probes.ReasonNotSMTP
	}
	return readReason(err, probes.ReasonGreetingTimeout)
}

// helloName is what we call ourselves: the path says it, for there is one default in one place ([probes.Plan]'s hostname).
func (c *climb) helloName() string { return c.path.Settings.HelloName }

// ehlo says EHLO and keeps the capabilities (RFC 5321, section 4.1.1.1), upper case, with their parameters.
func (c *climb) ehlo() *probes.Step {
	if !plainWord(c.helloName()) {
		step := c.fail(probes.ReasonInternalError, fmt.Sprintf("no name for EHLO: %q", c.helloName()))
		return &step
	}
	line := "EHLO " + c.helloName()
	r, bad := c.say(line, line)
	if bad != nil {
		return bad
	}
	if r.Code != 250 {
		step := c.refuse(c.meaning(r, probes.ReasonEHLORejected), r)
		return &step
	}
	c.caps = capabilities(r.Text)
	return nil
}

func capabilities(text string) map[string]string {
	caps := map[string]string{}
	lines := strings.Split(text, "\n")
	for _, l := range lines[1:] { // the first line is the server's name
		word, rest, _ := strings.Cut(strings.TrimSpace(l), " ")
		caps[strings.ToUpper(word)] = rest
	}
	return caps
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

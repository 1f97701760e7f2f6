package wire

import (
	"fmt"
	"strings"

	"m365_connector_exporter/probes"
)

// maxRecipients bounds the RCPT TO commands of one probe.
const maxRecipients = 10

// envelope offers the sender and each recipient and takes the transaction back (RFC 5321, sections 4.1.1.2 to 4.1.1.5).
func (c *climb) envelope() *probes.Step {
	if step := c.offer(c.recipients()); step != nil {
		return step
	}
	if _, bad := c.say("RSET", "RSET"); bad != nil {
		return bad
	}
	if len(c.recipients()) == 0 {
		return passed("MAIL FROM only: no recipient is configured")
	}
	return nil
}

func (c *climb) recipients() []string {
	return c.path.Recipients[:min(len(c.path.Recipients), maxRecipients)]
}

// offer sends MAIL FROM and RCPT TO. Addresses are checked first: nothing that could be read as another command is ever sent.
func (c *climb) offer(recipients []string) *probes.Step {
	if from := c.path.MailFrom; from != "" && !safeAddress(from) {
		return c.fail(probes.ReasonSenderRejected, fmt.Sprintf("the configured sender %q is no address; nothing was sent", redact(from)))
	}
	for _, to := range recipients {
		if !safeAddress(to) {
			return c.fail(probes.ReasonRecipientRejected, fmt.Sprintf("the configured recipient %q is no address; nothing was sent", redact(to)))
		}
	}
	if step := c.ask("MAIL FROM", c.path.MailFrom, probes.ReasonSenderRejected); step != nil {
		return step
	}
	for _, to := range recipients {
		if step := c.ask("RCPT TO", to, probes.ReasonRecipientRejected); step != nil {
			return step
		}
	}
	return nil
}

func (c *climb) ask(verb, address string, general probes.Reason) *probes.Step {
	r, bad := c.say(verb+":<"+address+">", verb+":<"+redact(address)+">")
	if bad != nil {
		return bad
	}
	if r.Code == 250 || r.Code == 251 {
		return nil
	}
	return c.refuse(c.meaning(r, general), r)
}

func safeAddress(a string) bool {
	return plainWord(a) && len(a) <= 320 && !strings.ContainsAny(a, `<>"\`) && strings.Contains(a, "@")
}

package smtpprobe

import (
	"strings"

	"m365_connector_exporter/probes"
)

// ReportedReason returns why a server refused a message, from what another server reports of its reply: status is an
// enhanced code and diagnostic the reply, as a delivery status notification has them (RFC 3464). The rules are those
// for replies to the prober. Which command was refused is not reported: the rules for RCPT TO apply, and a refusal that
// no rule knows is one of the message. The reason is "" if the diagnostic is not a reply and no rule knows the status.
//
// Reasons about the prober, such as prober_rejected, then mean the server that reports.
func ReportedReason(status, diagnostic string) (probes.Reason, probes.Evidence) {
	reply := parseReported(status, diagnostic)
	if j, ok := (refusal{reply: reply, command: commandRCPT}).match(); ok {
		return j.reason, j.evidence
	}
	if reply.Code >= anyRefusal[0] {
		return probes.ReasonMessageRejected, ""
	}
	return "", ""
}

// parseReported returns a reply on one line, such as "550-5.1.1 no such user". Its code is 0 without one.
func parseReported(status, diagnostic string) probes.Reply {
	text := strings.TrimSpace(probes.Sanitise(diagnostic, maxLineText))
	reply := probes.Reply{Enhanced: status, Text: text}
	code, _, rest, ok := splitLine(text)
	if !ok {
		return reply
	}
	reply.Code = code
	enhanced, rest := splitEnhanced(code, strings.TrimLeft(rest, " "))
	if reply.Text = rest; enhanced != "" {
		reply.Enhanced = enhanced // a server that reports may have a general status
	}
	return reply
}

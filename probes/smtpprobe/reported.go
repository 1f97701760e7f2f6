package smtpprobe

import (
	"strings"

	"m365_connector_exporter/probes"
)

// ReportedReason returns why a server refused a message, as another server reports it in a delivery status notification
// (RFC 3464): status is the enhanced code and diagnostic the reply. The rules are those for replies to the prober.
// Since notifications do not name the refused command, the rules for RCPT TO apply; a refusal that no rule matches is
// taken for one of the message. The reason is "" if the diagnostic is not a reply and no rule matches the status.
//
// Reasons about the prober, such as prober_rejected, apply here to the server that sent the report.
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

// parseReported parses a reply on one line, such as "550-5.1.1 no such user". The code is 0 if there is none.
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
		reply.Enhanced = enhanced // the status of the report may be more general
	}
	return reply
}

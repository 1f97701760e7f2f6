package probes

// Reasons of the SMTP session itself, mostly of the stage ehlo.
const (
	ReasonServerUnavailable Reason = "server_unavailable"
	ReasonGreetingTimeout   Reason = "greeting_timeout"
	ReasonGreetingRejected  Reason = "greeting_rejected"
	ReasonNotSMTP           Reason = "not_smtp"
	ReasonEHLORejected      Reason = "ehlo_rejected"
	ReasonConnectionClosed  Reason = "connection_closed"
	ReasonReplyTimeout      Reason = "reply_timeout"
	ReasonReplyMalformed    Reason = "reply_malformed"
	ReasonReplyTooLong      Reason = "reply_too_long"
)

var smtpReasons = []ReasonInfo{
	{
		Reason: ReasonServerUnavailable, Outcome: Failed,
		Sentence: "the server reports a fault of its own (4.3.x): no resources, a stopped component, a failed " +
			"look-up or back end",
		Remedy: "Check disk space, memory and the queues of the server. Exchange: back pressure (event 15004), " +
			"Get-ServerComponentState and maintenance mode, the DNS servers and transport services of the server " +
			"itself. Postfix, Exim: look-up tables and the log.",
	},
	{
		Reason: ReasonGreetingTimeout, Outcome: Failed,
		Sentence: "connected, but no SMTP greeting in time",
		Remedy: "Check the server's load and its DNS look-ups on connect; disable SMTP inspection in the " +
			"firewall.",
	},
	{
		Reason: ReasonGreetingRejected, Outcome: Failed,
		Sentence: "the server's greeting is a refusal",
		Remedy:   "Read the reply: the server or its policy refuses connections.",
	},
	{
		Reason: ReasonNotSMTP, Outcome: Failed,
		Sentence: "the host replies, but not with SMTP",
		Remedy:   "Check that the smart host is a mail server and that the port leads to it.",
	},
	{
		Reason: ReasonEHLORejected, Outcome: Failed,
		Sentence: "the server refused EHLO",
		Remedy:   "Check that the server supports ESMTP and that no firewall filters EHLO (SMTP fix-up).",
	},
	{
		Reason: ReasonConnectionClosed, Outcome: Failed,
		Sentence: "the server closed the connection during the session",
		Remedy:   "Check the server's log and load, and SMTP inspection in firewalls.",
	},
	{
		Reason: ReasonReplyTimeout, Outcome: Failed,
		Sentence: "the server did not reply to a command in time",
		Remedy:   "Check the server's load, its DNS look-ups and its filters.",
	},
	{
		Reason: ReasonReplyMalformed, Outcome: Failed,
		Sentence: "the reply violates the SMTP syntax",
		Remedy:   "Check for a firewall or proxy that rewrites SMTP.",
	},
	{
		Reason: ReasonReplyTooLong, Outcome: Failed,
		Sentence: "the reply exceeds the limits for SMTP replies",
		Remedy:   "Check what is listening at this address and port.",
	},
}

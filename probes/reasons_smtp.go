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

// smtpInspection is a variant of this group and of that of TLS: a firewall may hide STARTTLS too.
var smtpInspection = Variant{
	EvidenceInspection, "the greeting or commands are masked with `*` or `X`: a firewall inspects SMTP",
	"Turn off SMTP inspection in the firewall between here and the server. Cisco ASA: remove `inspect esmtp` from the " +
		"policy map, or permit TLS in it (`allow-tls`).",
}

var smtpReasons = []ReasonInfo{
	{
		Reason: ReasonServerUnavailable, Outcome: Failed,
		Sentence: "the server reports that it cannot accept mail because of its own state",
		Remedy: "Read the reply and the server's log: check its disk space and memory, its services and maintenance mode, " +
			"its look-ups and its configuration.",
		Variants: []Variant{
			{
				Evidence: EvidenceBackPressure, When: "the server lacks storage or memory",
				Remedy: "Free disk space on the server, on the disk of its queue first, and memory. Exchange: back pressure, " +
					"events 15004 to 15007; it accepts mail again by itself when the resources are back. Postfix: `queue_minfree`; " +
					"Exim: `check_spool_space`.",
			},
			{
				Evidence: EvidenceComponentInactive, When: "a service of the server is inactive",
				Remedy: "Exchange: run `Get-ServerComponentState`; a server left in maintenance mode refuses mail until its " +
					"components (ServerWideOffline, FrontendTransport, HubTransport) are Active again. Check the transport services " +
					"and agents.",
			},
			{
				Evidence: EvidenceBackEnd, When: "the front end of the server cannot reach its back end (PRX1 to PRX7)",
				Remedy: "Check DNS and the transport services on the server itself: the DNS servers of its network adapters " +
					"(internal ones only), entries in its hosts file, and that Microsoft Exchange Transport runs on the mailbox " +
					"servers.",
			},
			{
				Evidence: EvidenceServerBehind, When: "the server behind this one does not answer it",
				Remedy: "Repair the mail server behind this gateway, or the connection to it: the gateway asks it whether the " +
					"recipient exists, or passes the message on to it. The reply may name it.",
			},
			{
				Evidence: EvidenceLookup, When: "a look-up or the configuration of the server fails",
				Remedy: "Read the server's log: a table or map, an LDAP or database server, a policy service, a milter, a virus " +
					"scanner or DNS does not answer, or the configuration has an error.",
			},
		},
	},
	{
		Reason: ReasonGreetingTimeout, Outcome: Failed,
		Sentence: "connected, but no SMTP greeting in time",
		Remedy: "The server is busy or delays greetings (DNS look-ups on connect, tarpitting): raise `probe.timeout`. Or " +
			"it waits for the client: the port is for implicit TLS (465), or it expects a PROXY header from a load balancer. " +
			"Turn off SMTP inspection in the firewall.",
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
		Variants: []Variant{smtpInspection},
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

package probes

// Reasons of the stages recipient and message.
const (
	ReasonAuthenticationRequired Reason = "authentication_required"
	ReasonTLSRequired            Reason = "tls_required"
	ReasonSenderRejected         Reason = "sender_rejected"
	ReasonRecipientUnknown       Reason = "recipient_unknown"
	ReasonRecipientRejected      Reason = "recipient_rejected"
	ReasonRelayDenied            Reason = "relay_denied"
	ReasonTenantAttribution      Reason = "tenant_attribution"
	ReasonPartnerRestriction     Reason = "partner_restriction"
	ReasonDirectSendRejected     Reason = "direct_send_rejected"
	ReasonConnectorBlocked       Reason = "connector_blocked"
	ReasonTenantBlocked          Reason = "tenant_blocked"
	ReasonWrongRegion            Reason = "wrong_region"
	ReasonMessageRejected        Reason = "message_rejected"
	ReasonMessageTooLarge        Reason = "message_too_large"
)

var envelopeReasons = []ReasonInfo{
	{
		Reason: ReasonAuthenticationRequired, Outcome: Failed,
		Sentence: "the server requires authentication before it accepts mail",
		Remedy: "Allow anonymous users on the receive connector that answers here (Exchange: permission group " +
			"AnonymousUsers); Exchange Online does not log in. Is it a submission port? Mail between servers uses port 25.",
		Variants: []Variant{
			{
				Evidence: EvidenceExchangeAuthentication, When: "the server wants Exchange Server authentication",
				Remedy: "Check the authentication and permission groups of the receive connector that accepts this address: only " +
					"connectors for other Exchange servers require Exchange Server authentication. A firewall that hides X-EXPS or " +
					"STARTTLS has the same effect.",
			},
			{
				Evidence: EvidenceSubmissionPort, When: "the port is a submission port (587 or 465)",
				Remedy: "Set `probe.port` to 25: users submit mail on this port and log in, Exchange Online does not.",
			},
		},
	},
	{
		Reason: ReasonTLSRequired, Outcome: Failed,
		Sentence: "the server requires TLS, and the session was not encrypted",
		Remedy: "Set the connector's TlsSettings to require TLS, and make the server offer STARTTLS: check its certificate " +
			"(Exchange: event 12014, KB 2989382).",
	},
	{
		Reason: ReasonSenderRejected, Outcome: Failed,
		Sentence: "the server refused the sender, in reply to MAIL FROM or (Postfix's default) to RCPT TO",
		Remedy:   "Let the server accept the sender address, or set `probe.mail_from` to one that it accepts.",
	},
	{
		Reason: ReasonRecipientUnknown, Outcome: Failed,
		Sentence: "the server reports that the recipient does not exist",
		Remedy:   "Use the address of an active mailbox on that server; check for typing errors before and after the @.",
	},
	{
		Reason: ReasonRecipientRejected, Outcome: Failed,
		Sentence: "the server refused the recipient",
		Remedy: "Read the reply; check that the mailbox is active, accepts mail from outside and is in the connector's " +
			"recipient domains.",
	},
	{
		Reason: ReasonRelayDenied, Outcome: Failed,
		Sentence: "the server refuses to relay to this recipient",
		Remedy:   "Add the recipient's domain to the domains that the server accepts, or correct the recipient.",
	},
	{
		Reason: ReasonTenantAttribution, Outcome: Failed,
		Sentence: "Exchange Online attributes the message to no connector of this tenant (5.7.64)",
		Remedy: "Compare the connector's TlsSenderCertificateName or SenderIPAddresses with what the sender uses; send the " +
			"complete client certificate chain; add the certificate's domain to the accepted domains.",
	},
	{
		Reason: ReasonPartnerRestriction, Outcome: Failed,
		Sentence: "the restriction of a Partner connector refuses the message (5.7.51)",
		Remedy:   "Add the sender's address or certificate to that connector, or narrow its sender domains.",
	},
	{
		Reason: ReasonDirectSendRejected, Outcome: Failed,
		Sentence: "the tenant rejects Direct Send (5.7.68), and no connector matched",
		Remedy:   "Add an inbound connector that matches this sender by certificate or address.",
	},
	{
		Reason: ReasonConnectorBlocked, Outcome: Failed,
		Sentence: "Microsoft has blocked the inbound connector as compromised (5.7.711)",
		Remedy:   "Remove the cause, then run Remove-BlockedConnector.",
	},
	{
		Reason: ReasonTenantBlocked, Outcome: Failed,
		Sentence: "Microsoft has blocked mail from the tenant (5.7.705, 5.7.708, 5.7.750)",
		Remedy: "Look for a compromised server or connector, add all sending domains to the accepted domains, then contact " +
			"Microsoft support.",
	},
	{
		Reason: ReasonWrongRegion, Outcome: Failed,
		Sentence: "mail was sent to the wrong Microsoft 365 region (4.4.62)",
		Remedy:   "Use <domain>.mail.protection.outlook.com as smart host and check that a connector matches.",
	},
	{
		Reason: ReasonMessageRejected, Outcome: Failed,
		Sentence: "the server refused the test message",
		Remedy:   "Read the reply; check content filters and the mailbox.",
	},
	{
		Reason: ReasonMessageTooLarge, Outcome: Failed,
		Sentence: "the server reports that the test message is too large",
		Remedy:   "Raise the server's message size limit; the test message is a few kilobytes.",
	},
}

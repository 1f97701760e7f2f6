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
		ReasonAuthenticationRequired, Failed,
		"the server requires authentication before it accepts mail",
		"Permit anonymous senders on the receive connector for Exchange Online, or for Exchange servers of the " +
			"organisation correct its authentication; check that the port is the server's port for mail (25), " +
			"not for submission (587).",
	},
	{
		ReasonTLSRequired, Failed,
		"the server requires TLS, and the session was not encrypted",
		"Set the connector's TlsSettings to require TLS, and make the server offer STARTTLS: check its " +
			"certificate (Exchange: event 12014, KB 2989382).",
	},
	{
		ReasonSenderRejected, Failed,
		"the server refused the sender, in reply to MAIL FROM or (Postfix's default) to RCPT TO",
		"Let the server accept the sender address, or set `probe.mail_from` to one that it accepts.",
	},
	{
		ReasonRecipientUnknown, Failed,
		"the server reports that the recipient does not exist",
		"Use the address of an active mailbox on that server; check for typing errors before and after the @.",
	},
	{
		ReasonRecipientRejected, Failed,
		"the server refused the recipient",
		"Read the reply; check that the mailbox is active, accepts mail from outside and is in the connector's " +
			"recipient domains.",
	},
	{
		ReasonRelayDenied, Failed,
		"the server refuses to relay to this recipient",
		"Add the recipient's domain to the domains that the server accepts, or correct the recipient.",
	},
	{
		ReasonTenantAttribution, Failed,
		"Exchange Online attributes the message to no connector of this tenant (5.7.64)",
		"Compare the connector's TlsSenderCertificateName or SenderIPAddresses with what the sender uses; send " +
			"the complete client certificate chain; add the certificate's domain to the accepted domains.",
	},
	{
		ReasonPartnerRestriction, Failed,
		"the restriction of a Partner connector refuses the message (5.7.51)",
		"Add the sender's address or certificate to that connector, or narrow its sender domains.",
	},
	{
		ReasonDirectSendRejected, Failed,
		"the tenant rejects Direct Send (5.7.68), and no connector matched",
		"Add an inbound connector that matches this sender by certificate or address.",
	},
	{
		ReasonConnectorBlocked, Failed,
		"Microsoft has blocked the inbound connector as compromised (5.7.711)",
		"Remove the cause, then run Remove-BlockedConnector.",
	},
	{
		ReasonTenantBlocked, Failed,
		"Microsoft has blocked mail from the tenant (5.7.705, 5.7.708, 5.7.750)",
		"Look for a compromised server or connector, add all sending domains to the accepted domains, then " +
			"contact Microsoft support.",
	},
	{
		ReasonWrongRegion, Failed,
		"mail was sent to the wrong Microsoft 365 region (4.4.62)",
		"Use <domain>.mail.protection.outlook.com as smart host and check that a connector matches.",
	},
	{
		ReasonMessageRejected, Failed,
		"the server refused the test message",
		"Read the reply; check content filters and the mailbox.",
	},
	{
		ReasonMessageTooLarge, Failed,
		"the server reports that the test message is too large",
		"Raise the server's message size limit; the test message is a few kilobytes.",
	},
}

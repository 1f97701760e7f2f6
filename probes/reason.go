package probes

// Reason says why a stage did not pass. The list is closed; the reason decides the outcome.
type Reason string

// The reasons, as label values. [Reasons] is the catalogue that documents them.
const (
	ReasonThrottled                  Reason = "throttled"
	ReasonTemporaryRejection         Reason = "temporary_rejection"
	ReasonProberRejected             Reason = "prober_rejected"
	ReasonBannedAddress              Reason = "banned_address"
	ReasonFamilyUnavailable          Reason = "family_unavailable"
	ReasonAddressRefused             Reason = "address_refused"
	ReasonVantageBlocked             Reason = "vantage_blocked"
	ReasonCanceled                   Reason = "canceled"
	ReasonInternalError              Reason = "internal_error"
	ReasonNXDomain                   Reason = "nxdomain"
	ReasonNoAddress                  Reason = "no_address"
	ReasonNullMX                     Reason = "null_mx"
	ReasonDNSTimeout                 Reason = "dns_timeout"
	ReasonDNSServfail                Reason = "dns_servfail"
	ReasonDNSRefused                 Reason = "dns_refused"
	ReasonDNSBogus                   Reason = "dns_bogus"
	ReasonCNameLoop                  Reason = "cname_loop"
	ReasonConnectRefused             Reason = "connect_refused"
	ReasonConnectTimeout             Reason = "connect_timeout"
	ReasonConnectUnreachable         Reason = "connect_unreachable"
	ReasonConnectReset               Reason = "connect_reset"
	ReasonGreetingTimeout            Reason = "greeting_timeout"
	ReasonGreetingRejected           Reason = "greeting_rejected"
	ReasonNotSMTP                    Reason = "not_smtp"
	ReasonEHLORejected               Reason = "ehlo_rejected"
	ReasonConnectionClosed           Reason = "connection_closed"
	ReasonReplyTimeout               Reason = "reply_timeout"
	ReasonReplyMalformed             Reason = "reply_malformed"
	ReasonReplyTooLong               Reason = "reply_too_long"
	ReasonSTARTTLSNotOffered         Reason = "starttls_not_offered"
	ReasonSTARTTLSRejected           Reason = "starttls_rejected"
	ReasonSTARTTLSInjection          Reason = "starttls_injection"
	ReasonTLSHandshake               Reason = "tls_handshake"
	ReasonTLSVersion                 Reason = "tls_version"
	ReasonClientCertificateRequired  Reason = "client_certificate_required"
	ReasonClientCertificateUntrusted Reason = "client_certificate_untrusted"
	ReasonCertificateExpired         Reason = "certificate_expired"
	ReasonCertificateNotYetValid     Reason = "certificate_not_yet_valid"
	ReasonCertificateUntrusted       Reason = "certificate_untrusted"
	ReasonCertificateChainIncomplete Reason = "certificate_chain_incomplete"
	ReasonCertificateNameMismatch    Reason = "certificate_name_mismatch"
	ReasonCertificateRevoked         Reason = "certificate_revoked"
	ReasonCertificateUnparsable      Reason = "certificate_unparsable"
	ReasonSenderRejected             Reason = "sender_rejected"
	ReasonRecipientUnknown           Reason = "recipient_unknown"
	ReasonRecipientRejected          Reason = "recipient_rejected"
	ReasonRelayDenied                Reason = "relay_denied"
	ReasonTenantAttribution          Reason = "tenant_attribution"
	ReasonPartnerRestriction         Reason = "partner_restriction"
	ReasonDirectSendRejected         Reason = "direct_send_rejected"
	ReasonConnectorBlocked           Reason = "connector_blocked"
	ReasonTenantBlocked              Reason = "tenant_blocked"
	ReasonWrongRegion                Reason = "wrong_region"
	ReasonMessageRejected            Reason = "message_rejected"
	ReasonMessageTooLarge            Reason = "message_too_large"
)

// ReasonInfo is a line of the reason catalogue.
type ReasonInfo struct {
	Reason   Reason
	Outcome  Outcome
	Sentence string // what is known, for people
	Remedy   string // what to do; after the validation dialog's help page and the status-code pages of Microsoft's documentation
}

// Reasons is the catalogue. Documentation (docs/reasons.md), pages and tests come from it.
//
// The remedies follow Microsoft's "Fix connector validation errors", its NDR pages and "Mail flow intelligence".
var Reasons = []ReasonInfo{
	{ReasonThrottled, Inconclusive, "the server answered 421 or 4.7.5xx: it asks for fewer or later connections", "Nothing is proven. The prober backs off by itself; raise `min_gap_per_address` or the interval if it goes on, and exempt the prober's address from rate limits."},
	{ReasonTemporaryRejection, Inconclusive, "the server refused for now (4xx), as greylisting does", "Nothing is proven. If it persists, exempt the prober's address from greylisting or read the server's log for its reason."},
	{ReasonProberRejected, Inconclusive, "the refusal speaks of this prober's own address or name (blocklist, SPF, reverse DNS), not of Exchange Online's", "Give the prober a host name with forward and reverse DNS, allow its address on the server, or probe from another place."},
	{ReasonBannedAddress, Inconclusive, "the server has banned the prober's own address", "Delist the prober's address (for Exchange Online: the delist portal) or probe from another address."},
	{ReasonFamilyUnavailable, Inconclusive, "this host has no route for the address family, or not the configured source address", "Set `ip_protocol` to the family this host has, give the host the other one, or correct `source_address`."},
	{ReasonAddressRefused, Inconclusive, "the address is not one this exporter may dial (`allow_networks`)", "If the address is right, add its network to `global.allow_networks`; if not, correct the DNS record."},
	{ReasonVantageBlocked, Inconclusive, "no path at all passes connect: this host's place in the network seems to be the cause", "Check that this host may open TCP port 25 outward (many clouds block it), or use `connect_to`, another port or another place."},
	{ReasonCanceled, Inconclusive, "the probe was interrupted, by a shutdown or by its caller", "Nothing to do; the next round will tell."},
	{ReasonInternalError, Inconclusive, "the prober itself went wrong", "Read the detail: where this host has run out of file descriptors or memory, raise its limits; else report it as a bug with the log line."},
	{ReasonNXDomain, Failed, "the name does not exist in DNS", "Check the smart host or the domain for typing errors; publish an MX or A record for it; check that the domain has not expired."},
	{ReasonNoAddress, Failed, "the name exists, but has neither an address nor a usable MX target", "Publish an A record for the name, or for the MX target; each record must map to the right address."},
	{ReasonNullMX, Failed, "the domain publishes a null MX (RFC 7505): it accepts no mail", "Remove the null MX record, or send this domain's mail elsewhere."},
	{ReasonDNSTimeout, Failed, "no name server answered in time", "Check the domain's name servers; the DNS provider or partner has to repair them."},
	{ReasonDNSServfail, Failed, "the resolver could not get an answer (SERVFAIL)", "Check the domain's delegation and DNSSEC signatures with the DNS provider."},
	{ReasonDNSRefused, Failed, "the resolver refused the question", "Check the resolver configured in `dns_servers`, and the domain's name servers."},
	{ReasonDNSBogus, Failed, "the domain's DNSSEC signatures do not validate", "Renew the zone's signatures or repair the DS record at the registrar."},
	{ReasonCNameLoop, Failed, "the CNAME records lead in a circle or through too many names", "Repair the CNAME chain; an MX target should not be a CNAME at all (RFC 2181, section 10.3)."},
	{ReasonConnectRefused, Failed, "the host answered, but nothing listens on the port", "Start the mail server; open the port for all Exchange Online ranges; or delete the connector of a retired server and make its domains Authoritative."},
	{ReasonConnectTimeout, Failed, "no answer to the TCP connection", "Open TCP port 25 in your firewall for all Exchange Online ranges; check that the server is up and the address is right."},
	{ReasonConnectUnreachable, Failed, "the network says that the host cannot be reached", "Check routing and firewall between the Internet and the server; check the address."},
	{ReasonConnectReset, Failed, "the connection was reset while it was made", "Check the firewall and any load balancer in front of the server."},
	{ReasonGreetingTimeout, Failed, "connected, but no SMTP greeting in time", "Check the server's load and its DNS look-ups at connect; switch off SMTP inspection in the firewall."},
	{ReasonGreetingRejected, Failed, "the server greets with a refusal", "Read the server's words; the server or its policy refuses connections."},
	{ReasonNotSMTP, Failed, "what answers is no SMTP server", "Check that the smart host is a mail server and that the port leads to it."},
	{ReasonEHLORejected, Failed, "the server refused EHLO", "Check that the server speaks ESMTP and that no firewall filters EHLO (SMTP fix-up)."},
	{ReasonConnectionClosed, Failed, "the server closed the connection in the middle of the dialogue", "Look at the server's log and load, and at SMTP inspection in firewalls."},
	{ReasonReplyTimeout, Failed, "the server did not reply to a command in time", "Check the server's load, its DNS look-ups and its filters."},
	{ReasonReplyMalformed, Failed, "the reply breaks the SMTP syntax", "Check for a firewall or proxy that rewrites SMTP."},
	{ReasonReplyTooLong, Failed, "the reply exceeds every sensible limit", "Check what is really listening there."},
	{ReasonSTARTTLSNotOffered, Failed, "the server does not offer STARTTLS, and this connector demands TLS", "Bind a valid certificate to the server's SMTP service (Exchange: event 12014, KB 2989382) and enable TLS."},
	{ReasonSTARTTLSRejected, Failed, "the server offers STARTTLS and then refuses it", "Check that the server can read its certificate and private key."},
	{ReasonSTARTTLSInjection, Failed, "bytes followed the reply to STARTTLS before the handshake: a command injection or a broken proxy", "Update the server or the device in front of it (CVE-2011-0411); do not trust what it sends."},
	{ReasonTLSHandshake, Failed, "the TLS handshake failed", "Enable TLS 1.2 with current cipher suites on the server; look at its TLS log."},
	{ReasonTLSVersion, Failed, "the server speaks only TLS below 1.2", "Enable TLS 1.2 or newer; Exchange Online has ended TLS 1.0 and 1.1."},
	{ReasonClientCertificateRequired, Failed, "the server demands a client certificate", "Let the server accept Exchange Online without a certificate of the prober, or give it its certificate authority."},
	{ReasonClientCertificateUntrusted, Failed, "the server does not trust the client certificate (or answered 454 4.7.0 Access Denied)", "Use a certificate of a public CA and send the full chain (KB 2888788)."},
	{ReasonCertificateExpired, Failed, "the certificate has expired", "Renew the certificate and bind the new one to the SMTP service on every server behind this name."},
	{ReasonCertificateNotYetValid, Failed, "the certificate is not valid yet", "Check the server's certificate and the clocks of both hosts."},
	{ReasonCertificateUntrusted, Failed, "the certificate does not chain to a trusted root", "Use a certificate of a public CA, or set the connector to EncryptionOnly if self-signed is meant."},
	{ReasonCertificateChainIncomplete, Failed, "the server does not send the issuer of its certificate, and Exchange Online does not fetch it; a private root that is not sent looks the same", "Install the intermediate certificates on the server so that the whole chain is sent (450 4.4.317 UntrustedRoot)."},
	{ReasonCertificateNameMismatch, Failed, "no name in the certificate matches the connector's TlsDomain", "Get a certificate with that name, bind the right certificate to the SMTP service, or correct the connector's TlsDomain."},
	{ReasonCertificateRevoked, Failed, "the certificate has been revoked by its issuer", "Replace the certificate at once."},
	{ReasonCertificateUnparsable, Failed, "the certificate breaks the encoding rules and cannot be read", "Have it issued anew by a current CA."},
	{ReasonSenderRejected, Failed, "the server refused the sender, at MAIL FROM or only at RCPT TO (as Postfix does by default)", "Let the server accept the sender address, or set `probe.mail_from` to one it accepts."},
	{ReasonRecipientUnknown, Failed, "the server says that the recipient does not exist", "Use the address of an active mailbox hosted on that server; check for typing errors before and after the @."},
	{ReasonRecipientRejected, Failed, "the server refused the recipient", "Read its words; check that the mailbox is active and reachable from outside and lies in the connector's recipient domains."},
	{ReasonRelayDenied, Failed, "the server refuses to relay for this recipient", "Add the recipient's domain to the server's own domains, or correct the recipient."},
	{ReasonTenantAttribution, Failed, "Exchange Online attributes the message to no connector of this tenant (5.7.64)", "Compare the connector's TlsSenderCertificateName or SenderIPAddresses with what the sender really uses; send the full client chain; register the certificate's domain."},
	{ReasonPartnerRestriction, Failed, "a Partner connector's restriction refuses the message (5.7.51)", "Add the sender's address or certificate to that connector, or narrow its sender domains."},
	{ReasonDirectSendRejected, Failed, "the tenant refuses Direct Send (5.7.68) and no connector matched", "Add an inbound connector that matches this sender by certificate or address."},
	{ReasonConnectorBlocked, Failed, "Microsoft has blocked the inbound connector as compromised (5.7.711)", "Clean up, then Remove-BlockedConnector."},
	{ReasonTenantBlocked, Failed, "Microsoft has blocked the tenant's mail (5.7.705, 5.7.708, 5.7.750)", "Look for a compromised server or connector, register all sending domains, then contact support."},
	{ReasonWrongRegion, Failed, "mail was handed to the wrong Office 365 region (4.4.62)", "Use <domain>.mail.protection.outlook.com as smart host and check that a connector matches."},
	{ReasonMessageRejected, Failed, "the server refused the test message", "Read its words; check content filters and the mailbox."},
	{ReasonMessageTooLarge, Failed, "the server says that the test message is too large", "Raise the server's message size limit; the test message is a few kilobytes."},
}

// Info looks a reason up in the catalogue; ok is false for a word that is none.
func (r Reason) Info() (info ReasonInfo, ok bool) {
	for _, line := range Reasons {
		if line.Reason == r {
			return line, true
		}
	}
	return ReasonInfo{}, false
}

// Outcome is the outcome that the reason stands for. An unknown reason proves nothing.
func (r Reason) Outcome() Outcome {
	if info, ok := r.Info(); ok {
		return info.Outcome
	}
	return Inconclusive
}

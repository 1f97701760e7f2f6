package probes

// Reasons of the stage tls: STARTTLS, the handshake and the server's certificate.
const (
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
)

var tlsReasons = []ReasonInfo{
	{
		ReasonSTARTTLSNotOffered, Failed,
		"the server does not offer STARTTLS, and this connector requires TLS",
		"Bind a valid certificate to the server's SMTP service (Exchange: event 12014, KB 2989382) and enable TLS.",
	},
	{
		ReasonSTARTTLSRejected, Failed,
		"the server offers STARTTLS but refuses it",
		"Check that the server can read its certificate and private key.",
	},
	{
		ReasonSTARTTLSInjection, Failed,
		"data followed the reply to STARTTLS before the handshake: a command injection or a faulty proxy",
		"Update the server or the device in front of it (CVE-2011-0411); do not trust its replies.",
	},
	{
		ReasonTLSHandshake, Failed,
		"the TLS handshake failed",
		"Enable TLS 1.2 with current cipher suites on the server; check its TLS log.",
	},
	{
		ReasonTLSVersion, Failed,
		"the server supports only TLS versions below 1.2",
		"Enable TLS 1.2 or newer; Exchange Online no longer supports TLS 1.0 and 1.1.",
	},
	{
		ReasonClientCertificateRequired, Failed,
		"the server requires a client certificate",
		"Let the server accept sessions without a certificate of the exporter, or make it request certificates " +
			"without requiring them.",
	},
	{
		ReasonClientCertificateUntrusted, Failed,
		"the server does not trust the client certificate (or replied 454 4.7.0 Access Denied)",
		"Use a certificate of a public CA and send the complete chain (KB 2888788).",
	},
	{
		ReasonCertificateExpired, Failed,
		"the certificate has expired",
		"Renew the certificate and bind the new one to the SMTP service on every server behind this name.",
	},
	{
		ReasonCertificateNotYetValid, Failed,
		"the certificate is not valid yet",
		"Check the server's certificate and the clocks of both hosts.",
	},
	{
		ReasonCertificateUntrusted, Failed,
		"the certificate does not chain to a trusted root",
		"Use a certificate of a public CA, or set the connector to EncryptionOnly if a self-signed certificate " +
			"is intended.",
	},
	{
		ReasonCertificateChainIncomplete, Failed,
		"the server does not send the issuer of its certificate, and Exchange Online does not fetch it; a " +
			"private root that is not sent looks the same",
		"Install the intermediate certificates on the server, so that it sends the complete chain (450 4.4.317 " +
			"UntrustedRoot).",
	},
	{
		ReasonCertificateNameMismatch, Failed,
		"no name in the certificate matches the connector's TlsDomain",
		"Get a certificate with that name, bind the right certificate to the SMTP service, or correct the " +
			"connector's TlsDomain.",
	},
	{
		ReasonCertificateRevoked, Failed,
		"the issuer has revoked the certificate",
		"Replace the certificate immediately.",
	},
	{
		ReasonCertificateUnparsable, Failed,
		"the certificate violates the encoding rules and cannot be parsed",
		"Have it reissued by a current CA.",
	},
}

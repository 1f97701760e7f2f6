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
		Reason: ReasonSTARTTLSNotOffered, Outcome: Failed,
		Sentence: "the server does not offer STARTTLS, and this connector requires TLS",
		Remedy:   "Bind a valid certificate to the server's SMTP service (Exchange: event 12014, KB 2989382) and enable TLS.",
		Variants: []Variant{smtpInspection},
	},
	{
		Reason: ReasonSTARTTLSRejected, Outcome: Failed,
		Sentence: "the server offers STARTTLS but refuses it",
		Remedy:   "Check that the server can read its certificate and private key.",
		Variants: []Variant{smtpInspection},
	},
	{
		Reason: ReasonSTARTTLSInjection, Outcome: Failed,
		Sentence: "data followed the reply to STARTTLS before the handshake: a command injection or a faulty proxy",
		Remedy:   "Update the server or the device in front of it (CVE-2011-0411); do not trust its replies.",
	},
	{
		Reason: ReasonTLSHandshake, Outcome: Failed,
		Sentence: "the TLS handshake failed",
		Remedy:   "Enable TLS 1.2 with current cipher suites on the server; check its TLS log.",
		Variants: []Variant{
			{
				Evidence: EvidenceResetAtClientHello, When: "the connection was reset at the ClientHello",
				Remedy: "A device between here and the server inspects SMTP or TLS and resets the connection: turn off its " +
					"inspection for this address.",
			},
			{
				Evidence: EvidenceEndAtClientHello, When: "the server closed the connection at the ClientHello without an alert",
				Remedy: "Check which certificate is bound to SMTP and that the server may read its private key (Exchange: event " +
					"12014; Windows: Schannel event 36870), and that it has a TLS version and a cipher suite in common with " +
					"Exchange Online: without one, some servers close instead of sending an alert (Schannel event 36874).",
			},
			{
				Evidence: EvidenceNoServerHello, When: "nothing came in reply to the ClientHello",
				Remedy: "Compare with `openssl s_client -starttls smtp` on the server itself. If that works, a device on the " +
					"way swallows the ClientHello: turn off its inspection of SMTP and TLS, and check the MTU of tunnels. If " +
					"not, the server hangs: check its load, and its access to the private key.",
			},
			{
				Evidence: EvidenceClearTextAnswer, When: "the server accepted STARTTLS and went on in clear text",
				Remedy: "Check in the server's TLS log whether it can load its certificate and private key. A proxy, load " +
					"balancer or firewall in front of it must not answer STARTTLS itself: turn off its inspection of SMTP.",
			},
			{
				Evidence: EvidenceInternalError, When: "the server reports an internal error (alert 80)",
				Remedy: "Read the server's TLS log. Check that the certificate bound to SMTP has a private key and that the " +
					"server may read it (Exchange: event 12014; Windows: Schannel events 36870 and 36874).",
			},
			{
				Evidence: EvidenceUnrecognizedName, When: "the server does not know the host name that it was asked for " +
					"(SNI, alert 112)",
				Remedy: "Bind a certificate for this host name to the server's SMTP service, or configure the smart host " +
					"by the name that the server knows.",
			},
		},
	},
	{
		Reason: ReasonTLSVersion, Outcome: Failed,
		Sentence: "the server supports only TLS versions below 1.2",
		Remedy:   "Enable TLS 1.2 or newer; Exchange Online no longer supports TLS 1.0 and 1.1.",
	},
	{
		Reason: ReasonClientCertificateRequired, Outcome: Failed,
		Sentence: "the server requires a client certificate",
		Remedy: "Let the server accept sessions without a certificate of the exporter, or make it request certificates " +
			"without requiring them.",
	},
	{
		Reason: ReasonClientCertificateUntrusted, Outcome: Failed,
		Sentence: "the server does not trust the client certificate (or replied 454 4.7.0 Access Denied)",
		Remedy:   "Use a certificate of a public CA and send the complete chain (KB 2888788).",
		Variants: []Variant{
			{
				Evidence: EvidenceServerTrust, When: "the server could not validate a certificate (454 4.7.5)",
				Remedy: "Install the missing root and intermediate certificates in the server's trusted roots, and let it reach " +
					"the revocation lists of the issuer.",
			},
		},
	},
	{
		Reason: ReasonCertificateExpired, Outcome: Failed,
		Sentence: "the certificate has expired",
		Remedy:   "Renew the certificate and bind the new one to the SMTP service on every server behind this name.",
		Variants: []Variant{{
			EvidenceIssuerOutdated, "an issuer certificate of the chain has expired, not the server's own",
			"Install the CA's current intermediate certificate in place of the expired one, which the detail names, on every " +
				"server behind this name, and restart the SMTP service. The server's own certificate need not be renewed.",
		}},
	},
	{
		Reason: ReasonCertificateNotYetValid, Outcome: Failed,
		Sentence: "the certificate is not valid yet",
		Remedy:   "Check the server's certificate and the clocks of both hosts.",
		Variants: []Variant{{
			EvidenceIssuerOutdated, "an issuer certificate of the chain is not valid yet",
			"Install the intermediate certificate that is valid now, and check the clocks of both hosts.",
		}},
	},
	{
		Reason: ReasonCertificateUntrusted, Outcome: Failed,
		Sentence: "the certificate does not chain to a trusted root",
		Remedy: "Use a certificate of a public CA, or set the connector to EncryptionOnly if a self-signed certificate is " +
			"intended.",
		Variants: []Variant{
			{
				EvidenceWeakSignature, "a certificate of the chain is signed with SHA-1 or MD5",
				"Install a certificate of a public CA that is signed with SHA-256, and the CA's current intermediate " +
					"certificates with it; or set the connector to EncryptionOnly if a self-signed certificate is intended.",
			},
		},
	},
	{
		Reason: ReasonCertificateChainIncomplete, Outcome: Failed,
		Sentence: "the server does not send the issuer of its certificate, and Exchange Online does not fetch it; the " +
			"missing issuer may also be a private root, which cannot be told apart",
		Remedy: "Install the intermediate certificates on the server, so that it sends the complete chain (450 4.4.317 " +
			"UntrustedRoot).",
	},
	{
		Reason: ReasonCertificateNameMismatch, Outcome: Failed,
		Sentence: "no name in the certificate matches the connector's TlsDomain",
		Remedy: "Get a certificate with that name, bind the right certificate to the SMTP service, or correct the " +
			"connector's TlsDomain.",
	},
	{
		Reason: ReasonCertificateRevoked, Outcome: Failed,
		Sentence: "the issuer has revoked the certificate",
		Remedy:   "Replace the certificate immediately.",
	},
	{
		Reason: ReasonCertificateUnparsable, Outcome: Failed,
		Sentence: "the certificate violates the encoding rules and cannot be parsed",
		Remedy:   "Have it reissued by a current CA.",
	},
}

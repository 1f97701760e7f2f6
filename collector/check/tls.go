package check

import (
	"slices"

	"m365_connector_exporter/probes"
)

// tlsChecks judge what a handshake showed besides validity.
func tlsChecks() []Check {
	return slices.Concat(cryptographyChecks(), usageChecks(), starttlsChecks())
}

func cryptographyChecks() []Check {
	return []Check{
		{
			Code: "certificate_weak_key", Severity: Warning, Scope: ScopePath,
			Title:  "A certificate's key is too short",
			When:   "The leaf certificate has an RSA key of fewer than 2048 bits",
			Remedy: "Reissue the certificate with an RSA key of 2048 bits or more, or an ECDSA key.",
			Source: "Exchange HealthChecker, CertificateCheck",
			Find:   eachCertificate(verdictIsWeak(probes.VerdictKey, "has a weak key")),
		},
		{
			Code: "certificate_weak_signature", Severity: Warning, Scope: ScopePath,
			Title:  "A certificate is signed with a broken hash function",
			When:   "The leaf certificate or an issuer certificate below the root is signed with SHA-1, MD5 or MD2",
			Remedy: "Reissue the certificate; replace an outdated intermediate certificate.",
			Source: "KB 3027536; Exchange HealthChecker, CertificateCheck",
			Find:   eachCertificate(verdictIsWeak(probes.VerdictSignature, "has a weak signature")),
		},
		{
			Code: "tls_version_old", Severity: Warning, Scope: ScopePath,
			Title:  "The server supports only TLS versions below 1.2",
			When:   "The server selected TLS 1.0 or 1.1 although TLS 1.2 and 1.3 were offered",
			Remedy: "Enable TLS 1.2 or later: Exchange Online no longer supports TLS 1.0 and 1.1.",
			Source: "send-receive-emails-socketerror",
			Find: eachCertificate(func(_ *Facts, c observedCertificate, report func(Finding)) {
				if c.OldVersion {
					report(newFinding("%s selected %s.", c.source(), c.Version))
				}
			}),
		},
		{
			Code: "certificate_differs_between_addresses", Severity: Warning, Scope: ScopePath,
			Title: "The servers of one host name show different certificates",
			When: "Between the addresses of one host of an OnPremises connector, the names or the issuer differ, or one leaf " +
				"certificate is inside the warning window and another is not",
			Remedy: "Install the same certificate on every server of the host name: otherwise mail fails on some of them.",
			Source: "450 4.7.320; certificate-requirements (installed on every server)",
			Find:   eachProbed(findDifferences),
		},
	}
}

// usageChecks judge what a certificate may be used for.
func usageChecks() []Check {
	return []Check{
		{
			Code: "server_auth_eku_missing", Severity: Warning, Scope: ScopePath,
			Title: "A server's certificate is not valid for server authentication",
			When: "The leaf certificate of a server has extended key usages, and serverAuth is not among them (UNCERTAIN). " +
				"Certificates of Exchange Online's own hosts are not judged",
			Remedy: "Bind a certificate with the extended key usage serverAuth to the SMTP service.",
			Source: "RFC 5280, section 4.2.1.12. No Microsoft document",
			Find: eachCertificate(func(_ *Facts, c observedCertificate, report func(Finding)) {
				if !c.client && !c.exchangeOnline && !c.Chain[0].ServerAuth {
					report(newFinding("%s lacks the extended key usage serverAuth.", c.describeLeaf()).
						uncertain("Microsoft has not documented whether Exchange Online requires it"))
				}
			}),
		},
		{
			Code: "client_auth_eku_missing", Severity: Info, Scope: ScopeSender,
			Title: "A sender's certificate is not valid for client authentication",
			When:  "The certificate that a sender presents lacks the extended key usage clientAuth (UNCERTAIN)",
			Remedy: "No action needed today. Public certificate authorities no longer issue it; if Exchange Online ever " +
				"requires it, a certificate from a private authority will not be accepted either.",
			Source: "No Microsoft document. CA/Browser policies of 2025 and 2026; Exchange Online's own certificates lack it " +
				"too",
			Find: eachCertificate(func(_ *Facts, c observedCertificate, report func(Finding)) {
				if c.client && c.Verdicts[probes.VerdictClientAuth].Outcome == probes.Failed {
					report(newFinding("%s lacks the extended key usage clientAuth.", c.describeLeaf()).
						uncertain("Microsoft has not documented whether Exchange Online requires it"))
				}
			}),
		},
	}
}

func starttlsChecks() []Check {
	return []Check{
		{
			Code: "starttls_not_offered", Severity: Critical, Scope: ScopePath,
			Title:  "The server does not offer STARTTLS",
			When:   "Critical if the connector requires TLS, else warning: mail is sent unencrypted",
			Remedy: "Bind a valid certificate to the server's SMTP service and enable TLS (Exchange: event 12014).",
			Source: "KB 2989382; 450 4.4.317 \"451 5.7.3 STARTTLS is required to send mail\"",
			Find:   eachConclusive(findNoStartTLS),
		},
		{
			Code: "starttls_broken", Severity: Warning, Scope: ScopePath,
			Title: "The server offers STARTTLS, but TLS fails",
			When: "The connector does not require TLS, and the server refuses STARTTLS or the handshake fails: mail is sent " +
				"unencrypted, or not at all (UNCERTAIN after a broken handshake)",
			Remedy: "Check that the server can read its certificate and private key (Exchange: event 12014) and offers TLS " +
				"1.2 or later, or configure it not to offer STARTTLS.",
			Source: "RFC 3207, section 4; KB 2989382",
			Find:   eachConclusive(findBrokenStartTLS),
		},
		{
			Code: "starttls_injection", Severity: Critical, Scope: ScopePath,
			Title:  "Unencrypted bytes arrive between STARTTLS and the handshake",
			When:   "Bytes followed the reply to STARTTLS before the handshake",
			Remedy: "Update the server or the device in front of it; until then, do not trust what it sends.",
			Source: "CVE-2011-0411; RFC 3207, section 5",
			Find: eachConclusive(func(_ *Path, e *probes.Endpoint, report func(Finding)) {
				if step := e.Steps[probes.TLSStage]; step.Reason == probes.ReasonSTARTTLSInjection {
					report(newFinding("%s: %s.", endpointName(e), step.Detail))
				}
			}),
		},
	}
}

func verdictIsWeak(v probes.Verdict, problem string) func(*Facts, observedCertificate, func(Finding)) {
	return func(_ *Facts, c observedCertificate, report func(Finding)) {
		if j := c.Verdicts[v]; j.Outcome == probes.Failed && !c.exchangeOnline {
			report(newFinding("%s %s%s.", c.describeLeaf(), problem, withDetail(j.Detail)))
		}
	}
}

// eachConclusive visits every endpoint of the last conclusive round of every path that the daemon probes.
func eachConclusive(visit func(p *Path, e *probes.Endpoint, report func(Finding))) findFunc {
	return eachProbed(func(_ *Facts, p *Path, report func(Finding)) {
		if p.Conclusive == nil {
			return
		}
		for i := range p.Conclusive.Endpoints {
			visit(p, &p.Conclusive.Endpoints[i], report)
		}
	})
}

func endpointName(e *probes.Endpoint) string {
	named := Endpoint{Host: e.Host}
	if a := e.Addr.Addr(); a.IsValid() && !e.HideAddress {
		named.Address = a.String()
	}
	return named.Name()
}

// findNoStartTLS reports a missing STARTTLS. If TLS is not required, the stage passes without a recorded handshake.
func findNoStartTLS(p *Path, e *probes.Endpoint, report func(Finding)) {
	step := e.Steps[probes.TLSStage]
	switch {
	case step.Reason == probes.ReasonSTARTTLSNotOffered:
		report(newFinding("%s: the EHLO reply does not list STARTTLS, and the connector requires TLS.", endpointName(e)))
	case step.Outcome == probes.Passed && step.Evidence == "" && e.TLS == nil && !p.TLSSettings.RequiresTLS():
		report(newFinding("%s: the EHLO reply does not list STARTTLS. The connector does not require TLS.", endpointName(e)).
			withSeverity(Warning))
	}
}

// findBrokenStartTLS reports a session that went on in clear text after TLS had failed.
func findBrokenStartTLS(p *Path, e *probes.Endpoint, report func(Finding)) {
	step := e.Steps[probes.TLSStage]
	broken := step.Evidence == probes.EvidenceSTARTTLSRefused || step.Evidence == probes.EvidenceHandshakeBroken
	if step.Outcome == probes.Passed && broken && !p.TLSSettings.RequiresTLS() {
		report(newFinding("%s: %s.", endpointName(e), step.Detail).uncertain(step.Uncertain))
	}
}

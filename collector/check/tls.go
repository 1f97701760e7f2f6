package check

import (
	"slices"
	"strings"

	"m365_connector_exporter/probes"
	"m365_connector_exporter/probes/mailflow"
)

// tlsChecks judge what a handshake showed besides validity.
func tlsChecks() []Check {
	return []Check{
		{
			Code: "certificate_weak_key", Severity: Warning,
			Title:  "A certificate's key is too short",
			When:   "An RSA key of the leaf has fewer than 2048 bits",
			Remedy: "Have the certificate issued anew with an RSA key of 2048 bits or more, or an ECDSA key.",
			Source: "Exchange HealthChecker, CertificateCheck",
			Find:   eachCertificate(weak(probes.VerdictKey, "has a weak key")),
		},
		{
			Code: "certificate_weak_signature", Severity: Warning,
			Title:  "A certificate is signed with a broken hash",
			When:   "The leaf or a certificate above it, below the root, is signed with SHA-1, MD5 or MD2",
			Remedy: "Have the certificate issued anew; replace an old intermediate certificate.",
			Source: "KB 3027536; Exchange HealthChecker, CertificateCheck",
			Find:   eachCertificate(weak(probes.VerdictSignature, "has a weak signature")),
		},
		{
			Code: "tls_version_old", Severity: Warning,
			Title:  "The server speaks only TLS below 1.2",
			When:   "The server chose TLS 1.0 or 1.1 although TLS 1.2 and 1.3 were offered",
			Remedy: "Enable TLS 1.2 or newer: Exchange Online has ended TLS 1.0 and 1.1.",
			Source: "send-receive-emails-socketerror",
			Find: eachCertificate(func(_ *Facts, _ *Path, c observedCertificate, report func(Finding)) {
				if c.OldVersion {
					report(newFinding("%s chose %s.", c.source(), c.Version))
				}
			}),
		},
		{
			Code: "certificate_differs_between_addresses", Severity: Warning,
			Title:  "The servers behind one name show different certificates",
			When:   "Between the addresses of one host of an OnPremises connector the names or the issuer differ, or one leaf is inside the warning window and another is not",
			Remedy: "Install the same certificate on every server behind the name: mail fails or not by chance otherwise.",
			Source: "450 4.7.320; certificate-requirements (installed on every server)",
			Find:   eachProbed(findDifferences),
		},
		{
			Code: "starttls_not_offered", Severity: Critical,
			Title:  "The server does not offer STARTTLS",
			When:   "Critical where the connector demands TLS, else warning: mail goes out in clear text",
			Remedy: "Bind a valid certificate to the server's SMTP service and enable TLS (Exchange: event 12014).",
			Source: "KB 2989382; 450 4.4.317 \"451 5.7.3 STARTTLS is required to send mail\"",
			Find:   eachConclusive(findNoStartTLS),
		},
		{
			Code: "starttls_injection", Severity: Critical,
			Title:  "Bytes arrive in clear text between STARTTLS and the handshake",
			When:   "Bytes followed the reply to STARTTLS before the handshake",
			Remedy: "Update the server or the device in front of it; do not trust what it sends.",
			Source: "CVE-2011-0411; RFC 3207, section 5",
			Find: eachConclusive(func(_ *Path, e *probes.Endpoint, report func(Finding)) {
				if step := e.Steps[probes.TLSStage]; step.Reason == probes.ReasonSTARTTLSInjection {
					report(newFinding("%s: %s.", endpointName(e), step.Detail))
				}
			}),
		},
		{
			Code: "client_auth_eku_missing", Severity: Info,
			Title:  "A sender's certificate is not marked for client authentication",
			When:   "The certificate that a sender presents lacks the extended key usage clientAuth (UNCERTAIN)",
			Remedy: "Nothing to do today. Certificate authorities have stopped to issue it; if it is ever asked for, a certificate from a private hierarchy will not do either.",
			Source: "None of Microsoft's. CA/Browser policies of 2025 and 2026; Exchange's own certificates lack it too",
			Find: eachCertificate(func(_ *Facts, _ *Path, c observedCertificate, report func(Finding)) {
				if j := c.Verdicts[probes.VerdictClientAuth]; c.client && j.Outcome == probes.Failed {
					report(newFinding("%s has no extended key usage clientAuth.", c.describeLeaf()).uncertain("Microsoft has not documented whether Exchange Online asks for it"))
				}
			}),
		},
	}
}

func weak(v probes.Verdict, what string) func(*Facts, *Path, observedCertificate, func(Finding)) {
	return func(_ *Facts, _ *Path, c observedCertificate, report func(Finding)) {
		if j := c.Verdicts[v]; j.Outcome == probes.Failed && !c.exchangeOnline {
			report(newFinding("%s %s%s.", c.describeLeaf(), what, withDetail(j.Detail)))
		}
	}
}

// eachConclusive asks a question of every endpoint of the newest conclusive round of every path that the daemon probes.
func eachConclusive(visit func(p *Path, e *probes.Endpoint, report func(Finding))) func(*Facts, func(Finding)) {
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
	return named.name()
}

// findNoStartTLS: where TLS is not demanded the stage passes without it, and then no handshake is on record.
func findNoStartTLS(p *Path, e *probes.Endpoint, report func(Finding)) {
	step := e.Steps[probes.TLSStage]
	switch {
	case step.Reason == probes.ReasonSTARTTLSNotOffered:
		report(newFinding("%s: the EHLO answer does not list STARTTLS, and the connector demands TLS.", endpointName(e)))
	case step.Outcome == probes.Passed && e.TLS == nil && !p.TLSSettings.RequiresTLS():
		report(newFinding("%s: the EHLO answer does not list STARTTLS. The connector does not demand TLS.", endpointName(e)).withSeverity(Warning))
	}
}

func findDifferences(f *Facts, p *Path, report func(Finding)) {
	if p.ConnectorType != mailflow.OnPremises {
		return
	}
	hosts := map[string][]*Endpoint{}
	var order []string
	for i := range p.Endpoints {
		e := &p.Endpoints[i]
		if e.Address == "" || e.TLS == nil || len(e.TLS.Chain) == 0 {
			continue
		}
		if len(hosts[e.Host]) == 0 {
			order = append(order, e.Host)
		}
		hosts[e.Host] = append(hosts[e.Host], e)
	}
	for _, host := range order {
		differs := slices.ContainsFunc(hosts[host], func(e *Endpoint) bool { return !f.equivalentLeaves(hosts[host][0], e) })
		for _, e := range hosts[host] {
			if differs {
				leaf := e.TLS.Chain[0]
				report(newFinding("%s shows a certificate for %s, issued by %s, valid until %s.", e.name(), list(namesOf(leaf)), leaf.Issuer, day(leaf.NotAfter)))
			}
		}
	}
}

// equivalentLeaves compares what must be the same behind one name: names, issuer, and whether the end is near. Serial and key may differ: each
// server may have a certificate of its own.
func (f *Facts) equivalentLeaves(a, b *Endpoint) bool {
	one, two := a.TLS.Chain[0], b.TLS.Chain[0]
	return a == b || one.Issuer == two.Issuer && f.nearExpiry(one) == f.nearExpiry(two) && slices.Equal(namesOf(one), namesOf(two))
}

func (f *Facts) nearExpiry(leaf *probes.Certificate) bool {
	return expired(f.Now, leaf.NotAfter) || f.Thresholds.leafExpirySeverity(f.Now, leaf.NotBefore, leaf.NotAfter) != Off
}

// namesOf are CN and SAN, sorted.
func namesOf(leaf *probes.Certificate) []string {
	names := slices.Clone(leaf.DNSNames)
	if leaf.CommonName != "" {
		names = append(names, strings.ToLower(leaf.CommonName))
	}
	slices.Sort(names)
	return slices.Compact(names)
}

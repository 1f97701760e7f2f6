package check

import (
	"fmt"
	"slices"
	"time"

	"m365_connector_exporter/probes/mailflow"
)

// incompleteAfter is how long the servers of a host may take to get a renewed certificate one after the other.
const incompleteAfter = 24 * time.Hour

const renewalIncomplete = "renewal_incomplete"

// renewalChecks judge how certificates are replaced.
func renewalChecks() []Check {
	return []Check{
		{
			Code: "renewal_overdue", Severity: Warning, Scope: ScopePath,
			Title: "A certificate was not renewed when this host usually renews",
			When: "A certificate is in use for a longer share of its lifetime than earlier ones of this host (or sender) of " +
				"the same authority and a similar lifetime, by more than a twentieth of the lifetime, more than a day, and " +
				"more than earlier renewals differ from each other. Judged after two renewals were seen, until the certificate " +
				"expires soon; not judged for certificates that were replaced within the first 40 % of their lifetime, for " +
				"hosts of Exchange Online, and for those of Partner connectors that do not require a valid certificate",
			Remedy: "Look at the log of the client that renews the certificate (ACME, certificate manager), and at what it " +
				"runs after a renewal: a new certificate may exist that the SMTP service does not use yet.",
			Source: "CA/Browser Forum ballot SC-081v3: lifetimes of 200, 100 and 47 days leave little time",
			Find:   eachCertificate(findRenewalOverdue),
		},
		{
			Code: renewalIncomplete, Severity: Warning, Scope: ScopePath,
			Title: "A renewed certificate is not on all servers of a host name",
			When: "An address of a host has shown a renewed certificate for a day or more, and another address of the host " +
				"still shows the old one, which both showed before. Servers that have certificates of their own are not compared",
			Remedy: "Install the renewed certificate on the other servers too, and restart SMTP there.",
			Source: "450 4.7.320; certificate-requirements (installed on every server)",
			Silences: []string{
				"certificate_expires_soon", // of the old certificate
			},
			Find: eachProbed(findRenewalIncomplete),
		},
		{
			Code: "renewal_loses_usage", Severity: Warning, Scope: ScopeSender,
			Title: "The next certificate of a sender will lack the usage clientAuth",
			When: "A sender's connector requires its certificate, the certificate has the extended key usage clientAuth, and " +
				"its authority will no longer issue that usage when the certificate is due for renewal (at the share of the " +
				"lifetime at which this sender renews, else after two thirds). By a table of authorities and dates as known on " +
				authoritiesVersion + ": " + authorityDates() + ". Whether Exchange Online requires the usage is not documented",
			Remedy: "Ask the vendor of the sending server whether it presents a certificate without clientAuth: some TLS " +
				"libraries do not. Test with one before the renewal, and run " +
				"`m365_connector_exporter rehearse --certificate=FILE`. An authority that is not in the browsers' stores, " +
				"or authentication by IP address, are alternatives.",
			Source: "Let's Encrypt, profile tlsclient; Chrome Root Program Policy 1.8; dotnet/runtime issue 121982",
			Find:   eachCertificate(findRenewalLosesUsage),
		},
	}
}

// authorityDates lists the authorities with the dates from which they do not issue clientAuth.
func authorityDates() (list string) {
	for _, a := range Authorities {
		if a.issuer == nil {
			continue
		}
		if list != "" {
			list += ", "
		}
		list += a.Name + " " + a.ClientAuthEnds.Format(time.DateOnly)
	}
	return list
}

// findRenewalOverdue skips a certificate that expires soon, which the checks of expiry report, and one that another
// server of the host has replaced, which renewal_incomplete reports.
func findRenewalOverdue(f *Facts, c observedCertificate, report func(Finding)) {
	if len(c.path.Renewals) == 0 || !c.isRenewedHere(f) || f.nearExpiry(c.Chain[0]) {
		return
	}
	host := ""
	if c.endpoint != nil {
		host = c.endpoint.Host
	}
	leaf := LeafOf(c.Chain[0])
	if due, cadence := renewalDue(c.path.Renewals, host, leaf); !due.IsZero() && f.Now.After(due) {
		report(newFinding("%s is valid until %s and should have been replaced before %s: earlier certificates were replaced "+
			"after %s of their lifetime (%d renewals seen).",
			c.describeLeaf(), day(leaf.NotAfter), day(due), cadence, cadence.renewals))
	}
}

// RenewalDue returns when a host (a sender, if the host is empty) should have replaced a certificate, by the renewals
// that were seen: zero if they are too few, or if an endpoint of the host has replaced it.
func RenewalDue(renewals []Renewal, host string, leaf Leaf) time.Time {
	due, _ := renewalDue(renewals, host, leaf)
	return due
}

func renewalDue(renewals []Renewal, host string, leaf Leaf) (time.Time, cadence) {
	cadence, known := cadenceOf(renewals, host, leaf)
	if !known || replaced(renewals, host, leaf) != nil {
		return time.Time{}, cadence
	}
	return cadence.overdue(leaf), cadence
}

// isRenewedHere reports whether the tenant's administrator renews the certificate, and mail depends on it. The
// certificate of an assumed sender is that of a smart host, and judged with that host.
func (c observedCertificate) isRenewedHere(f *Facts) bool {
	if c.client {
		return c.sender != nil && !c.sender.Assumed && c.demanded
	}
	return c.path.ID.Direction == mailflow.Outbound && !mailflow.IsExchangeOnline(c.endpoint.Host, f.ExchangeHosts) &&
		(c.demanded || c.path.ConnectorType == mailflow.OnPremises)
}

// replaced returns a renewal in which an endpoint of the host replaced this certificate; nil if there is none.
func replaced(renewals []Renewal, host string, leaf Leaf) *Renewal {
	i := slices.IndexFunc(renewals, func(r Renewal) bool {
		return r.Host == host && r.Old.Fingerprint == leaf.Fingerprint && leaf.Fingerprint != ""
	})
	if i < 0 {
		return nil
	}
	return &renewals[i]
}

// findRenewalIncomplete reports the servers that do not have the renewed certificate yet.
func findRenewalIncomplete(_ *Facts, p *Path, report func(Finding)) {
	for i := range p.Endpoints {
		e := &p.Endpoints[i]
		if other, r := p.incompleteRenewal(e); other != nil {
			leaf := e.TLS.Chain[0]
			report(newFinding("%s: still shows the certificate for %s (serial %s, valid until %s), which %s replaced on %s.",
				e.Name(), leaf.Subject, leaf.Serial, day(leaf.NotAfter), other.Name(), day(r.At)))
		}
	}
}

// incompleteRenewal returns the server of the same host that replaced the certificate which e still shows after
// incompleteAfter, and that renewal; nil if there is none.
func (p *Path) incompleteRenewal(e *Endpoint) (*Endpoint, *Renewal) {
	if e.TLS == nil || len(e.TLS.Chain) == 0 || p.ConnectorType != mailflow.OnPremises {
		return nil, nil
	}
	old := LeafOf(e.TLS.Chain[0])
	for i := range p.Renewals {
		r := &p.Renewals[i]
		if r.Host != e.Host || old.Fingerprint == "" || r.Old.Fingerprint != old.Fingerprint ||
			e.CertificateSeen.Before(r.At.Add(incompleteAfter)) {
			continue
		}
		for j := range p.Endpoints {
			other := &p.Endpoints[j]
			if other.Host == r.Host && other.Address == r.Address && other.TLS != nil && len(other.TLS.Chain) > 0 &&
				other.TLS.Chain[0].NotAfter.After(old.NotAfter) {
				return other, r
			}
		}
	}
	return nil, nil
}

func findRenewalLosesUsage(f *Facts, c observedCertificate, report func(Finding)) {
	if !c.client || !c.demanded || !c.Chain[0].ClientAuth || !IsPublic(c.TLS) {
		return
	}
	leaf := LeafOf(c.Chain[0])
	authority := authorityOf(leaf.Issuer)
	if authority.issuer == nil {
		return // a private authority may be among the trusted roots
	}
	share := usualUsed
	if cadence, known := cadenceOf(c.path.Renewals, "", leaf); known {
		share = cadence.latest
	}
	next := leaf.NotBefore.Add(time.Duration(share * float64(leaf.lifetime())))
	if next.Before(authority.ClientAuthEnds) && f.Now.Before(authority.ClientAuthEnds) {
		return
	}
	uncertain := "Microsoft has not documented whether Exchange Online requires clientAuth"
	if authority.Uncertain != "" {
		uncertain += "; for " + authority.Name + " " + authority.Uncertain
	}
	report(newFinding("%s, issued by %s, has the usage clientAuth. %s issues certificates with it only before %s; this "+
		"one is valid until %s.", c.describeLeaf(), leaf.Issuer, authority.Name,
		authority.ClientAuthEnds.Format(time.DateOnly), day(leaf.NotAfter)).uncertain(uncertain))
}

// String returns the shares of the lifetime at which certificates were replaced.
func (c cadence) String() string {
	earliest, latest := fmt.Sprintf("%.0f %%", 100*c.earliest), fmt.Sprintf("%.0f %%", 100*c.latest)
	if earliest == latest {
		return latest
	}
	return earliest + " to " + latest
}

// Package evaluate puts together what is configured and what was observed, and reports what follows. It is the only
// place where facts meet: probes observe, packages certificate and check judge, and web and text present the report.
//
// Evaluate goes through these steps:
//
//  1. It determines the certificate that each sender presents to Exchange Online: from the sender's certificate file;
//     else as the server that certificate.smtp names showed it; else, for an assumed sender, as the smart hosts of the
//     same tenant showed it.
//  2. It judges those certificates as client certificates: dates, chain and trust, the name that the inbound connector
//     requires, and whether a name is an accepted domain of the tenant (MC1226222).
//  3. It simulates to which tenant Exchange Online attributes the mail of each sender, and finds what two tenants
//     share.
//  4. It finds the addresses whose paths do not fit into their intervals.
//  5. It runs every check of the catalogue on all of this, and lists the dates that concern a tenant.
//
// The package is pure: no I/O, no clock, and no argument is changed. The same arguments give the same report.
package evaluate

import (
	"crypto/x509"
	"maps"
	"slices"
	"time"

	"m365_connector_exporter/collector/calendar"
	"m365_connector_exporter/collector/check"
	"m365_connector_exporter/probes"
	"m365_connector_exporter/probes/certificate"
	"m365_connector_exporter/probes/mailflow"
	"m365_connector_exporter/probes/mtasts"
	"m365_connector_exporter/probes/tlsrpt"
)

// Inventory is what is configured. It must not be changed after Evaluate has seen it.
type Inventory struct {
	Tenants []mailflow.Tenant
	// ExchangeOnlineHosts are more host patterns to be taken for Exchange Online.
	ExchangeOnlineHosts []string
	// Certificates are the chains of senders with a certificate file, in DER, leaf first.
	Certificates map[probes.PathID][][]byte
	// TrustedRoots are those of senders that configure trusted_roots.
	TrustedRoots map[probes.PathID]*x509.CertPool
	// TrustStores are other stores by which the senders' certificates are judged.
	TrustStores []certificate.Store
	// Roots verify the senders' certificates; nil: the system's.
	Roots        *x509.CertPool
	Limits       check.ScheduleLimits
	Thresholds   check.Thresholds
	Suppressions []check.Suppression
	// Severity is what is configured for a check; nil: nothing is.
	Severity func(tenant, code string) (check.Severity, bool)
}

// Snapshot is what was observed until one moment.
type Snapshot struct {
	Paths []check.Path // without Client and MissingRoot
	// MX are the hosts of accepted domains. A domain without an entry got no answer; nil: none was looked up.
	MX map[string][]string
	// Policies are the MTA-STS policies that were looked up.
	Policies map[check.TenantDomain]*mtasts.State
	// SMTPCertificates are what the servers that certificate.smtp names showed, by sender.
	SMTPCertificates map[probes.PathID]*probes.TLS
	// VantageBlocked reports whether no path passes connect, and there are three hosts or more.
	VantageBlocked bool
	// StateFileError is why no test message can be recorded, so that none is sent; nil if it can.
	StateFileError error
	// Firewall is a list of allowed addresses that was compared with Exchange Online's; nil: none was.
	Firewall *check.Firewall
	// NoNetwork reports whether nothing was probed or looked up.
	NoNetwork bool
	// ReadTimes are when the records of tenants were last read from a service, which is later than when they changed.
	ReadTimes map[string]time.Time
	// TLSReports are what senders reported last about accepted domains, as far as it is recent enough to be judged.
	TLSReports []tlsrpt.Summary
	// Previous is the last report: findings keep their dates, and what rests on unchanged facts is not computed again.
	Previous *Report
}

// Report is what follows from an inventory and a snapshot. Treat it as read-only.
type Report struct {
	At       time.Time
	Tenants  []mailflow.Tenant // of the inventory, with the certificate that each sender presents
	Findings []check.Finding   // suppressed ones too, in the order of check.Run
	// Clients are the certificates that senders present, judged as client certificates.
	Clients map[probes.PathID]*probes.TLS
	// Attributions are predictions for each sender's mail: one per MAIL FROM domain, then the null sender.
	Attributions map[probes.PathID][]mailflow.Attribution
	Overlaps     []mailflow.Overlap // what two tenants share
	// Predictions are what Exchange Online would do with the mail of outbound paths, by path and mechanism.
	Predictions []check.Prediction
	// Policies are the MTA-STS policies of accepted domains and of next hops, by tenant and domain.
	Policies []check.Policy
	// Deadlines are the dates that concern the tenants, the earliest first.
	Deadlines []calendar.Deadline

	inventory *Inventory
	files     fileCertificates
	presented map[probes.PathID]presented // what attributions and overlaps rest on
}

// Evaluate reports what follows from inventory and snapshot at the time now.
func Evaluate(inventory *Inventory, snapshot *Snapshot, now time.Time) *Report {
	previous := snapshot.Previous
	if previous == nil {
		previous = &Report{}
	}
	r := &Report{At: now, inventory: inventory}
	r.files = previous.files
	switch {
	case previous.inventory != inventory:
		r.files = judgeFiles(inventory, certificate.NewVerifier(inventory.Roots, inventory.TrustStores...), now)
	case !r.files.validAt(now):
		r.files = judgeFiles(inventory, r.files.verifier, now)
	}
	r.addClients(snapshot)
	r.simulate(previous)
	r.Predictions = predictDeliveries(r.Tenants, snapshot)
	r.Policies = r.policies(snapshot)
	facts := r.facts(snapshot, previous)
	r.Findings = check.Run(facts)
	r.Deadlines = calendar.Deadlines(now, facts.Tenants, facts.Paths)
	return r
}

// facts is everything that checks judge.
func (r *Report) facts(snapshot *Snapshot, previous *Report) *check.Facts {
	inventory := r.inventory
	f := &check.Facts{
		Now: r.At, Tenants: readAt(r.Tenants, snapshot.ReadTimes), Paths: r.paths(snapshot.Paths),
		Thresholds: inventory.Thresholds,
		Severity:   inventory.Severity, Suppressions: inventory.Suppressions, FirstSeen: previous.firstSeen(),
		Overlaps: r.Overlaps, Attributions: r.Attributions, Predictions: r.Predictions,
		NoNetwork: snapshot.NoNetwork, VantageBlocked: snapshot.VantageBlocked, Firewall: snapshot.Firewall,
		ExchangeHosts: inventory.ExchangeOnlineHosts, MX: snapshot.MX, Policies: r.Policies,
		TLSReports: snapshot.TLSReports,
	}
	if snapshot.StateFileError != nil {
		f.StateFileError = snapshot.StateFileError.Error()
	}

	f.Overloaded = check.Overloads(f.Paths, inventory.Limits)
	return f
}

// readAt returns the tenants with the times at which their records were last read.
func readAt(tenants []mailflow.Tenant, times map[string]time.Time) []mailflow.Tenant {
	if len(times) == 0 {
		return tenants
	}
	tenants = slices.Clone(tenants)
	for i := range tenants {
		if at := times[tenants[i].Name]; at.After(tenants[i].InventoryTime) {
			tenants[i].InventoryTime = at
		}
	}
	return tenants
}

// paths adds to each inbound path what its sender presents, and what the sender's trusted roots lack.
func (r *Report) paths(observed []check.Path) []check.Path {
	paths := slices.Clone(observed)
	for i := range paths {
		if p := &paths[i]; p.ID.Direction == mailflow.Inbound {
			p.Client = r.Clients[p.ID]
			p.MissingRoot = missingRoot(r.inventory.TrustedRoots[p.ID], r.At)
		}
	}
	return paths
}

// firstSeen is since when each finding has been found.
func (r *Report) firstSeen() map[check.Key]time.Time {
	since := make(map[check.Key]time.Time, len(r.Findings))
	for _, f := range r.Findings {
		since[f.Key] = f.Since
	}
	return since
}

// presented identifies a certificate as far as attribution depends on it.
type presented struct {
	fingerprint string
	valid       mailflow.Tri
}

// simulate predicts attributions and finds overlaps. If the inventory and the certificates are those of the
// previous report, so are the results.
func (r *Report) simulate(previous *Report) {
	r.presented = map[probes.PathID]presented{}
	for i := range r.Tenants {
		t := &r.Tenants[i]
		for k := range t.Senders {
			if c := t.Senders[k].ClientCertificate; c != nil {
				r.presented[SenderPath(t.Name, &t.Senders[k])] = presented{c.Fingerprint, c.Valid}
			}
		}
	}
	if previous.inventory == r.inventory && maps.Equal(previous.presented, r.presented) {
		r.Attributions, r.Overlaps = previous.Attributions, previous.Overlaps
		return
	}
	r.Overlaps = mailflow.Overlaps(r.Tenants)
	r.Attributions = map[probes.PathID][]mailflow.Attribution{}
	directory := mailflow.NewDirectory(r.Tenants)
	for i := range r.Tenants {
		t := &r.Tenants[i]
		for k, attributions := range directory.TenantAttributions(t) {
			r.Attributions[SenderPath(t.Name, &t.Senders[k])] = attributions
		}
	}
}

// SenderPath returns the ID of the inbound path of a sender.
func SenderPath(tenant string, s *mailflow.Sender) probes.PathID {
	return probes.PathID{Tenant: tenant, Direction: mailflow.Inbound, Connector: s.Connector, Path: s.Name}
}

// Expiry returns the severity of how soon the certificates that were shown expire, by the configured thresholds:
// Critical once one has expired, at most Warning if the connector demands no valid certificate.
func (r *Report) Expiry(shown *probes.TLS, demanded bool, now time.Time) check.Severity {
	var thresholds check.Thresholds
	if r.inventory != nil {
		thresholds = r.inventory.Thresholds
	}
	severity := thresholds.Expiry(now, shown)
	if !demanded {
		severity = min(severity, check.Warning)
	}
	return severity
}

// IsExchangeOnline reports whether a host is one of Exchange Online's.
func (r *Report) IsExchangeOnline(host string) bool {
	var more []string
	if r.inventory != nil {
		more = r.inventory.ExchangeOnlineHosts
	}
	return mailflow.IsExchangeOnline(host, more)
}

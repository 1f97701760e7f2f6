// Package check judges mail flow: it turns what is configured and what the probes recorded into findings.
//
// A check is one entry of the catalogue: a code, the rule in words, the highest severity, a remedy, the Microsoft
// document it is based on, and the function that applies the rule. A finding is one violation of one rule by one
// subject (the exporter, a tenant, a connector or a path), with evidence.
//
// The steps of Run:
//
//  1. Index the facts: connectors, senders, paths and certificates by name and by tenant.
//  2. Apply every check of the catalogue. A disabled connector, and one in test mode, has no finding but its own.
//     A check that needs an unknown value (a property that the export lacks) is not judged.
//  3. Cap the severity: at most the check's own; at most a warning if the finding rests on undocumented behaviour
//     (UNCERTAIN) or on an assumed sender; the configuration may set another one, or turn the check off.
//  4. Merge the findings of one check about one subject, suppress the consequences of a cause that was found too,
//     and mark what the configuration suppresses.
//
// The package is pure: no I/O, no clock; the same facts give the same findings in the same order. The catalogue is
// also the documentation (docs/checks.md, the reference page) and the list of codes that a configuration may name.
// To add a check: one entry in the list of its topic, its function, and two cases in the tests, one that it finds and a
// similar one that it does not. See CONTRIBUTING.md.
package check

import (
	"time"

	"m365_connector_exporter/probes/mailflow"
)

// Severity is how much a finding matters.
type Severity uint8

// The severities. Off is the zero value: no finding.
const (
	Off      Severity = iota
	Info              // no action needed
	Warning           // mail flows, and stops on a foreseeable event
	Critical          // mail is refused, lost or attributed wrongly, now or very soon
)

// Severities are the label values, by Severity.
var Severities = [...]string{"off", "info", "warning", "critical"}

// String returns the severity's label value.
func (s Severity) String() string { return Severities[s] }

// ParseSeverity parses a label value and reports whether it is one.
func ParseSeverity(word string) (Severity, bool) {
	for i, name := range Severities {
		if name == word {
			return Severity(i), true
		}
	}
	return Off, false
}

// Subject is what a finding is about. Fields that do not apply are empty: a finding about a whole tenant has no
// connector, one about the exporter itself has no tenant.
type Subject struct {
	Tenant    string
	Direction mailflow.Direction
	Connector string
	Path      string
}

// Scope is the kind of subject that a check's findings are about.
type Scope string

// The scopes, in words.
const (
	ScopeExporter  Scope = "exporter"
	ScopeTenant    Scope = "tenant"
	ScopeConnector Scope = "connector"
	ScopeOutbound  Scope = "outbound connector"
	ScopeInbound   Scope = "inbound connector"
	ScopePath      Scope = "path"
	ScopeSender    Scope = "inbound path" // one per sender
)

// Per returns in words that a check has at most one finding for each subject of its scope: "per tenant".
func (s Scope) Per() string {
	if s == ScopeExporter {
		return "for the exporter"
	}
	return "per " + string(s)
}

// Key identifies a finding. There is one finding per key, however many endpoints show it.
type Key struct {
	Code string
	Subject
}

// Finding is one violation of a check's rule.
type Finding struct {
	Key
	Severity   Severity
	Evidence   []string     // what was compared and found, one sentence each, at most MaxEvidence
	Uncertain  string       // the undocumented behaviour that it rests on; "" if none
	Since      time.Time    // when this process first found it
	Suppressed *Suppression // the suppression that covers it; nil if none

	omitted map[uint64]struct{} // while it is collected: hashes of the evidence beyond MaxEvidence
	// private has, for each text of the finding that names another tenant, the same without the name.
	private map[string]string
	// independentOf is a cause that does not explain all of the evidence, although its check lists this one in Silences.
	independentOf string
}

// MaxEvidence bounds the evidence of one finding. If there is more, the last line counts it.
const MaxEvidence = 16

// Check is an entry of the catalogue.
type Check struct {
	Code     string
	Severity Severity // the highest severity of its findings
	Scope    Scope
	Title    string   // the problem, in one clause without a full stop
	When     string   // the rule, and what lowers the severity, without the last full stop
	Remedy   string   // what to do, in whole sentences
	Source   string   // the Microsoft document or Message Center id that the rule is based on
	Silences []string // codes of consequences that are not reported beside it
	// the cmdlet without whose records it is not judged; "" if it needs none but those of the connectors and domains
	Needs mailflow.Cmdlet
	Find  findFunc
}

// findFunc applies a check to all facts and reports each violation.
type findFunc = func(f *Facts, report func(Finding))

// Link returns the address of the check's documentation, relative to the top of the repository.
func (c Check) Link() string { return "docs/checks.md#" + c.Code }

// Thresholds define when a certificate expires soon and when data is stale. A leaf certificate must be below both the
// ratio and the days of a severity; issuer certificates are judged by the days alone.
type Thresholds struct {
	WarningRatio, CriticalRatio float64       // of the certificate's lifetime
	WarningDays, CriticalDays   int           // until it expires
	ValidationMaxAge            time.Duration // 0 = off
	InventoryMaxAge             time.Duration // 0 = off
}

// Suppression hides findings until a date, with an owner. Check, Tenant, Connector and Path are globs; an empty one
// matches everything.
type Suppression struct {
	Check, Tenant, Connector, Path string
	Direction                      mailflow.Direction
	Reason, Owner                  string
	Expires                        time.Time // the first instant after the configured day, UTC
}

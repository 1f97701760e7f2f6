package web

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"m365_connector_exporter/collector/check"
	"m365_connector_exporter/collector/text"
	"m365_connector_exporter/probes"
	"m365_connector_exporter/probes/mailflow"
	"m365_connector_exporter/probes/tlsrpt"
)

const (
	maxTLSReports = 100 // rows; failures come first
	maxReportHost = 100 // bytes of what a sender wrote
)

// tlsReportsPart lists the newest TLS report of each sender about each accepted domain.
type tlsReportsPart struct {
	Reports []tlsReportView
	More    int // that are not shown
}

// tlsReportView is one report, with text that is safe to show.
type tlsReportView struct {
	Domain, Sender    string
	Level             string // severity, "" without failures
	From, To          *timestamp
	Succeeded, Failed int64
	Failures          []string
}

// tlsReports returns the reports about the domains of the tenants that a filter selects.
func (s *Site) tlsReports(f *filter) tlsReportsPart {
	if s.TLSReports == nil {
		return tlsReportsPart{}
	}
	all := slices.Clone(s.TLSReports())
	if len(all) == 0 {
		return tlsReportsPart{}
	}
	selected := map[string]bool{}
	for _, t := range s.Snapshot().Tenants {
		for _, d := range t.AcceptedDomains {
			if domain, ok := mailflow.NormaliseDomain(d.Name); ok && f.ofTenant(t.Name) {
				selected[domain] = selected[domain] || f.Text == "" || f.contains(t.Name, domain)
			}
		}
	}
	all = slices.DeleteFunc(all, func(r tlsrpt.Summary) bool { return !selected[r.Domain] })
	slices.SortStableFunc(all, func(a, b tlsrpt.Summary) int {
		return cmp.Compare(check.TLSReportSeverity(&b), check.TLSReportSeverity(&a))
	})
	var part tlsReportsPart
	part.More = max(0, len(all)-maxTLSReports)
	for i := range all[:len(all)-part.More] {
		part.Reports = append(part.Reports, newTLSReportView(&all[i], s.Now()))
	}
	return part
}

func newTLSReportView(r *tlsrpt.Summary, now time.Time) tlsReportView {
	v := tlsReportView{
		Domain: r.Domain, Sender: probes.Sanitise(r.Signer, maxReportHost), From: newTimestamp(r.Start, now),
		To: newTimestamp(r.End, now), Succeeded: r.Succeeded, Failed: r.Failed(),
	}
	if severity := check.TLSReportSeverity(r); severity != check.Off {
		v.Level = severity.String()
	}
	for _, f := range r.Failures {
		at := ""
		if f.Host != "" {
			at = " at " + probes.Sanitise(f.Host, maxReportHost)
		}
		v.Failures = append(v.Failures, fmt.Sprintf("%s: %s%s, policy %s. %s", f.Result,
			text.Count(int(f.Sessions), "session"), at, f.Policy, check.TLSReportRemedy(f.Result)))
	}
	return v
}

package smtpprobe

import (
	"regexp"
	"slices"
	"strings"

	"m365_connector_exporter/probes"
)

// Firewalls that inspect SMTP mask what they do not permit: Cisco's ASA overwrites the greeting with asterisks and
// commands and keywords with X.
var (
	maskedGreeting = regexp.MustCompile(`\*{4,}`)
	maskedKeyword  = regexp.MustCompile(`\bX{4,}[A-Z]?\b`)
)

// submissionPorts are for mail clients, which must authenticate (RFC 8314).
var submissionPorts = []uint16{465, 587}

// inspect notes whether an inspecting firewall has masked a reply.
func (s *session) inspect(r probes.Reply, masked *regexp.Regexp) {
	s.inspected = s.inspected || masked.MatchString(r.Text)
}

// evidence returns what the session observed that selects a more precise remedy for a reason, "" if nothing does.
func (s *session) evidence(reason probes.Reason) probes.Evidence {
	switch {
	case s.inspected && reason.HasVariant(probes.EvidenceInspection):
		return probes.EvidenceInspection
	case slices.Contains(submissionPorts, s.path.Settings.Port) && reason.HasVariant(probes.EvidenceSubmissionPort):
		return probes.EvidenceSubmissionPort
	}
	return ""
}

// noteRefusedIPv6 marks the failures of IPv6 addresses of hosts whose IPv4 address can be connected to.
func noteRefusedIPv6(endpoints []probes.Endpoint) {
	connected := map[string]bool{}
	for _, e := range endpoints {
		if e.Addr.Addr().Is4() && e.Steps[probes.Connect].Outcome == probes.Passed {
			connected[strings.ToLower(e.Host)] = true
		}
	}
	for i := range endpoints {
		e := &endpoints[i]
		step := &e.Steps[probes.Connect]
		if e.Addr.Addr().Is6() && connected[strings.ToLower(e.Host)] && step.Reason.HasVariant(probes.EvidenceIPv6Refused) {
			step.Evidence = probes.EvidenceIPv6Refused
		}
	}
}

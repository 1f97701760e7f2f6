package check

import "m365_connector_exporter/probes/mailflow"

// patternSet is a set of recipient domain patterns: "contoso.com", "*.contoso.com" or "*", normalised.
type patternSet map[string]struct{}

func newPatternSet(patterns []string) patternSet {
	s := make(patternSet, len(patterns))
	s.add(patterns)
	return s
}

// add adds patterns. Those that are not domains match nothing.
func (s patternSet) add(patterns []string) {
	for _, pattern := range patterns {
		if pattern, ok := mailflow.NormaliseDomain(pattern); ok {
			s[pattern] = struct{}{}
		}
	}
}

// matches reports whether a pattern matches a domain. Whether "*.contoso.com" matches contoso.com itself is not
// documented; here it does.
func (s patternSet) matches(domain string) bool {
	domain, _ = mailflow.NormaliseDomain(domain)
	if domain == "" || len(s) == 0 {
		return false
	}
	if _, exact := s[domain]; exact {
		return true
	}
	for pattern := range mailflow.Wildcards(domain) {
		if _, ok := s[pattern]; ok {
			return true
		}
	}
	return false
}

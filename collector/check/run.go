package check

import (
	"cmp"
	"path"
	"slices"
	"strings"
	"time"
)

// Run applies every check of the catalogue to the facts. The findings are ordered by severity (highest first), tenant,
// direction, connector, path and code. Suppressed findings are included and name their suppression.
func Run(facts *Facts) []Finding {
	indexed := *facts
	f := &indexed
	f.index = newIndex(f)
	found := map[Key]Finding{}
	for _, c := range Catalogue() {
		c.Find(f, func(got Finding) {
			got.Code = c.Code
			if got.Severity = f.severityOf(c, got); got.Severity != Off {
				found[got.Key] = merge(found[got.Key], got)
			}
		})
	}
	f.setSince(found)
	suppressConsequences(found)
	all := make([]Finding, 0, len(found))
	for _, one := range found {
		one.Suppressed = f.suppression(one)
		one.summarizeOmitted()
		all = append(all, one)
	}
	slices.SortFunc(all, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(b.Severity, a.Severity), compareKeys(a.Key, b.Key))
	})
	return all
}

// severityOf caps the severity that a check reports. What the configuration sets comes last.
func (f *Facts) severityOf(c Check, got Finding) Severity {
	if f.Severity != nil {
		if set, ok := f.Severity(got.Tenant, c.Code); ok {
			return set
		}
	}
	severity := min(got.Severity, c.Severity)
	if got.Severity == Off {
		severity = c.Severity
	}
	if got.Uncertain != "" {
		severity = min(severity, Warning)
	}
	return severity
}

func compareKeys(a, b Key) int {
	return cmp.Or(cmp.Compare(a.Tenant, b.Tenant), cmp.Compare(a.Direction, b.Direction),
		cmp.Compare(a.Connector, b.Connector), cmp.Compare(a.Path, b.Path), cmp.Compare(a.Code, b.Code))
}

// merge joins two findings of one key: a check may report each endpoint of a path. The result is uncertain only if no
// finding of the highest severity is certain.
func merge(a, b Finding) Finding {
	if a.Code == "" {
		a = Finding{Key: b.Key}
	}
	if b.Severity > a.Severity || b.Severity == a.Severity && b.Uncertain == "" {
		a.Severity, a.Uncertain = b.Severity, b.Uncertain
	}
	a.addEvidence(b.Evidence)
	a = a.addPrivate(b.private)
	a.independentOf = cmp.Or(a.independentOf, b.independentOf)
	return a
}

// setSince sets when each finding was first found.
func (f *Facts) setSince(found map[Key]Finding) {
	for key, one := range found {
		one.Since = f.Now
		if first, ok := f.FirstSeen[key]; ok {
			one.Since = first
		}
		found[key] = one
	}
}

func (f *Facts) suppression(one Finding) *Suppression {
	for i := range f.Suppressions {
		if s := &f.Suppressions[i]; s.covers(one.Key, f.Now) {
			return s
		}
	}
	return nil
}

func (s *Suppression) covers(k Key, now time.Time) bool {
	return now.Before(s.Expires) && (s.Direction == "" || s.Direction == k.Direction) &&
		Glob(s.Check, k.Code) && Glob(s.Tenant, k.Tenant) && Glob(s.Connector, k.Connector) && Glob(s.Path, k.Path)
}

// Glob reports whether a text matches a pattern of path.Match, except that * and ? match a slash too: connectors may
// have one in their name. An empty pattern matches everything, a malformed one nothing.
func Glob(pattern, text string) bool {
	if pattern == "" {
		return true
	}
	flat := func(s string) string { return strings.ReplaceAll(s, "/", "\x00") }
	ok, err := path.Match(flat(pattern), flat(text))
	return err == nil && ok
}

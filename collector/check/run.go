package check

import (
	"cmp"
	"path"
	"slices"
	"strings"
	"time"
)

// Run judges the facts with every check of the catalogue. The findings are in the order severity (highest first), tenant,
// direction, connector, path, code; suppressed ones are among them and say by what.
func Run(facts *Facts) []Finding {
	indexed := *facts
	f := &indexed
	f.index = newIndex(f)
	found := map[Key]Finding{}
	for _, c := range Catalogue() {
		c.Find(f, func(got Finding) {
			got.Code = c.Code
			if got.Severity == Off {
				got.Severity = c.Severity
			}
			got.Severity = min(got.Severity, c.Severity)
			if got.Uncertain != "" {
				got.Severity = min(got.Severity, Warning)
			}
			if set, ok := f.severity(got.Tenant, got.Code); ok {
				got.Severity = set
			}
			if got.Severity != Off {
				found[got.Key] = merge(found[got.Key], got)
			}
		})
	}
	f.date(found)
	suppressConsequences(found)
	all := make([]Finding, 0, len(found))
	for _, one := range found {
		one.Suppressed = f.suppression(one)
		all = append(all, one)
	}
	slices.SortFunc(all, func(a, b Finding) int { return cmp.Or(cmp.Compare(b.Severity, a.Severity), compareKeys(a.Key, b.Key)) })
	return all
}

func compareKeys(a, b Key) int {
	return cmp.Or(cmp.Compare(a.Tenant, b.Tenant), cmp.Compare(a.Direction, b.Direction), cmp.Compare(a.Connector, b.Connector),
		cmp.Compare(a.Path, b.Path), cmp.Compare(a.Code, b.Code))
}

func (f *Facts) severity(tenant, code string) (Severity, bool) {
	if f.Severity == nil {
		return Off, false
	}
	return f.Severity(tenant, code)
}

// merge joins two findings of one key: the same check may report each endpoint. What is certain of the severest is certain.
func merge(a, b Finding) Finding {
	if a.Code == "" {
		a = Finding{Key: b.Key}
	}
	if b.Severity > a.Severity || b.Severity == a.Severity && b.Uncertain == "" {
		a.Severity, a.Uncertain = b.Severity, b.Uncertain
	}
	for _, line := range b.Evidence {
		if len(a.Evidence) < MaxEvidence && !slices.Contains(a.Evidence, line) {
			a.Evidence = append(a.Evidence, line)
		}
	}
	return a
}

// date says since when each finding has stood.
func (f *Facts) date(found map[Key]Finding) {
	for key, one := range found {
		one.Since = f.Now
		if before, ok := f.FirstSeen[key]; ok {
			one.Since = before
		}
		found[key] = one
	}
}

// suppressConsequences takes out the consequences of what was found about the same path, connector or tenant, but for those that stood before
// their cause did, and for those that matter more: a warning silences nothing critical.
func suppressConsequences(found map[Key]Finding) {
	consequences := map[string][]string{}
	for _, c := range Catalogue() {
		consequences[c.Code] = c.Silences
	}
	var causes []Key
	silenced := map[string]bool{} // by code, if at all
	for key := range found {
		if codes := consequences[key.Code]; len(codes) > 0 {
			causes = append(causes, key)
			for _, code := range codes {
				silenced[code] = true
			}
		}
	}
	type place struct{ code, tenant string }
	at := map[place][]Key{} // of many findings, few can be silenced
	for key := range found {
		if !silenced[key.Code] {
			continue
		}
		at[place{key.Code, key.Tenant}] = append(at[place{key.Code, key.Tenant}], key)
		if key.Tenant != "" {
			at[place{key.Code, ""}] = append(at[place{key.Code, ""}], key)
		}
	}
	var gone []Key
	for _, cause := range causes {
		for _, code := range consequences[cause.Code] {
			for _, key := range at[place{code, cause.Tenant}] {
				if key.within(cause.Subject) && !found[key].Since.Before(found[cause].Since) && found[key].Severity <= found[cause].Severity {
					gone = append(gone, key)
				}
			}
		}
	}
	for _, key := range gone {
		delete(found, key)
	}
}

// within tells that s is about the whole, or a part of it.
func (s Subject) within(whole Subject) bool {
	return (whole.Tenant == "" || s.Tenant == whole.Tenant) &&
		(whole.Direction == "" || s.Direction == whole.Direction) &&
		(whole.Connector == "" || s.Connector == whole.Connector) &&
		(whole.Path == "" || s.Path == whole.Path)
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

// Glob matches like path.Match, but * and ? match a slash too: names of connectors have slashes. An empty pattern matches
// everything, a broken one nothing.
func Glob(pattern, text string) bool {
	if pattern == "" {
		return true
	}
	flat := func(s string) string { return strings.ReplaceAll(s, "/", "\x00") }
	ok, err := path.Match(flat(pattern), flat(text))
	return err == nil && ok
}

package config

import (
	"errors"
	"path"
	"time"

	"gopkg.in/yaml.v3"

	"m365_connector_exporter/collector/check"
	"m365_connector_exporter/probes/mailflow"
)

// checks reads severities by check code.
func (r *reader) checks(n *yaml.Node, key string, into map[string]string) {
	known := fields{}
	for _, code := range check.Codes() {
		known[code] = func(n *yaml.Node, k string) { into[code] = r.severity(n, k) }
	}
	r.mapping(n, key, known)
}

// severity reads a severity. Readers of YAML 1.1 take off for false; this one keeps the word, quoted or not.
func (r *reader) severity(n *yaml.Node, key string) string {
	return r.word(n, key, "off", "info", "warning", "critical")
}

func (r *reader) suppressions(n *yaml.Node, key string) []check.Suppression {
	var all []check.Suppression
	r.list(n, key, func(n *yaml.Node, k string) { all = append(all, r.suppression(n, k)) })
	return all
}

func (r *reader) suppression(n *yaml.Node, key string) check.Suppression {
	var s check.Suppression
	seen := map[string]bool{}
	given := func(name string, read func(*yaml.Node, string)) func(*yaml.Node, string) {
		return func(n *yaml.Node, k string) { v, _ := r.enter(n); seen[name] = v.Value != ""; read(n, k) }
	}
	r.mapping(n, key, fields{
		"check":     given("check", func(n *yaml.Node, k string) { s.Check = r.checkGlob(n, k) }),
		"reason":    given("reason", func(n *yaml.Node, k string) { s.Reason = r.text(n, k) }),
		"owner":     given("owner", func(n *yaml.Node, k string) { s.Owner = r.text(n, k) }),
		"expires":   given("expires", func(n *yaml.Node, k string) { s.Expires = r.day(n, k) }),
		"tenant":    func(n *yaml.Node, k string) { s.Tenant = r.glob(n, k) },
		"connector": func(n *yaml.Node, k string) { s.Connector = r.glob(n, k) },
		"path":      func(n *yaml.Node, k string) { s.Path = r.glob(n, k) },
		"direction": func(n *yaml.Node, k string) {
			s.Direction = mailflow.Direction(r.word(n, k, string(mailflow.Outbound), string(mailflow.Inbound)))
		},
	})
	for _, needed := range []struct{ key, example string }{
		{"check", "ip_authentication_only"},
		{"reason", "cannot present a certificate"},
		{"owner", "mail-team"},
		{"expires", "2027-03-31"},
	} {
		if !seen[needed.key] {
			r.fail(n, join(key, needed.key), "a suppression needs it, such as %s", needed.example)
		}
	}
	return s
}

func (r *reader) glob(n *yaml.Node, key string) string {
	pattern := r.text(n, key)
	if _, err := path.Match(pattern, ""); err != nil {
		r.failValue(n, key, errors.New("not a pattern such as contoso-*"))
		return ""
	}
	return pattern
}

// checkGlob reads a code, or a pattern that matches at least one code.
func (r *reader) checkGlob(n *yaml.Node, key string) string {
	pattern := r.glob(n, key)
	all := check.Codes()
	for _, code := range all {
		if check.Glob(pattern, code) {
			return pattern
		}
	}
	r.fail(n, key, "unknown check %q; %s", pattern, hint(pattern, all))
	return ""
}

// day reads a date and returns the first instant after it, UTC. Programs that write YAML print a date as a time, such
// as 2027-03-31T00:00:00Z: its date counts.
func (r *reader) day(n *yaml.Node, key string) time.Time {
	text := r.text(n, key)
	for _, layout := range []string{time.DateOnly, time.RFC3339, time.DateTime} {
		if t, err := time.Parse(layout, text); err == nil {
			return time.Date(t.Year(), t.Month(), t.Day()+1, 0, 0, 0, 0, time.UTC)
		}
	}
	r.failValue(n, key, errors.New("must be a day such as 2027-03-31"))
	return time.Time{}
}

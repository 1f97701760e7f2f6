package text

import (
	"fmt"
	"strings"
	"time"

	"m365_connector_exporter/collector/check"
)

// suppressFor is how long a proposed suppression lasts.
const suppressFor = 90 * 24 * time.Hour

// Suppression returns an entry of the configuration's list of suppressions, in YAML, that covers the finding with this
// key. Its reason and its owner are left to the reader: the configuration does not load without them.
func Suppression(k check.Key, now time.Time) string {
	var b strings.Builder
	fmt.Fprintf(&b, "- check: %s\n", k.Code)
	for _, f := range []struct{ key, value string }{
		{"tenant", k.Tenant}, {"direction", string(k.Direction)}, {"connector", k.Connector}, {"path", k.Path},
	} {
		if f.value != "" {
			fmt.Fprintf(&b, "  %s: %s\n", f.key, quoteYAML(quotePattern(f.value)))
		}
	}
	fmt.Fprintf(&b, "  reason: \"\"\n  owner: \"\"\n  expires: %s\n", now.Add(suppressFor).UTC().Format(time.DateOnly))
	return b.String()
}

// quotePattern returns the pattern that matches a name alone.
func quotePattern(name string) string {
	return strings.NewReplacer(`\`, `\\`, "*", `\*`, "?", `\?`, "[", `\[`).Replace(name)
}

// quoteYAML returns a double-quoted scalar. YAML 1.2 knows the escapes that Go writes (section 5.7).
func quoteYAML(s string) string { return fmt.Sprintf("%+q", s) }

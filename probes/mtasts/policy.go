package mtasts

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"m365_connector_exporter/probes"
)

// Mode is the mode of a policy.
type Mode string

// Modes. The first three are those of RFC 8461, section 5.
const (
	Enforce Mode = "enforce" // deliver only to servers that the policy lists and that have a valid certificate
	Testing Mode = "testing" // deliver in any case, but report failures
	None    Mode = "none"    // deliver as if there were no policy
	Invalid Mode = "invalid" // the record or the policy cannot be used: deliver as if there were no policy
	Absent  Mode = "absent"  // there is no record
)

const (
	maxPolicyBytes = 64 << 10                 // section 3.3 suggests 64 kB
	maxAge         = 31_557_600 * time.Second // one year, section 3.2
	maxPatterns    = 1000                     // no limit of the RFC; usual policies have a dozen at most
	maxShown       = 100                      // bytes of a value in an error
)

// Policy is a policy file (RFC 8461, section 3.2).
type Policy struct {
	Mode   Mode
	MX     []string // names, or names that begin with "*."
	MaxAge time.Duration
}

// ParsePolicy parses a policy file. It ignores unknown keys, and all but the first value of a key other than mx.
func ParsePolicy(text []byte) (*Policy, error) {
	if len(text) > maxPolicyBytes {
		return nil, fmt.Errorf("the policy has more than %d bytes", maxPolicyBytes)
	}
	values, mx, err := fields(string(text))
	if err != nil {
		return nil, err
	}
	if v := values["version"]; v != "STSv1" {
		return nil, fmt.Errorf("version %q, want STSv1", shown(v))
	}
	p := &Policy{Mode: Mode(values["mode"])}
	switch p.Mode {
	case Enforce, Testing, None:
	default:
		return nil, fmt.Errorf("mode %q, want enforce, testing or none", shown(values["mode"]))
	}
	seconds, err := strconv.ParseUint(values["max_age"], 10, 32)
	if err != nil {
		return nil, fmt.Errorf("max_age %q, want seconds", shown(values["max_age"]))
	}
	p.MaxAge = min(time.Duration(seconds)*time.Second, maxAge)
	if len(mx) > maxPatterns {
		return nil, fmt.Errorf("the policy lists %d mx; at most %d are read", len(mx), maxPatterns)
	}
	for _, pattern := range mx {
		if !mxPattern.MatchString(pattern) {
			return nil, fmt.Errorf("mx %q, want a host name or *.DOMAIN", shown(pattern))
		}
		p.MX = append(p.MX, strings.ToLower(pattern))
	}
	if len(p.MX) == 0 && p.Mode != None {
		return nil, errors.New("the policy lists no mx")
	}
	return p, nil
}

// mxPattern matches the mx of section 3.2: a domain, or "*." and a domain.
var mxPattern = regexp.MustCompile(`^(?:\*\.)?` + label + `(?:\.` + label + `)*$`)

const label = `[A-Za-z0-9_](?:[A-Za-z0-9_-]*[A-Za-z0-9_])?`

// fields returns the first value of each key other than mx, and all values of mx.
func fields(text string) (values map[string]string, mx []string, err error) {
	values = map[string]string{}
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, " \t\r\n")
		if line == "" {
			continue
		}
		key, value, ok := strings.Cut(line, ":")
		if !ok {
			return nil, nil, fmt.Errorf("line %q, want KEY: VALUE", shown(line))
		}
		key, value = strings.TrimSpace(key), strings.TrimSpace(value)
		if _, seen := values[key]; key == "mx" {
			mx = append(mx, value)
		} else if !seen {
			values[key] = value
		}
	}
	return values, mx, nil
}

// Matches reports whether the policy lists an MX host (section 4.1). A wildcard covers exactly one label.
func (p *Policy) Matches(host string) bool {
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	_, parent, _ := strings.Cut(host, ".")
	for _, pattern := range p.MX {
		domain, wildcard := strings.CutPrefix(pattern, "*.")
		if wildcard && parent == domain || !wildcard && host == pattern {
			return true
		}
	}
	return false
}

// recordID matches the id of a record (section 3.1).
var recordID = regexp.MustCompile(`^[A-Za-z0-9]{1,32}$`)

// ParseRecord returns the id of the MTA-STS record among the TXT records of _mta-sts.DOMAIN. found is false if no
// record begins with v=STSv1. Several of them are an error: the domain then has no policy.
func ParseRecord(records []string) (id string, found bool, err error) {
	var record string
	for _, r := range records {
		if version, _, _ := strings.Cut(r, ";"); strings.TrimSpace(version) != "v=STSv1" {
			continue
		}
		if found {
			return "", true, errors.New("several records begin with v=STSv1")
		}
		record, found = r, true
	}
	if !found {
		return "", false, nil
	}
	for field := range strings.SplitSeq(record, ";") {
		if key, value, _ := strings.Cut(strings.TrimSpace(field), "="); key == "id" {
			if !recordID.MatchString(value) {
				return "", true, fmt.Errorf("id %q, want up to 32 letters and digits", shown(value))
			}
			return value, true, nil
		}
	}
	return "", true, errors.New("the record has no id")
}

func shown(value string) string { return probes.Sanitise(value, maxShown) }

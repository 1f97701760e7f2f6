package probes

import (
	"errors"
	"net/url"
	"strings"
)

// ErrBadTarget is the error for a target that does not have the form PART[/PART…] with percent-encoded parts.
var ErrBadTarget = errors.New("target must be TENANT[/DIRECTION][/CONNECTOR[/PATH]], each part percent-encoded")

// ParseTarget returns the one to four decoded parts of a target. Only the last of three or more may be empty: the path
// of a connector without a next hop. The error is ErrBadTarget.
func ParseTarget(target string) ([]string, error) {
	parts := strings.Split(target, "/")
	if len(parts) > 4 {
		return nil, ErrBadTarget
	}
	for i, p := range parts {
		text, err := url.PathUnescape(p)
		if err != nil || text == "" && (i < 2 || i < len(parts)-1) {
			return nil, ErrBadTarget
		}
		parts[i] = text
	}
	return parts, nil
}

// Match returns the ids that a target selects: those of a tenant, of a connector or of one path. A target may omit the
// direction. Case is ignored. The error is ErrBadTarget.
func Match(target string, ids []PathID) ([]PathID, error) {
	parts, err := ParseTarget(target)
	if err != nil {
		return nil, err
	}
	var found []PathID
	for _, id := range ids {
		if id.matches(parts) {
			found = append(found, id)
		}
	}
	return found, nil
}

func (id PathID) matches(parts []string) bool {
	full := []string{id.Tenant, string(id.Direction), id.Connector, id.Path}
	short := []string{id.Tenant, id.Connector, id.Path}
	return hasPrefix(full, parts) || len(parts) <= 3 && hasPrefix(short, parts)
}

// NamesConnector reports whether a target that selects a path includes its connector, not only its tenant.
func NamesConnector(target string, id PathID) bool {
	parts, err := ParseTarget(target)
	if err != nil {
		return false
	}
	full := []string{id.Tenant, string(id.Direction), id.Connector, id.Path}
	short := []string{id.Tenant, id.Connector, id.Path}
	return len(parts) >= 3 && hasPrefix(full, parts) || len(parts) >= 2 && hasPrefix(short, parts)
}

func hasPrefix(all, first []string) bool {
	if len(first) > len(all) {
		return false
	}
	for i, part := range first {
		if !strings.EqualFold(all[i], part) {
			return false
		}
	}
	return true
}

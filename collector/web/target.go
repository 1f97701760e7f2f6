package web

import (
	"errors"
	"fmt"
	"strings"

	"m365_connector_exporter/collector"
	"m365_connector_exporter/collector/text"
	"m365_connector_exporter/probes"
	"m365_connector_exporter/probes/mailflow"
)

var (
	errTarget = errors.New("target must be TENANT/DIRECTION/CONNECTOR/PATH, each part percent-encoded; DIRECTION may be " +
		"omitted if that is unambiguous")
	errUnknown = errors.New("no such path is configured; /sd lists all targets")
)

// errAmbiguous has the targets of all paths that match a target.
type errAmbiguous []string

func (e errAmbiguous) Error() string {
	return fmt.Sprintf("the target matches %d paths; specify one: %s", len(e), text.List(e, 5))
}

// locate finds the one path that a target names. Names match in any case, but an exact match wins.
func (s *Site) locate(target string) (*collector.PathState, error) {
	parts, err := probes.ParseTarget(target)
	if err != nil || len(parts) < 3 { // a tenant or a connector is not a path
		return nil, fmt.Errorf("%q: %w", short(target), errTarget)
	}
	found := s.exactMatches(parts)
	if len(found) == 0 {
		found = foldedMatches(parts, s.Snapshot().Paths)
	}
	switch len(found) {
	case 0:
		return nil, fmt.Errorf("%q: %w", short(target), errUnknown)
	case 1:
		return found[0], nil
	}
	var names errAmbiguous
	for _, p := range found {
		names = append(names, p.Path.ID.String())
	}
	return nil, names
}

// exactMatches looks up the target in exactly this case. It spares nearly every request a scan of thousands of paths.
func (s *Site) exactMatches(parts []string) (found []*collector.PathState) {
	last := len(parts) - 1
	directions := []mailflow.Direction{mailflow.Outbound, mailflow.Inbound}
	if last == 3 {
		directions = []mailflow.Direction{mailflow.Direction(parts[1])}
	}
	for _, d := range directions {
		id := probes.PathID{Tenant: parts[0], Direction: d, Connector: parts[last-1], Path: parts[last]}
		if p := s.Find(id); p != nil {
			found = append(found, p)
		}
	}
	return found
}

// foldedMatches finds the paths that match a target in any case.
func foldedMatches(parts []string, paths []*collector.PathState) (found []*collector.PathState) {
	last := len(parts) - 1
	for _, p := range paths {
		id := p.Path.ID
		named := strings.EqualFold(id.Path, parts[last]) && strings.EqualFold(id.Connector, parts[last-1]) &&
			strings.EqualFold(id.Tenant, parts[0])
		if named && (last == 2 || strings.EqualFold(string(id.Direction), parts[1])) {
			found = append(found, p)
		}
	}
	return found
}

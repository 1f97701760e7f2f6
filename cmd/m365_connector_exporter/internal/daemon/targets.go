package daemon

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"m365_connector_exporter/probes"
)

// selectPaths returns the paths that targets select; without targets, all that are probed. Skipped lists, in words,
// those that cannot be probed, and those whose connector is off and not named itself. It is an error if a target
// selects nothing else.
func selectPaths(targets []string, planned []probes.Path) (selected []probes.Path, skipped []string, err error) {
	s := selection{byID: map[probes.PathID]probes.Path{}, taken: map[probes.PathID]bool{}}
	for _, p := range planned {
		s.ids = append(s.ids, p.ID)
		s.byID[p.ID] = p
	}
	for _, target := range targets {
		if err := s.add(target); err != nil {
			return nil, nil, err
		}
	}
	if len(targets) == 0 {
		for _, id := range s.ids {
			s.take(id, false)
		}
		if len(s.selected) == 0 {
			return nil, nil, errors.New("the configuration has no path to probe")
		}
	}
	return s.selected, s.skippedLines(), nil
}

// selection is what the targets so far select.
type selection struct {
	ids      []probes.PathID
	byID     map[probes.PathID]probes.Path
	taken    map[probes.PathID]bool // false: skipped so far
	selected []probes.Path
	skipped  []probes.PathID
}

func (s *selection) add(target string) error {
	found, err := probes.Match(target, s.ids)
	if err != nil {
		return fmt.Errorf("%q: %w", target, err)
	}
	if len(found) == 0 {
		return fmt.Errorf("%q: no such tenant, connector or path; there is %s", target, candidates(target, s.ids))
	}
	probeable := false
	for _, id := range found {
		s.take(id, probes.NamesConnector(target, id))
		probeable = probeable || s.byID[id].NotProbeable == ""
	}
	if !probeable {
		return fmt.Errorf("%q: %s", target, s.whyNot(found[0]))
	}
	return nil
}

// take selects or skips a path. A connector that is off is probed only if it is named itself: so one validates it
// before turning it on.
func (s *selection) take(id probes.PathID, named bool) {
	p := s.byID[id]
	if p.NotProbeable != "" || p.NotProbed != "" && !named {
		if _, seen := s.taken[id]; !seen {
			s.skipped = append(s.skipped, id)
			s.taken[id] = false
		}
		return
	}
	if !s.taken[id] {
		s.selected = append(s.selected, p)
	}
	s.taken[id] = true
}

// whyNot words why a path is skipped.
func (s *selection) whyNot(id probes.PathID) string {
	p := s.byID[id]
	if p.NotProbeable != "" {
		return id.DisplayName() + " cannot be probed: " + p.NotProbeable
	}
	connector := id
	connector.Path = ""
	return fmt.Sprintf("%s is not probed: %s; name the connector to probe it: %s", id.DisplayName(), p.NotProbed,
		strings.TrimSuffix(connector.String(), "/"))
}

// maxSkipped bounds how many skipped paths are listed.
const maxSkipped = 50

func (s *selection) skippedLines() []string {
	skipped := slices.DeleteFunc(slices.Clone(s.skipped), func(id probes.PathID) bool { return s.taken[id] })
	var lines []string
	for _, id := range skipped[:min(len(skipped), maxSkipped)] {
		lines = append(lines, s.whyNot(id))
	}
	if more := len(skipped) - maxSkipped; more > 0 {
		lines = append(lines, fmt.Sprintf("and %d more paths are not probed", more))
	}
	return lines
}

// maxCandidates bounds how many names an error message lists.
const maxCandidates = 10

// candidates lists what a target that does not exist may have meant, as targets: the connectors of its tenant, or else
// the tenants.
func candidates(target string, ids []probes.PathID) string {
	named, _, _ := strings.Cut(target, "/")
	var tenants, connectors []string
	for _, id := range ids {
		tenant := url.PathEscape(id.Tenant)
		tenants = append(tenants, tenant)
		if strings.EqualFold(named, tenant) || strings.EqualFold(named, id.Tenant) {
			id.Path = ""
			connectors = append(connectors, strings.TrimSuffix(id.String(), "/"))
		}
	}
	names := connectors
	if len(names) == 0 {
		names = tenants
	}
	slices.Sort(names)
	names = slices.Compact(names)
	if len(names) == 0 {
		return "no path at all"
	}
	more := ""
	if n := len(names) - maxCandidates; n > 0 {
		names, more = names[:maxCandidates], fmt.Sprintf(" and %d more", n)
	}
	return strings.Join(names, ", ") + more
}

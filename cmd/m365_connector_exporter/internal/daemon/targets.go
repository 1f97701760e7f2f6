package daemon

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"m365_connector_exporter/probes"
)

// selectPaths returns the paths that targets select; without targets, all that are probed. Skipped lists which of them
// cannot be probed. It is an error if a target selects nothing else.
func selectPaths(targets []string, planned []probes.Path) (selected []probes.Path, skipped []string, err error) {
	if len(targets) == 0 {
		selected = slices.DeleteFunc(slices.Clone(planned), func(p probes.Path) bool {
			return p.NotProbed != "" || p.NotProbeable != ""
		})
		if len(selected) == 0 {
			return nil, nil, errors.New("the configuration has no path to probe")
		}
		return selected, nil, nil
	}
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
	return s.selected, s.skipped, nil
}

// selection is what the targets so far select.
type selection struct {
	ids      []probes.PathID
	byID     map[probes.PathID]probes.Path
	taken    map[probes.PathID]bool
	selected []probes.Path
	skipped  []string
}

func (s *selection) add(target string) error {
	found, err := probes.Match(target, s.ids)
	if err != nil {
		return fmt.Errorf("%q: %w", target, err)
	}
	if len(found) == 0 {
		return fmt.Errorf("%q: no such tenant, connector or path; there is %s", target, candidates(target, s.ids))
	}
	probeable := 0
	for _, id := range found {
		p := s.byID[id]
		if p.NotProbeable == "" {
			probeable++
		}
		switch {
		case s.taken[id]:
		case p.NotProbeable != "":
			s.skipped = append(s.skipped, fmt.Sprintf("%s cannot be probed: %s", id, p.NotProbeable))
		default:
			s.selected = append(s.selected, p)
		}
		s.taken[id] = true
	}
	if probeable == 0 {
		return fmt.Errorf("%s cannot be probed: %s", found[0], s.byID[found[0]].NotProbeable)
	}
	return nil
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

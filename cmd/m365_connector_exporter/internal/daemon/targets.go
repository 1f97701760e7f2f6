package daemon

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"m365_connector_exporter/collector/text"
	"m365_connector_exporter/probes"
	"m365_connector_exporter/probes/spelling"
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
		return fmt.Errorf("%q: no such tenant, connector or path; %s", target, alternatives(target, s.ids))
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

// alternatives words what a target that does not exist may have meant, as targets: the nearest, or else all paths of
// its connector, all connectors of its tenant, or all tenants.
func alternatives(target string, ids []probes.PathID) string {
	parts, _ := probes.ParseTarget(target) // add has parsed it
	siblings, depth := ids, 0              // what the first parts of the target select, and how many of them do
	for n := range len(parts) {
		found, err := probes.Match(joined(parts[:n+1]), ids)
		if err != nil || len(found) == 0 {
			break
		}
		siblings, depth = found, n+1
	}
	named := depth > 0 && probes.NamesConnector(joined(parts[:depth]), siblings[0])
	var known []candidate
	for _, id := range siblings {
		switch {
		case named:
			known = append(known, candidate{id.Path, id.String()})
		case depth > 0:
			id.Path = ""
			known = append(known, candidate{id.Connector, strings.TrimSuffix(id.String(), "/")})
		default:
			known = append(known, candidate{id.Tenant, url.PathEscape(id.Tenant)})
		}
	}
	return suggestion(parts[depth], known)
}

// joined returns the target of some parts.
func joined(parts []string) string {
	escaped := make([]string, len(parts))
	for i, part := range parts {
		escaped[i] = url.PathEscape(part)
	}
	return strings.Join(escaped, "/")
}

// candidate is a name that may have been meant, and how to write it.
type candidate struct{ name, written string }

// suggestion words which of some names was meant: the nearest, or else all of them.
func suggestion(got string, known []candidate) string {
	var names, written []string
	for _, c := range known {
		names, written = append(names, c.name), append(written, c.written)
	}
	if near := spelling.Nearest(got, slices.Compact(slices.Clone(names))); near != "" {
		return fmt.Sprintf("did you mean %s?", written[slices.Index(names, near)])
	}
	if len(written) == 0 {
		return "none is configured"
	}
	slices.Sort(written)
	return "known: " + text.List(slices.Compact(written), maxCandidates)
}

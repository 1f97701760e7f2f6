package web

import (
	"net/url"
	"slices"
	"time"

	"m365_connector_exporter/collector"
	"m365_connector_exporter/collector/check"
	"m365_connector_exporter/probes"
)

// problem is one cause: the paths that do not pass for the same reason at the same endpoint.
type problem struct {
	pathRow // of the first of them
	Count   int
	Tenants int       // how many tenants they belong to
	Paths   []pathRow // the first of them, if there is more than one
	Finding *finding  // about the only path, with the same cause
	Host    string    // at which they do not pass; "" if it is unknown
}

// Query returns the query string of the paths with this state through this host.
func (p problem) Query() string {
	return "?" + url.Values{"q": {p.Host}, "state": {string(p.State)}}.Encode()
}

// More counts the paths that are not listed.
func (p problem) More() int { return p.Count - len(p.Paths) }

// maxPathsPerProblem is how many paths with one cause are listed.
const maxPathsPerProblem = 6

// problemKey is what paths with one cause have in common.
type problemKey struct {
	state    collector.Status
	endpoint collector.EndpointKey
	stage    probes.Stage
	reason   probes.Reason
	tenant   string // of a path whose endpoint is unknown
}

// problemList is the first causes, those of failures first, and which subjects have a place in it.
type problemList struct {
	Problems []problem
	More     int // paths whose cause is not listed
	index    map[check.Subject]int
}

// listProblems groups the paths that do not pass by cause. The cause with most paths is first.
func listProblems(paths []*collector.PathState, limit int, now time.Time) problemList {
	var order []problemKey
	causes := map[problemKey][]*collector.PathState{}
	for _, p := range paths {
		key, ok := problemOf(p)
		if !ok {
			continue
		}
		if causes[key] == nil {
			order = append(order, key)
		}
		causes[key] = append(causes[key], p)
	}
	slices.SortStableFunc(order, func(a, b problemKey) int {
		if a.state != b.state {
			return slices.Index(collector.Statuses[:], a.state) - slices.Index(collector.Statuses[:], b.state)
		}
		return len(causes[b]) - len(causes[a])
	})
	list := problemList{index: map[check.Subject]int{}}
	for i, key := range order {
		if i >= limit {
			list.More += len(causes[key])
			continue
		}
		list.add(key.endpoint.Host, causes[key], now)
	}
	return list
}

func (l *problemList) add(host string, paths []*collector.PathState, now time.Time) {
	one := problem{pathRow: newPathRow(paths[0], now), Count: len(paths), Host: host}
	tenants := map[string]bool{}
	for n, p := range paths {
		tenants[p.Path.ID.Tenant] = true
		l.index[check.Subject(p.Path.ID)] = len(l.Problems)
		if len(paths) > 1 && n < maxPathsPerProblem {
			one.Paths = append(one.Paths, newPathRow(p, now))
		}
	}
	one.Tenants = len(tenants)
	l.Problems = append(l.Problems, one)
}

// problemOf returns the cause of a path that does not pass.
func problemOf(p *collector.PathState) (problemKey, bool) {
	key := problemKey{state: p.Status()}
	var e probes.Endpoint
	var step probes.Step
	found := false
	switch key.state {
	case collector.StatusFailed:
		if p.Conclusive != nil {
			e, key.stage, step, found = p.Conclusive.Failure()
		}
	case collector.StatusInconclusive:
		e, key.stage, step, found = firstInconclusive(p)
	default:
		return key, false
	}
	key.endpoint, key.reason = collector.KeyOf(e), step.Reason
	if !found || key.endpoint.Host == "" {
		key.tenant = p.Path.ID.String()
	}
	return key, true
}

// attach gives a finding to the problem with the same cause, and reports whether there is one.
func (l *problemList) attach(one check.Finding, now time.Time) bool {
	i, ok := l.index[one.Subject]
	if !ok || l.Problems[i].State != collector.StatusFailed || string(l.Problems[i].Reason) != one.Code {
		return false
	}
	if l.Problems[i].Count == 1 {
		attached := newFinding(one, now)
		l.Problems[i].Finding = &attached
	}
	return true
}

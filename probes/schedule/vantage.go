package schedule

import (
	"slices"

	"m365_connector_exporter/probes"
)

// vantageHosts is the number of different hosts that must have been tried before the network of this host is suspected.
const vantageHosts = 3

// vantage detects that the network of this host blocks connections: no path connected in its last round, and at least
// vantageHosts hosts were tried. Failures to connect then prove nothing about the servers. It is not safe for
// concurrent use.
type vantage struct {
	connected int            // number of paths that connected
	hosts     map[string]int // host → number of paths that tried it
}

// connectState is what the last round of one path contributes to a vantage. The zero value contributes nothing.
type connectState struct {
	connected bool
	hosts     []string
}

func newVantage() *vantage { return &vantage{hosts: map[string]int{}} }

// Observe replaces the state of a path with that of its last round.
func (v *vantage) Observe(s *connectState, r probes.Result) {
	var newest connectState
	for _, e := range r.Endpoints {
		passed := e.Steps[probes.Connect].Outcome == probes.Passed
		if !passed && !blockable(e) {
			continue
		}
		newest.connected = newest.connected || passed
		if !slices.Contains(newest.hosts, e.Host) {
			newest.hosts = append(newest.hosts, e.Host)
		}
	}
	v.Forget(s)
	*s = newest
	if newest.connected {
		v.connected++
	}
	for _, h := range newest.hosts {
		v.hosts[h]++
	}
}

// Forget removes the state of a path that is no longer probed.
func (v *vantage) Forget(s *connectState) {
	old := *s
	*s = connectState{}
	if old.connected {
		v.connected--
	}
	for _, h := range old.hosts {
		if v.hosts[h]--; v.hosts[h] == 0 {
			delete(v.hosts, h)
		}
	}
}

// Blocked reports whether the network of this host seems to block connections.
func (v *vantage) Blocked() bool { return v.connected == 0 && len(v.hosts) >= vantageHosts }

// Judge returns a result in which failures to connect are inconclusive while the vantage is blocked. It does not change
// the given result.
func (v *vantage) Judge(r probes.Result) probes.Result {
	if !v.Blocked() {
		return r
	}
	r.Endpoints = slices.Clone(r.Endpoints)
	for i := range r.Endpoints {
		if e := &r.Endpoints[i]; blockable(*e) {
			step := &e.Steps[probes.Connect]
			step.Outcome, step.Reason = probes.Inconclusive, probes.ReasonVantageBlocked
		}
	}
	return r
}

// blockable reports whether an endpoint failed to connect in a way that a firewall of this host's network can cause.
func blockable(e probes.Endpoint) bool {
	step := e.Steps[probes.Connect]
	if step.Outcome != probes.Failed {
		return false
	}
	switch step.Reason {
	case probes.ReasonConnectTimeout, probes.ReasonConnectUnreachable,
		probes.ReasonConnectRefused, probes.ReasonConnectReset:
		return true
	default:
		return false
	}
}

package schedule

import (
	"slices"

	"m365_connector_exporter/probes"
)

// vantageHosts is how many different hosts must have been tried before this host's own network is suspected.
const vantageHosts = 3

// vantage detects that this host's own network is the cause: no path connected in its newest round, and at least three
// hosts were tried. Failures to connect then prove nothing about the servers. It is not safe for concurrent use.
type vantage struct {
	connected int            // paths that passed connect
	hosts     map[string]int // host → paths that tried it
}

// connectState is what the newest round of one path showed about connecting. The zero value is a path without a round.
type connectState struct {
	connected bool
	hosts     []string
}

func newVantage() *vantage { return &vantage{hosts: map[string]int{}} }

// Observe replaces a path's state by that of its newest round. A round without a connection attempt leaves no state.
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

// Blocked reports whether this host's network seems to be the cause.
func (v *vantage) Blocked() bool { return v.connected == 0 && len(v.hosts) >= vantageHosts }

// Judge returns a round as it counts: while blocked, failures to connect become inconclusive and keep their details.
// It does not change the given round.
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

// blockable reports whether an endpoint failed to connect in a way that a firewall near this host can cause.
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

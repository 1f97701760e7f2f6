package schedule

import (
	"slices"

	"m365_connector_exporter/probes"
)

// vantageHosts is how many different hosts must have been tried before the prober suspects its own place in the network.
const vantageHosts = 3

// Vantage judges this host's place in the network: while no path passes connect in its newest round and three hosts or more
// have been tried, failures to connect prove nothing about the servers. It is pure and not safe for concurrent use.
type Vantage struct {
	connected int            // paths that passed connect
	hosts     map[string]int // how many paths tried the host
}

// connectState is what the newest round of a path says about connecting. Its zero value says nothing. Whoever has the path keeps it.
type connectState struct {
	connected bool
	hosts     []string
}

// NewVantage makes a Vantage that has seen nothing.
func NewVantage() *Vantage {
	return &Vantage{hosts: map[string]int{}}
}

// Observe takes a finished round as its path's newest, of which s is what was known before and becomes what is known now. A round that
// tried no connection says nothing.
func (v *Vantage) Observe(s *connectState, r probes.Result) {
	var seen connectState
	for _, e := range r.Endpoints {
		passed := e.Steps[probes.Connect].Outcome == probes.Passed
		if !passed && !blockable(e) {
			continue
		}
		seen.connected = seen.connected || passed
		if !slices.Contains(seen.hosts, e.Host) {
			seen.hosts = append(seen.hosts, e.Host)
		}
	}
	v.Forget(s)
	*s = seen
	if seen.connected {
		v.connected++
	}
	for _, h := range seen.hosts {
		v.hosts[h]++
	}
}

// Forget drops a path that is probed no more.
func (v *Vantage) Forget(s *connectState) {
	seen := *s
	*s = connectState{}
	if seen.connected {
		v.connected--
	}
	for _, h := range seen.hosts {
		if v.hosts[h]--; v.hosts[h] == 0 {
			delete(v.hosts, h)
		}
	}
}

// Blocked reports whether this place in the network seems to be the cause.
func (v *Vantage) Blocked() bool { return v.connected == 0 && len(v.hosts) >= vantageHosts }

// Judge returns the round as it counts: while blocked, failures to connect are inconclusive, with their details kept. The given
// round is not changed.
func (v *Vantage) Judge(r probes.Result) probes.Result {
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

// blockable reports a failure to connect that a firewall near the prober could have caused.
func blockable(e probes.Endpoint) bool {
	step := e.Steps[probes.Connect]
	if step.Outcome != probes.Failed {
		return false
	}
	switch step.Reason {
	case probes.ReasonConnectTimeout, probes.ReasonConnectUnreachable, probes.ReasonConnectRefused, probes.ReasonConnectReset:
		return true
	default:
		return false
	}
}

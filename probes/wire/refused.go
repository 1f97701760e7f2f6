package wire

import (
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"time"

	"m365_connector_exporter/probes"
)

// refusedMessages remembers of each path the last test message where it failed: there is one an hour or so, and the rounds between
// would tell of a healthy path. It is forgotten when a message is accepted, when none has been sent for long after the next was due, as of
// a path that is configured no more, and with the process.
type refusedMessages struct {
	mu sync.Mutex
	of map[probes.PathID]refusedMessage
}

type refusedMessage struct {
	by          netip.AddrPort
	sent, stale time.Time
	step        probes.Step
}

func newRefusedMessages() *refusedMessages {
	return &refusedMessages{of: map[probes.PathID]refusedMessage{}}
}

// note takes down how a message went; nil is accepted. One that proved nothing changes nothing.
func (m *refusedMessages) note(p *probes.Path, by netip.AddrPort, sent time.Time, how *probes.Step) {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch {
	case how == nil:
		delete(m.of, p.ID)
	case how.Outcome == probes.Failed:
		for id, old := range m.of {
			if old.stale.Before(sent) {
				delete(m.of, id)
			}
		}
		// Twice what lies between two messages at most: one is due, and a round must come.
		m.of[p.ID] = refusedMessage{by, sent, sent.Add(2 * (p.Settings.MessageMinInterval + p.Settings.Interval)), *how}
	}
}

// again is the step of an address whose last message failed; nil where there is none. due is when the next one goes.
func (m *refusedMessages) again(path probes.PathID, by netip.AddrPort, due string) *probes.Step {
	m.mu.Lock()
	defer m.mu.Unlock()
	last, ok := m.of[path]
	if !ok || last.by != by {
		return nil
	}
	step := last.step
	step.Detail = probes.Sanitise(fmt.Sprintf("of %s, the next message is due at %s: %s", last.sent.UTC().Format(time.RFC3339), due, step.Detail), maxDetail)
	return &step
}

// turn begins a round: the turn is that of the address that refused, where it is one of these.
func (m *refusedMessages) turn(p *probes.Path, endpoints []probes.Endpoint) *messageTurn {
	t := &messageTurn{}
	if p.Settings.Until < probes.Message {
		return t
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if last, ok := m.of[p.ID]; ok && slices.ContainsFunc(endpoints, func(e probes.Endpoint) bool { return e.Addr == last.by }) {
		t.refused = last.by
	}
	return t
}

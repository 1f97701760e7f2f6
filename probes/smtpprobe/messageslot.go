package smtpprobe

import (
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"time"

	"m365_connector_exporter/probes"
)

// messageSlot lets one endpoint of a round send the test message: the first whose recipients were accepted. After a
// refusal it is reserved for the address that refused, while DNS still names it: another address cannot prove that
// the refusal is over.
type messageSlot struct {
	mu          sync.Mutex
	reservedFor netip.AddrPort
	holder      netip.AddrPort
}

// claim takes the slot for an address, or returns who has it.
func (s *messageSlot) claim(addr netip.AddrPort) (holder netip.AddrPort, mine bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.holder.IsValid():
		return s.holder, false
	case s.reservedFor.IsValid() && s.reservedFor != addr:
		return s.reservedFor, false
	}
	s.holder = addr
	return addr, true
}

// messageRefusals remembers for each path the last test message if it was refused: a message is sent once an hour or
// so, and the rounds between would report a healthy path. A refusal is forgotten when a message is accepted, when the
// path sends none for long after the next was due (it is not configured any more), and with the process. It is safe
// for concurrent use.
type messageRefusals struct {
	mu     sync.Mutex
	byPath map[probes.PathID]messageRefusal
}

type messageRefusal struct {
	by            netip.AddrPort
	sent, expires time.Time
	step          probes.Step
}

func newMessageRefusals() *messageRefusals {
	return &messageRefusals{byPath: map[probes.PathID]messageRefusal{}}
}

// record notes how a message ended; a nil problem means that it was accepted. An inconclusive one changes nothing.
func (m *messageRefusals) record(p *probes.Path, by netip.AddrPort, sent time.Time, problem *probes.Step) {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch {
	case problem == nil:
		delete(m.byPath, p.ID)
	case problem.Outcome == probes.Failed:
		for id, old := range m.byPath {
			if old.expires.Before(sent) {
				delete(m.byPath, id)
			}
		}
		// Twice the longest time between two messages: one is due, and then a round must come.
		expires := sent.Add(2 * (p.Settings.MessageMinInterval + p.Settings.Interval))
		m.byPath[p.ID] = messageRefusal{by, sent, expires, *problem}
	}
}

// last returns the step of the last message if this address refused it, else nil. due is when the next one is sent.
func (m *messageRefusals) last(path probes.PathID, by netip.AddrPort, due string) *probes.Step {
	m.mu.Lock()
	defer m.mu.Unlock()
	last, ok := m.byPath[path]
	if !ok || last.by != by {
		return nil
	}
	step := last.step
	sent := last.sent.UTC().Format(time.RFC3339)
	detail := fmt.Sprintf("of %s, the next message is due at %s: %s", sent, due, step.Detail)
	step.Detail = probes.Sanitise(detail, probes.MaxDetail)
	return &step
}

// newSlot returns the slot of one round.
func (m *messageRefusals) newSlot(p *probes.Path, endpoints []probes.Endpoint) *messageSlot {
	slot := &messageSlot{}
	if p.Settings.Until < probes.Message {
		return slot
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	last, ok := m.byPath[p.ID]
	if ok && slices.ContainsFunc(endpoints, func(e probes.Endpoint) bool { return e.Addr == last.by }) {
		slot.reservedFor = last.by
	}
	return slot
}

package smtpprobe

import (
	"fmt"
	"net/netip"
	"sync"
	"time"

	"m365_connector_exporter/probes"
)

// messageSlot lets one endpoint of a round send the test message: the first one that accepts the recipients. After a
// refusal it is reserved for the address that refused, as long as DNS returns that address: no other address can prove
// that the refusal is over.
type messageSlot struct {
	mu          sync.Mutex
	reservedFor netip.AddrPort
	holder      netip.AddrPort
}

// claim takes the slot for an address, or returns the address that has it.
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

// sentMessages remembers the outcome of the last test message to each address of a path: a message is sent about once
// an hour, and the rounds in between repeat its outcome. A refusal is forgotten when another message of the path is
// accepted or refused. An outcome expires when the path sends no message long after the next one was due, because the
// path is no longer configured. It is safe for concurrent use.
type sentMessages struct {
	mu        sync.Mutex
	byAddress map[sentTo]sentMessage
}

type sentTo struct {
	path probes.PathID
	addr netip.AddrPort
}

type sentMessage struct {
	sent, expires time.Time
	step          probes.Step
}

func newSentMessages() *sentMessages {
	return &sentMessages{byAddress: map[sentTo]sentMessage{}}
}

// record notes the outcome of a message; a nil problem means that it was accepted. An inconclusive one changes nothing.
func (m *sentMessages) record(p *probes.Path, to netip.AddrPort, sent time.Time, problem *probes.Step) {
	if problem == nil {
		problem = passed("")
	}
	if problem.Outcome != probes.Passed && problem.Outcome != probes.Failed {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for key, old := range m.byAddress {
		if old.expires.Before(sent) || key.path == p.ID && old.step.Outcome == probes.Failed {
			delete(m.byAddress, key)
		}
	}
	// Twice the longest time between two messages: the next one is due, and then waits for the next round.
	expires := sent.Add(2 * (p.Settings.MessageMinInterval + p.Settings.Interval))
	m.byAddress[sentTo{p.ID, to}] = sentMessage{sent, expires, *problem}
}

// last returns the step of a round that sends no message to an address: the outcome of the last one, or not reached.
// The detail gives the time of the last message and why none is sent now.
func (m *sentMessages) last(path probes.PathID, to netip.AddrPort, why string) *probes.Step {
	m.mu.Lock()
	defer m.mu.Unlock()
	last, ok := m.byAddress[sentTo{path, to}]
	if !ok {
		return &probes.Step{Outcome: probes.NotReached, Detail: probes.Sanitise(why, probes.MaxDetail)}
	}
	step := last.step
	detail := fmt.Sprintf("of %s, %s", last.sent.UTC().Format(time.RFC3339), why)
	if step.Detail != "" {
		detail += ": " + step.Detail
	}
	step.Repeated, step.Duration, step.Detail = true, 0, probes.Sanitise(detail, probes.MaxDetail)
	return &step
}

// newSlot returns the slot of one round.
func (m *sentMessages) newSlot(p *probes.Path, endpoints []probes.Endpoint) *messageSlot {
	slot := &messageSlot{}
	if p.Settings.Until < probes.Message {
		return slot
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, e := range endpoints {
		if last, ok := m.byAddress[sentTo{p.ID, e.Addr}]; ok && last.step.Outcome == probes.Failed {
			slot.reservedFor = e.Addr
		}
	}
	return slot
}

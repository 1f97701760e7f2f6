package daemon

import (
	"context"
	"sync"
	"time"

	"m365_connector_exporter/collector"
	"m365_connector_exporter/collector/check"
	"m365_connector_exporter/collector/evaluate"
)

const (
	evaluateEvery = 10 * time.Second // after rounds
	// evaluateIdle is how often to evaluate while no round ends: certificates and suppressions expire.
	evaluateIdle = time.Minute
	// evaluatePause is how many times as long as an evaluation the pause after it lasts at least.
	evaluatePause = 100
)

// evaluator keeps the report in the store up to date.
type evaluator struct {
	store          *collector.Store
	lookups        *lookups
	policies       *policies
	vantageBlocked func() bool
	stateFileError func() error           // why no test message can be sent; nil: one can
	firewall       func() *check.Firewall // the newest comparison of the firewall's list

	mu        sync.Mutex // held during an evaluation
	inventory *evaluate.Inventory
	basis     basis
}

// basis is what the latest report rests on, as far as that changes without a call of evaluateNow.
type basis struct {
	rounds   uint64 // in the store
	policies uint64 // their version
	reports  uint64 // about TLS, in the store
	blocked  bool   // the vantage
	at       time.Time
}

// setInventory replaces the inventory and evaluates.
func (e *evaluator) setInventory(inventory *evaluate.Inventory) {
	e.mu.Lock()
	e.inventory = inventory
	e.mu.Unlock()
	e.evaluateNow()
}

// evaluateNow replaces the report in the store.
func (e *evaluator) evaluateNow() {
	e.mu.Lock()
	defer e.mu.Unlock()
	// The basis is taken before the snapshot: a round that ends in between is evaluated again.
	policies, version := e.policies.found()
	e.basis = basis{e.store.RecordedRounds(), version, e.store.RecordedTLSReports(), e.vantageBlocked(), time.Now()}
	snapshot, found := e.store.Observations(), e.lookups.found()
	snapshot.MX, snapshot.SMTPCertificates, snapshot.VantageBlocked = found.mx, found.smtpCertificates, e.basis.blocked
	snapshot.StateFileError, snapshot.Firewall = e.stateFileError(), e.firewall()
	snapshot.Policies, snapshot.TLSReports = policies, e.store.TLSReports()
	e.store.SetReport(evaluate.Evaluate(e.inventory, snapshot, e.basis.at))
}

// run evaluates whenever that is due, until ctx ends.
func (e *evaluator) run(ctx context.Context) {
	timer := time.NewTimer(evaluateEvery)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
			start := time.Now()
			if e.due() {
				e.evaluateNow()
			}
			timer.Reset(max(evaluateEvery, evaluatePause*time.Since(start)))
		}
	}
}

// due reports whether another evaluation may have another result. Changes of the inventory and of the lookups are
// evaluated by those who make them.
func (e *evaluator) due() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.basis.rounds != e.store.RecordedRounds() || e.basis.policies != e.policies.current() ||
		e.basis.reports != e.store.RecordedTLSReports() || e.basis.blocked != e.vantageBlocked() ||
		time.Since(e.basis.at) >= evaluateIdle
}

package main

import (
	"context"
	"time"

	"golang.org/x/sync/errgroup"

	"m365_connector_exporter/collector/evaluate"
	"m365_connector_exporter/probes"
	"m365_connector_exporter/probes/mailflow"
)

const (
	judgeEvery = 10 * time.Second // how long a finding may lag behind its probe
	// judgeShare bounds the time spent on judging: a run that takes long makes the next one come later.
	judgeShare = 100
	judgeStill = time.Minute      // how long a judgement stands while no round ends
	learnEvery = time.Hour        // how often MX records and the certificates of certificate.smtp are looked at
	learnAgain = 30 * time.Second // how soon what did not answer is asked again, twice as long each time
	learnBound = 16               // look-ups at a time
)

// learned is what the network says of the configuration beside the paths. It is replaced whole.
type learned struct {
	mx     map[string][]string           // of accepted domains that answered
	served map[probes.PathID]*probes.TLS // by certificate.smtp
}

// judged is what the newest judgement rests on, as far as it can change by itself.
type judged struct {
	rounds  uint64 // in the store
	blocked bool
	at      time.Time
}

// judgeNow judges what is known and puts it in the store. It returns how long that took.
func (d *daemon) judgeNow() time.Duration {
	d.judging.Lock()
	defer d.judging.Unlock()
	start := time.Now()
	d.judged = judged{d.store.RecordedRounds(), d.runner.Stats().VantageBlocked, start} // before the facts: what comes meanwhile is judged again
	snapshot, learned := d.store.Observations(), d.learned.Load()
	snapshot.MX, snapshot.SMTPCertificates, snapshot.VantageBlocked = learned.mx, learned.served, d.judged.blocked
	snapshot.StateFileError = d.budget.Err()
	d.store.SetReport(evaluate.Evaluate(d.inventory, snapshot, start))
	return time.Since(start)
}

// keepJudging judges again and again until ctx ends.
func (d *daemon) keepJudging(ctx context.Context) error {
	timer := time.NewTimer(judgeEvery)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-timer.C:
			var took time.Duration
			if d.judgementDue() {
				took = d.judgeNow()
			}
			timer.Reset(max(judgeEvery, judgeShare*took))
		}
	}
}

// judgementDue tells whether another judgement could say anything new: after a round, and every judgeStill, for certificates and
// suppressions end by themselves. Whoever changes what else is judged judges at once.
func (d *daemon) judgementDue() bool {
	d.judging.Lock()
	defer d.judging.Unlock()
	return d.judged.rounds != d.store.RecordedRounds() || d.judged.blocked != d.runner.Stats().VantageBlocked || time.Since(d.judged.at) >= judgeStill
}

// keepLearning looks at what changes seldom: at the start, every hour and when it is told to; sooner where something did not answer,
// for at a start the network may not be up.
func keepLearning(ctx context.Context, stale <-chan struct{}, learn func(context.Context) (all bool)) error {
	again := learnAgain
	for {
		wait := learnEvery
		if learn(ctx) {
			again = learnAgain
		} else {
			wait = min(again, learnEvery)
			again = 2 * wait
		}
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil
		case <-stale:
			timer.Stop()
			again = learnAgain
		case <-timer.C:
		}
	}
}

// learn asks for the MX of every accepted domain and for the certificates that certificate.smtp names. What does not answer now
// keeps what it said before. It tells whether all answered.
func (d *daemon) learn(ctx context.Context) (all bool) {
	cfg := d.cfg.Load()
	before, prober := d.learned.Load(), d.prober.Load()
	now := &learned{mx: map[string][]string{}, served: map[probes.PathID]*probes.TLS{}}
	results := make(chan func())
	all = true
	var group errgroup.Group
	group.SetLimit(learnBound)
	go func() {
		for _, t := range cfg.Tenants {
			servers := dnsServers(cfg.Layers(t.Name, mailflow.Inbound, "", ""))
			for _, domain := range t.AcceptedDomains {
				group.Go(func() error {
					hosts, ok := prober.MX(ctx, domain.Name, servers)
					results <- func() {
						all = all && ok
						if ok {
							now.mx[domain.Name] = hosts
						} else if old, known := before.mx[domain.Name]; known {
							now.mx[domain.Name] = old
						}
					}
					return nil
				})
			}
		}
		for _, p := range shownBySMTP(cfg, d.hello) {
			group.Go(func() error {
				seen := servedBy(*prober.Probe(ctx, &p))
				results <- func() {
					all = all && seen != nil
					if seen == nil {
						seen = before.served[p.ID]
					}
					if seen != nil {
						now.served[p.ID] = seen
					}
				}
				return nil
			})
		}
		_ = group.Wait() // nobody returns an error
		close(results)
	}()
	for note := range results {
		note()
	}
	if ctx.Err() == nil {
		d.learned.Store(now)
		d.judgeNow()
	}
	return all
}

func dnsServers(layers []probes.SettingsOverride) []string {
	var servers []string
	for _, l := range layers {
		if l.DNSServers != nil {
			servers = l.DNSServers
		}
	}
	return servers
}

package collector

import (
	"fmt"
	"path"
	"strings"
	"time"
	"unicode"

	"github.com/prometheus/client_golang/prometheus"

	"m365_connector_exporter/probes"
	"m365_connector_exporter/probes/mailflow"
)

const namespace = "m365_connector_"

// Collector makes const metrics from a snapshot of the board. It reads only: no value depends on how often one scrapes.
type Collector struct {
	board *Board
	table [numMetrics]Metric
	descs [numMetrics]*prometheus.Desc
	globs []string // of tenants; nil = all
}

var _ prometheus.Collector = (*Collector)(nil)

// New makes a collector over everything on the board.
func New(b *Board) *Collector {
	c := &Collector{board: b, table: Metrics()}
	for i, m := range c.table {
		c.descs[i] = prometheus.NewDesc(namespace+m.Name, m.Help, m.Labels, nil)
	}
	return c
}

// Filtered is the same collector for the tenants that match one of the globs.
func (c *Collector) Filtered(globs []string) (*Collector, error) {
	if len(globs) > 64 {
		return nil, fmt.Errorf("at most 64 tenant patterns")
	}
	for _, g := range globs {
		if _, err := path.Match(g, ""); err != nil {
			return nil, fmt.Errorf("tenant=%q: not a pattern", g)
		}
	}
	filtered := *c
	filtered.globs = globs
	return &filtered, nil
}

// Describe sends every description.
func (c *Collector) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range c.descs {
		ch <- d
	}
	if c.globs == nil {
		c.board.stages.Describe(ch)
	}
}

// Collect sends what the board knows now.
func (c *Collector) Collect(ch chan<- prometheus.Metric) {
	s := sink{c: c, ch: ch, seen: map[string]bool{}}
	view := c.board.View()
	for _, t := range view.Tenants {
		if c.wants(t.Name) {
			s.tenant(t)
		}
	}
	for _, p := range view.Paths {
		if c.wants(p.Path.ID.Tenant) {
			s.path(p)
		}
	}
	if c.globs == nil {
		c.board.stages.Collect(ch)
	}
}

func (c *Collector) wants(tenant string) bool {
	if c.globs == nil {
		return true
	}
	for _, g := range c.globs {
		if ok, err := path.Match(g, tenant); err == nil && ok {
			return true
		}
	}
	return false
}

// sink sends metrics, each label set once: one collision would blank the whole page.
type sink struct {
	c    *Collector
	ch   chan<- prometheus.Metric
	seen map[string]bool
}

func (s sink) send(metric int, value float64, labels ...string) {
	for i, l := range labels {
		labels[i] = clean(l)
	}
	key := s.c.table[metric].Name + "\xff" + strings.Join(labels, "\xff")
	if s.seen[key] {
		return
	}
	m, err := prometheus.NewConstMetric(s.c.descs[metric], s.c.table[metric].Type, value, labels...)
	if err != nil {
		return // a label count that does not fit: the golden scrape would miss it
	}
	s.seen[key] = true
	s.ch <- m
}

// maxLabel is the longest label value, in runes. Names of ours are shorter; strings of peers are cut.
const maxLabel = 128

// clean makes a label value of what may come from a peer: valid UTF-8, printable, bounded.
func clean(s string) string {
	plain := len(s) <= maxLabel
	for i := 0; plain && i < len(s); i++ {
		plain = s[i] >= 0x20 && s[i] < 0x7f
	}
	if plain {
		return s
	}
	runes := []rune(strings.ToValidUTF8(s, "\uFFFD"))
	for i, r := range runes {
		if !unicode.IsPrint(r) {
			runes[i] = '\uFFFD'
		}
	}
	if len(runes) > maxLabel {
		runes = append(runes[:maxLabel-1], '…')
	}
	return string(runes)
}

func truth(yes bool) float64 {
	if yes {
		return 1
	}
	return 0
}

func seconds(t time.Time) float64 { return float64(t.UnixMilli()) / 1000 }

func (s sink) tenant(t mailflow.Tenant) {
	if !t.Inventory.IsZero() {
		s.send(mInventory, seconds(t.Inventory), t.Name)
	}
	for _, c := range t.Outbound {
		tls := string(c.TLSSettings)
		if tls == "" {
			tls = "none"
		}
		s.connector(t.Name, mailflow.Outbound, c.Common, tls)
		if c.IsValidated != mailflow.Unknown {
			s.send(mValidated, truth(c.IsValidated == mailflow.Yes), t.Name, c.Name, string(mailflow.Outbound))
		}
		if !c.LastValidation.IsZero() {
			s.send(mLastValidation, seconds(c.LastValidation), t.Name, c.Name, string(mailflow.Outbound))
		}
	}
	for _, c := range t.Inbound {
		s.connector(t.Name, mailflow.Inbound, c.Common, "")
	}
}

func (s sink) connector(tenant string, d mailflow.Direction, c mailflow.Common, tls string) {
	s.send(mInfo, 1, tenant, c.Name, string(d), string(c.Type), c.Source, tls)
	if c.Enabled != mailflow.Unknown {
		s.send(mEnabled, truth(c.Enabled == mailflow.Yes), tenant, c.Name, string(d))
	}
	if !c.WhenChanged.IsZero() {
		s.send(mLastChanged, seconds(c.WhenChanged), tenant, c.Name, string(d))
	}
}

// path sends the series of one path: the steady ones, then those of the newest round.
func (s sink) path(p *PathState) {
	if p.Path.NotProbed != "" || p.Path.NotProbeable != "" {
		return // listed, not probed: it has its connector's series alone
	}
	id := p.Path.ID
	l := func(more ...string) []string {
		return append([]string{id.Tenant, id.Connector, string(id.Direction), id.Path}, more...)
	}
	s.send(mInterval, p.Path.Settings.Interval.Seconds(), l()...)
	for _, o := range []probes.Outcome{probes.Passed, probes.Failed, probes.Inconclusive} {
		s.send(mProbes, float64(p.Rounds[o]), l(o.String())...)
	}
	switch p.Verdict {
	case probes.Passed:
		s.send(mSuccess, 1, l()...)
	case probes.Failed:
		s.send(mSuccess, 0, l()...)
		s.send(mFailure, 1, l(p.Stage.String(), string(p.Reason))...)
	default: // nothing proven yet: absent
	}
	if !p.LastSuccess.IsZero() {
		s.send(mLastSuccess, seconds(p.LastSuccess), l()...)
	}
	for key, e := range p.Endpoints {
		s.endpoint(l, key, e)
	}
	if p.Newest != nil {
		s.newest(l, p)
	}
}

func (s sink) newest(l func(...string) []string, p *PathState) {
	r := p.Newest
	s.send(mInconclusive, truth(r.Outcome() == probes.Inconclusive), l()...)
	s.send(mLastRun, seconds(p.LastRun), l()...)
	s.send(mDuration, r.Took.Seconds(), l()...)
	s.send(mEndpoints, float64(len(r.Endpoints)), l()...)
	for _, e := range r.Endpoints {
		s.steps(l, e)
	}
}

func (s sink) steps(l func(...string) []string, e probes.Endpoint) {
	key := KeyOf(e)
	for i, step := range e.Steps {
		stage, address := probes.Stages[i].Name, key.Address
		if probes.Stage(i) == probes.Resolve { //nolint:gosec // i < NumStages
			address = "" // once per host
		}
		switch step.Outcome {
		case probes.Passed, probes.Failed:
			s.send(mStageSuccess, truth(step.Outcome == probes.Passed), l(e.Host, address, stage)...)
			s.send(mStageDuration, step.Took.Seconds(), l(e.Host, address, stage)...)
		default:
		}
	}
	if stage, step, problem := e.FirstProblem(); problem {
		s.send(mEndpointFailure, 1, l(e.Host, key.Address, stage.String(), string(step.Reason), step.Outcome.String())...)
		if step.Reply.Code > 0 {
			s.send(mReplyCode, float64(step.Reply.Code), l(e.Host, key.Address, stage.String(), step.Reply.Enhanced)...)
		}
	}
	if e.TLS != nil && e.TLS.Version != "" {
		s.send(mTLSInfo, 1, l(e.Host, key.Address, e.TLS.Version, e.TLS.Cipher)...)
	}
}

func (s sink) endpoint(l func(...string) []string, key EndpointKey, e EndpointState) {
	switch e.Verdict {
	case probes.Passed, probes.Failed:
		s.send(mEndpointSuccess, truth(e.Verdict == probes.Passed), l(key.Host, key.Address)...)
	default:
	}
	if e.TLS == nil {
		return
	}
	const role = "server"
	for v, j := range e.TLS.Verdicts {
		if j.Outcome == probes.Passed || j.Outcome == probes.Failed {
			s.send(mValid, truth(j.Outcome == probes.Passed), l(key.Host, key.Address, role, probes.VerdictNames[v])...)
		}
	}
	if !e.TLS.ChainNotAfter.IsZero() {
		s.send(mNotAfter, seconds(e.TLS.ChainNotAfter), l(key.Host, key.Address, role, "chain")...)
		s.send(mNotBefore, seconds(e.TLS.ChainNotBefore), l(key.Host, key.Address, role, "chain")...)
	}
	if len(e.TLS.Chain) > 0 {
		leaf := e.TLS.Chain[0]
		s.send(mNotAfter, seconds(leaf.NotAfter), l(key.Host, key.Address, role, "leaf")...)
		s.send(mNotBefore, seconds(leaf.NotBefore), l(key.Host, key.Address, role, "leaf")...)
		s.send(mCertificateInfo, 1, l(key.Host, key.Address, role, leaf.Subject, leaf.Issuer, leaf.Serial, leaf.Fingerprint)...)
	}
}

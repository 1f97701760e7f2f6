package daemon

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"time"

	"golang.org/x/time/rate"

	"m365_connector_exporter/collector"
	"m365_connector_exporter/probes"
	"m365_connector_exporter/probes/mailflow"
	"m365_connector_exporter/probes/regularfile"
	"m365_connector_exporter/probes/roundtrip/sink"
	"m365_connector_exporter/probes/tlsrpt"
)

// What is known of TLS reports is kept in a file beside global.state_file, so that a report is counted once and judged
// over a restart. A file that cannot be read is logged and replaced, one that cannot be written is logged.
const (
	reportsSuffix   = ".tls_reports"
	maxReportsBytes = 64 << 20
	saveReports     = 5 * time.Second // between two checks for something to save
)

// tlsReports reads the TLS reports that the sink receives.
type tlsReports struct {
	store *collector.Store
	log   *slog.Logger
	// rejected limits the log lines about reports that are not used or not of Microsoft: any host may send some.
	rejected *rate.Limiter
	// lookupTXT returns the keys that sign reports.
	lookupTXT func(ctx context.Context, name string) ([]string, error)

	path   string // of the file; "" keeps nothing
	saved  uint64 // the reports that were recorded when the file was written
	failed bool   // the last attempt to save failed, which has been logged
}

// newTLSReports reads the file beside a state file; without one, nothing is kept.
func newTLSReports(ctx context.Context, stateFile string, store *collector.Store, log *slog.Logger) *tlsReports {
	t := &tlsReports{
		store: store, log: log, rejected: rate.NewLimiter(rate.Every(foreignEvery), foreignBurst),
	}
	if stateFile == "" {
		return t
	}
	t.path = stateFile + reportsSuffix
	c, err := regularfile.Read(ctx, t.path, maxReportsBytes)
	if err == nil {
		err = store.RestoreTLSReports(c.Data)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		log.Warn("the state of TLS reports cannot be read; a new one begins", slog.String("file", t.path),
			slog.Any("err", err))
	}
	return t
}

// receive counts a report.
func (t *tlsReports) receive(ctx context.Context, m *sink.Message) {
	report, err := tlsrpt.Open(m.Data, func(name string) ([]string, error) { return t.lookupTXT(ctx, name) })
	if err != nil {
		if !t.rejected.Allow() {
			return
		}
		t.log.Warn("a TLS report is not used", slog.String("peer", m.Peer.String()), slog.Any("err", err))
		return
	}
	counted := t.store.RecordTLSReport(report)
	if !tlsrpt.IsMicrosoft(report.Signer) && !t.rejected.Allow() { // anyone can sign any number of reports
		return
	}
	attributes := []any{
		slog.String("signer", probes.Sanitise(report.Signer, maxShown)),
		slog.String("report", probes.Sanitise(report.String(), maxShown)),
	}
	if counted {
		t.log.Info("a TLS report was counted", attributes...)
	} else {
		t.log.Info("a TLS report is not counted again", attributes...)
	}
}

// run saves what is new from time to time, until ctx ends.
func (t *tlsReports) run(ctx context.Context) {
	tick := time.NewTicker(saveReports)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			t.save()
		case <-ctx.Done():
			return
		}
	}
}

// save replaces the file as a whole, if a report was recorded since it was written.
func (t *tlsReports) save() {
	recorded := t.store.RecordedTLSReports()
	if t.path == "" || recorded == t.saved {
		return
	}
	err := replaceFile(t.path, func(w io.Writer) error { return t.store.SaveTLSReports(w) })
	if err == nil {
		t.saved = recorded
	} else if !t.failed {
		t.log.Warn("the state of TLS reports cannot be saved", slog.String("file", t.path), slog.Any("err", err))
	}
	t.failed = err != nil
}

// lookUpTXT returns the TXT records of a name, from the servers that are configured for all tenants.
func (d *Daemon) lookUpTXT(ctx context.Context, name string) ([]string, error) {
	servers := dnsServers(d.cfg.Load().Layers("", mailflow.Inbound, "", ""))
	records, step := d.prober.Load().TXT(ctx, name, servers)
	if step.Outcome != probes.Passed {
		return nil, fmt.Errorf("%s: %s", step.Reason, step.Detail)
	}
	return records, nil
}

package daemon

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"

	"github.com/emersion/go-message"

	"m365_connector_exporter/probes"
	"m365_connector_exporter/probes/roundtrip"
	"m365_connector_exporter/probes/roundtrip/sink"
	"m365_connector_exporter/probes/smtpprobe"
)

const maxMailHeader = 256 << 10

// errNoReports refuses a TLS report in `validate --round-trip`: only the daemon counts them.
var errNoReports = errors.New("only the daemon accepts TLS reports")

// receive judges a message that the sink received: a test message, a notification about one, or a TLS report. Only the
// judgement is kept.
func (t *roundTrips) receive(ctx context.Context, m *sink.Message) error {
	c := t.current.Load()
	isReport := func(to string) bool { return c.reports[strings.ToLower(to)] }
	switch {
	case !slices.ContainsFunc(m.To, isReport):
		t.receiveTest(c, m)
	case t.onDemand:
		return errNoReports
	default:
		t.tlsReports.receive(ctx, m)
	}
	return nil
}

// receiveTest judges a test message, or a notification about one.
func (t *roundTrips) receiveTest(c *tripConfig, m *sink.Message) {
	entity, _ := message.ReadWithOptions(bytes.NewReader(m.Data), &message.ReadOptions{MaxHeaderBytes: maxMailHeader})
	if entity == nil { // the error quotes the header, which is the sender's
		t.logForeign("the sink received a message whose header is malformed or too large", m)
		return
	}
	if dsn, err := roundtrip.ReadDSN(entity); err == nil {
		t.receiveDSN(c, dsn, m)
		return
	}
	found, ok := c.tokens.FindToken(&entity.Header)
	if !ok {
		t.logForeign("the sink received a message that does not belong to a round trip", m)
		return
	}
	arrival := &roundtrip.Arrival{
		Token: found.Token, Received: m.Received, Damaged: found.Damaged, Trace: roundtrip.ReadTrace(&entity.Header),
	}
	if f, ok := t.tracker.Arrived(arrival); ok {
		t.finished(f)
	}
	t.expose()
}

// logForeign logs a message that is not one of ours, with a limited rate: any host may send to the sink. Metrics count
// all of them.
func (t *roundTrips) logForeign(what string, m *sink.Message) {
	if t.foreign.Allow() {
		t.log.Info(what, slog.String("peer", m.Peer.String()))
	}
}

// receiveDSN records that a message was returned. A notification of a delay changes nothing yet.
func (t *roundTrips) receiveDSN(c *tripConfig, dsn *roundtrip.DSN, m *sink.Message) {
	found, ok := c.tokens.FindToken(&dsn.Original)
	if !ok || !dsn.Returned() {
		return
	}
	why := roundtrip.Refusal{Text: dsn.Text()}
	why.Reason, why.Evidence = smtpprobe.ReportedReason(dsn.Status, dsn.Diagnostic)
	if f, ok := t.tracker.Returned(found.Token, m.Received, dsn, why); ok {
		t.finished(f)
	}
	t.expose()
}

// finished counts an outcome, and logs a warning unless the message was delivered.
func (t *roundTrips) finished(f roundtrip.Finished) {
	t.store.RecordRoundTrip(f)
	attributes := []any{
		slog.String("tenant", f.Trip.Tenant), slog.String("round_trip", f.Trip.Name),
		slog.String("outcome", string(f.Outcome)), slog.Time("sent", f.Sent), slog.Duration("duration", f.Duration),
	}
	if f.Outcome == roundtrip.Delivered {
		t.log.Debug("a message of a round trip arrived", attributes...)
		return
	}
	if f.Refusal.Text != "" {
		attributes = append(attributes, slog.String("reason", string(f.Refusal.Reason)),
			slog.String("refusal", probes.Redact(probes.Sanitise(f.Refusal.Text, maxShown))))
	}
	for _, m := range f.Mismatches {
		attributes = append(attributes, slog.Group(m.Field, slog.String("got", m.Got), slog.String("want", m.Want)))
	}
	t.log.Warn("a message of a round trip did not arrive as expected", attributes...)
}

package daemon

import (
	"bytes"
	"context"
	"log/slog"
	"strings"

	"github.com/emersion/go-message"

	"m365_connector_exporter/probes"
	"m365_connector_exporter/probes/roundtrip"
	"m365_connector_exporter/probes/roundtrip/sink"
)

const maxMailHeader = 256 << 10

// receive judges a message that the sink received: a test message, a notification about one, or a TLS report. Nothing
// of it is kept but what was judged.
func (t *roundTrips) receive(ctx context.Context, m *sink.Message) {
	c := t.current.Load()
	for _, to := range m.To {
		if c.reports[strings.ToLower(to)] {
			t.tlsReports.receive(ctx, m)
			return
		}
	}
	entity, err := message.ReadWithOptions(bytes.NewReader(m.Data), &message.ReadOptions{MaxHeaderBytes: maxMailHeader})
	if entity == nil {
		t.log.Info("the sink received a message that cannot be read", slog.Any("err", err))
		return
	}
	if dsn, err := roundtrip.ReadDSN(entity); err == nil {
		t.receiveDSN(c, dsn, m)
		return
	}
	found, ok := c.tokens.FindToken(&entity.Header)
	if !ok {
		t.log.Info("the sink received a message that is of no round trip", slog.String("peer", m.Peer.String()))
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

// receiveDSN records that a message was returned. A notification of a delay changes nothing yet.
func (t *roundTrips) receiveDSN(c *tripConfig, dsn *roundtrip.DSN, m *sink.Message) {
	found, ok := c.tokens.FindToken(&dsn.Original)
	if !ok || !dsn.Returned() {
		return
	}
	if f, ok := t.tracker.Returned(found.Token, m.Received, dsn, ""); ok {
		t.finished(f)
	}
	t.expose()
}

// finished counts an outcome, and logs one that is not as it should be.
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
	if f.Problem != "" {
		attributes = append(attributes, slog.String("problem", f.Problem))
	}
	if f.DSN != nil {
		shown := probes.Sanitise(f.DSN.Status+" "+f.DSN.Diagnostic, maxShown)
		attributes = append(attributes, slog.String("notification", probes.Redact(shown)))
	}
	for _, m := range f.Mismatches {
		attributes = append(attributes, slog.Group(m.Field, slog.String("got", m.Got), slog.String("want", m.Want)))
	}
	t.log.Warn("a message of a round trip did not arrive as expected", attributes...)
}

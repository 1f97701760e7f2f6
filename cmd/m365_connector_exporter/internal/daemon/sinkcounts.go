package daemon

import (
	"m365_connector_exporter/collector"
)

// sinkCounts returns what the sink has counted; known is false without a sink.
func (t *roundTrips) sinkCounts() (counts collector.SinkCounts, known bool) {
	s := &t.sink.Stats
	return collector.SinkCounts{
		Connections: []collector.SinkCount{
			{Outcome: "accepted", Count: s.Connections.Load()},
			{Outcome: "refused", Count: s.Refused.Load()},
			{Outcome: "limited", Count: s.Limited.Load()},
		},
		Messages: []collector.SinkCount{
			{Outcome: "accepted", Count: s.Accepted.Load()},
			{Outcome: "unknown_recipient", Count: s.UnknownRecipients.Load()},
			{Outcome: "throttled", Count: s.Throttled.Load()},
			{Outcome: "too_large", Count: s.TooLarge.Load()},
			{Outcome: "deferred", Count: s.Deferred.Load()},
			{Outcome: "failed", Count: s.Panics.Load()},
		},
		Errors: s.ConnectionErrors.Load(),
	}, len(t.listen) > 0
}

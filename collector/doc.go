// Package collector keeps what probes observed and exposes it to Prometheus.
//
// The data goes through these steps, each in a type of its own:
//
//  1. A probe ends, and [Store.Record] takes its result. [PathState] is what is known of a path from all rounds: the
//     last conclusive verdict, the endpoints with their certificates, the latest result and a history.
//  2. An emitter makes the series of the new state, once: label values are sanitized, every label set is unique, the
//     order is that of the page. A scrape only has to write them.
//  3. [Store.SetReport] takes the report on all paths and the configuration, and its series are made in the same way.
//  4. [Gatherer] puts the series of the store and of [ExporterMetrics] on one page when Prometheus requests /metrics.
//     It opens no connection.
//  5. [Responder] renders the page into memory and writes it, so that slow readers do not delay other requests.
//
// # Metrics
//
// Every metric is one declaration in metrics.go (name, type, labels and help) and one call of emit. Metrics to alert
// on are declared stable: they hold the last conclusive value, so that a server that throttles probes or a resolver
// that does not respond changes no alert. The others show the latest round.
//
// # Uniqueness
//
// Prometheus refuses a whole page if two series are equal. Names come from exports and from peers: two of them may be
// equal once sanitized, by accident or on purpose. Therefore only the first of two subjects with the same labels is
// exposed, and m365_connector_exporter_series_dropped counts the series that were left out.
package collector

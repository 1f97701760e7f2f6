package grafana

// roundTripRow shows test messages, and what other mail systems report about TLS. Reports have no tenant: their series
// are selected by job and instance alone.
func roundTripRow() Row {
	return Row{"Round trips and TLS reports", []Panel{
		{
			Kind: "state-timeline", Title: "Round trips", Unit: "bool_yes_no", Thresholds: "high", Width: 12,
			Description: "Whether the newest test message of each round trip arrived in time and as expected.",
			Queries:     []Query{{"m365_connector_round_trip_success{@}", "{{tenant}} {{round_trip}}"}},
		},
		{
			Kind: "table", Title: "Newest test messages", Unit: "short", Width: 12,
			Description: "Outcome of the newest test message of each round trip. docs/round-trips.md explains each outcome.",
			Queries:     []Query{{"m365_connector_round_trip_outcome_info{@}", ""}},
			Transforms:  tidy("", "tenant", "round_trip", "outcome"),
		},
		{
			Kind: "timeseries", Title: "Time of test messages, 90th percentile", Unit: "s",
			Description: "From the first server to the sink, by the exporter's clock.",
			Queries: []Query{{
				quantile("0.9", "m365_connector_round_trip_seconds", "tenant, round_trip"), "{{tenant}} {{round_trip}}",
			}},
		},
		{
			Kind: "timeseries", Title: "Test messages", Unit: "short",
			Description: "Number of test messages, by outcome.",
			Queries: []Query{{
				"sum by (outcome) (increase(m365_connector_round_trips_total{@}[$__rate_interval]))", "{{outcome}}",
			}},
		},
		{
			Kind: "timeseries", Title: "Sessions that failed, by TLS reports", Unit: "short",
			Description: "Sessions with the MX of accepted domains that failed, as other mail systems report them once a day.",
			Queries: []Query{{
				"sum by (domain, organization, result) (increase(m365_connector_tls_report_sessions_total" +
					`{job=~"$job", instance=~"$instance", result!="success"}[$__rate_interval])) > 0`,
				"{{domain}} {{result}}, {{organization}}",
			}},
		},
	}}
}

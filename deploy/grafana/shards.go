package grafana

// The dashboard about paths that Prometheus probes by /probe. A scrape every five minutes is as long as Prometheus
// looks back for one sample: the queries read two scrapes.
func shards() Dashboard {
	const failing = `last_over_time(probe_failure_info{@}[11m])`
	return Dashboard{
		UID: "m365-connectors-shards", Title: "Microsoft 365 connectors / Paths probed by /probe",
		Description: "Paths that Prometheus distributes over several exporters (docs/scaling.md).",
		Variables:   []string{"tenant", "direction", "connector"},
		OnDemand:    true,
		Rows: []Row{
			{"Now", []Panel{
				{
					Kind: "stat", Title: "Passing paths", Unit: "percentunit", Thresholds: "high", Width: 6, Height: 4,
					Description: "Share of the paths whose newest probe passed.",
					Queries:     []Query{{"avg(last_over_time(probe_success{@}[11m]))", ""}},
				},
				{
					Kind: "stat", Title: "Number of failing paths", Unit: "short", Thresholds: "zero", Width: 6, Height: 4,
					Description: "Paths whose newest probe failed. The alerts wait for a second one.",
					Queries:     []Query{{"count(last_over_time(probe_success{@}[11m]) == 0) or vector(0)", ""}},
				},
				{
					Kind: "stat", Title: "Inconclusive paths", Unit: "short", Thresholds: "zero", Width: 6, Height: 4,
					Description: "Paths whose newest probe could not decide, or was cut short by the scrape timeout.",
					Queries:     []Query{{"count(last_over_time(probe_inconclusive{@}[11m]) == 1) or vector(0)", ""}},
				},
				{
					Kind: "stat", Title: "Paths without an answer", Unit: "short", Thresholds: "zero", Width: 6, Height: 4,
					Description: "Paths whose exporter did not answer the newest scrape.",
					Queries:     []Query{{"count(last_over_time(up{@}[11m]) == 0) or vector(0)", ""}},
				},
				{
					Kind: "table", Title: "Failures", Unit: "short", Width: 12,
					Description: "Stage and reason of each endpoint that did not pass.",
					Queries:     []Query{{failing, ""}},
					Transforms: tidy("", "tenant", "connector", "path", "host", "address", "stage", "reason",
						"outcome"),
				},
				{
					Kind: "table", Title: "Shared gateways", Unit: "short", Width: 12,
					Description: "Hosts at which paths fail, and the number of connectors.",
					Queries: []Query{{
						"sort_desc(count by (host, address) " +
							"(group by (tenant, connector, direction, host, address) (" + failing + ")))",
						"",
					}},
					Transforms: tidy("connectors", "host", "address"),
				},
				{
					Kind: "bargauge", Title: "Nearest expiry", Unit: "s", Thresholds: "days", Width: 12,
					Description: "Time left of the first certificate to expire, the twenty lowest paths.",
					Queries: []Query{{
						"sort(bottomk(20, last_over_time(probe_ssl_earliest_cert_expiry{@}[11m]) - time()))",
						"{{tenant}} {{connector}} {{path}}",
					}},
				},
				{
					Kind: "timeseries", Title: "Duration of a probe", Unit: "s", Width: 12,
					Description: "The slowest twenty paths. A probe ends half a second before the scrape timeout.",
					Queries: []Query{{
						"topk(20, last_over_time(probe_duration_seconds{@}[11m]))",
						"{{tenant}} {{connector}} {{path}}",
					}},
				},
				{
					Kind: "timeseries", Title: "Failing paths by shard", Unit: "short", Width: 24,
					Description: "If only one shard's paths fail, the cause is probably on its side.",
					Queries: []Query{{
						"count by (shard) (last_over_time(probe_success{@}[11m]) == 0) or 0 * count by (shard) (up{@})",
						"{{shard}}",
					}},
				},
			}},
		},
	}
}

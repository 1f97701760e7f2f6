package grafana

// The dashboard about the exporter itself: its state, its schedule and the resources it uses.
func exporter() Dashboard {
	return Dashboard{
		UID: "m365-connectors-exporter", Title: "Microsoft 365 connectors / The exporter itself",
		Description: "Whether the exporter works and keeps its schedule, and the resources it uses.",
		Rows: []Row{
			{"State", []Panel{
				{
					Kind: "table", Title: "Versions", Unit: "short", Width: 8,
					Description: "Version of each exporter.",
					Queries:     []Query{{"m365_connector_exporter_build_info{@}", ""}},
					Transforms:  tidy("", "job", "instance", "version", "revision", "goversion"),
				},
				{
					Kind: "stat", Title: "Configuration", Unit: "bool_yes_no", Thresholds: "high", Width: 4,
					Description: "Whether the last reload of the configuration succeeded.",
					Queries: []Query{{
						"m365_connector_exporter_config_last_reload_successful{@}",
						"{{instance}}",
					}},
				},
				{
					Kind: "stat", Title: "Self-test", Unit: "bool_yes_no", Thresholds: "high", Width: 4,
					Description: "Whether the exporter's probe of its own test server succeeds.",
					Queries:     []Query{{"m365_connector_exporter_self_test_success{@}", "{{instance}}"}},
				},
				{
					Kind: "stat", Title: "First round complete", Unit: "bool_yes_no", Thresholds: "high", Width: 4,
					Description: "Whether every path has been probed since the start.",
					Queries:     []Query{{"m365_connector_exporter_first_round_complete{@}", "{{instance}}"}},
				},
				{
					Kind: "stat", Title: "Tenants not loaded", Unit: "short", Thresholds: "zero", Width: 4,
					Description: "Number of tenants whose files do not load.",
					Queries: []Query{{
						"count(m365_connector_exporter_tenant_load_successful{@} == 0) or vector(0)",
						"",
					}},
				},
				{
					Kind: "timeseries", Title: "Failing and inconclusive paths", Unit: "percentunit", Width: 12,
					Description: "Share of each exporter's paths. If all paths fail at once, the " +
						"cause is probably on the exporter's side.",
					Queries: []Query{{"instance:m365_connector_paths_unproven:ratio{@}", "{{instance}}"}},
				},
				{
					Kind: "timeseries", Title: "Paths", Unit: "short", Width: 12,
					Description: "Number of probed paths.",
					Queries: []Query{{
						"count by (instance) (m365_connector_probe_interval_seconds{@})",
						"{{instance}}",
					}},
				},
			}},
			{"Schedule", []Panel{
				{
					Kind: "timeseries", Title: "Lag", Unit: "s",
					Description: "How late rounds start: median, 90th and 99th percentile.",
					Queries: []Query{
						{
							quantile("0.5", "m365_connector_exporter_schedule_lag_seconds", ""),
							"median",
						},
						{
							quantile("0.9", "m365_connector_exporter_schedule_lag_seconds", ""),
							"90 %",
						},
						{
							quantile("0.99", "m365_connector_exporter_schedule_lag_seconds", ""),
							"99 %",
						},
					},
				},
				{
					Kind: "timeseries", Title: "Probes in flight", Unit: "short",
					Description: "Number of probes with a connection; the limit is max_concurrent.",
					Queries:     []Query{{"m365_connector_exporter_probes_in_flight{@}", "{{instance}}"}},
				},
				{
					Kind: "timeseries", Title: "Skipped and throttled", Unit: "ops",
					Description: "Rounds skipped because the previous one was still running; connections " +
						"answered with 421 or 4.7.5xx.",
					Queries: []Query{
						{
							"rate(m365_connector_exporter_rounds_skipped_total{@}[$__rate_interval])",
							"{{instance}} skipped",
						},
						{
							"rate(m365_connector_exporter_throttled_total{@}[$__rate_interval])",
							"{{instance}} throttled",
						},
					},
				},
				{
					Kind: "timeseries", Title: "Sink of round trips", Unit: "ops",
					Description: "Messages that the sink was offered, by outcome, and connections that it did not serve.",
					Queries: []Query{
						{
							"sum by (outcome) (rate(m365_connector_exporter_sink_messages_total{@}[$__rate_interval]))",
							"messages {{outcome}}",
						},
						{
							"sum by (outcome) (rate(m365_connector_exporter_sink_connections_total{@}[$__rate_interval]))",
							"connections {{outcome}}",
						},
					},
				},
				{
					Kind: "timeseries", Title: "Rounds", Unit: "ops",
					Description: "Rounds per second, by outcome.",
					Queries: []Query{{
						"sum by (outcome) (rate(m365_connector_probes_total{@}[$__rate_interval]))",
						"{{outcome}}",
					}},
				},
				{
					Kind: "timeseries", Title: "Stage duration, 90th percentile", Unit: "s", Width: 16,
					Description: "Passed stages of all paths.",
					Queries: []Query{{
						quantile("0.9", "m365_connector_stage_duration_seconds", "direction, stage"),
						"{{direction}} {{stage}}",
					}},
				},
			}},
			{"Cost", []Panel{
				{
					Kind: "timeseries", Title: "CPU", Unit: "short", Width: 6,
					Description: "CPU cores in use.",
					Queries:     []Query{{"rate(process_cpu_seconds_total{@}[$__rate_interval])", "{{instance}}"}},
				},
				{
					Kind: "timeseries", Title: "Memory", Unit: "bytes", Width: 6,
					Description: "Resident memory.",
					Queries:     []Query{{"process_resident_memory_bytes{@}", "{{instance}}"}},
				},
				{
					Kind: "timeseries", Title: "Open files", Unit: "percentunit", Width: 6,
					Description: "File descriptors in use as a share of the limit.",
					Queries:     []Query{{"process_open_fds{@} / process_max_fds{@}", "{{instance}}"}},
				},
				{
					Kind: "timeseries", Title: "Scrapes", Unit: "s", Width: 6,
					Description: "Duration of scrapes, measured by Prometheus.",
					Queries:     []Query{{"scrape_duration_seconds{@}", "{{instance}}"}},
				},
			}},
		},
	}
}

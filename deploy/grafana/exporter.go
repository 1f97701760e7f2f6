package grafana

// The dashboard about the exporter itself: can it be believed, does it keep up, what does it cost.
func exporter() Dashboard {
	return Dashboard{
		UID: "m365-connectors-exporter", Title: "Microsoft 365 connectors / The exporter itself",
		About: "Whether the exporter can be believed, keeps up, and what it costs.",
		Rows: []Row{
			{"State", []Panel{
				{
					Kind: "table", Title: "Versions", About: "Build of each exporter.", Unit: "short", Width: 8,
					Queries:    []Query{{"m365_connector_exporter_build_info{@}", ""}},
					Transforms: tidy("", "job", "instance", "version", "revision", "goversion"),
				},
				{
					Kind: "stat", Title: "Configuration", About: "Whether the newest configuration was taken.", Unit: "bool_yes_no", Good: "high", Width: 4,
					Queries: []Query{{"m365_connector_exporter_config_last_reload_successful{@}", "{{instance}}"}},
				},
				{
					Kind: "stat", Title: "Self test", About: "Whether the exporter can probe at all.", Unit: "bool_yes_no", Good: "high", Width: 4,
					Queries: []Query{{"m365_connector_exporter_self_test_success{@}", "{{instance}}"}},
				},
				{
					Kind: "stat", Title: "First round complete", About: "Whether every path has been probed since the start.", Unit: "bool_yes_no", Good: "high", Width: 4,
					Queries: []Query{{"m365_connector_exporter_first_round_complete{@}", "{{instance}}"}},
				},
				{
					Kind: "stat", Title: "Tenants not loaded", About: "Tenants whose own files do not load.", Unit: "short", Good: "zero", Width: 4,
					Queries: []Query{{"count(m365_connector_exporter_tenant_load_successful{@} == 0) or vector(0)", ""}},
				},
				{
					Kind: "timeseries", Title: "Paths that fail or prove nothing", About: "Share of each exporter's paths. A jump on all at once is probably us.", Unit: "percentunit", Width: 12,
					Queries: []Query{{"instance:m365_connector_paths_unproven:ratio{@}", "{{instance}}"}},
				},
				{
					Kind: "timeseries", Title: "Paths", About: "Paths that are probed.", Unit: "short", Width: 12,
					Queries: []Query{{"count by (instance) (m365_connector_probe_interval_seconds{@})", "{{instance}}"}},
				},
			}},
			{"Schedule", []Panel{
				{
					Kind: "timeseries", Title: "Lag", About: "How late rounds start: median, 90 and 99 in 100.", Unit: "s",
					Queries: []Query{
						{"histogram_quantile(0.5, sum by (le) (rate(m365_connector_exporter_schedule_lag_seconds_bucket{@}[$__rate_interval])))", "median"},
						{"histogram_quantile(0.9, sum by (le) (rate(m365_connector_exporter_schedule_lag_seconds_bucket{@}[$__rate_interval])))", "90 %"},
						{"histogram_quantile(0.99, sum by (le) (rate(m365_connector_exporter_schedule_lag_seconds_bucket{@}[$__rate_interval])))", "99 %"},
					},
				},
				{
					Kind: "timeseries", Title: "Probes in flight", About: "Probes that hold a connection; the limit is max_concurrent.", Unit: "short",
					Queries: []Query{{"m365_connector_exporter_probes_in_flight{@}", "{{instance}}"}},
				},
				{
					Kind: "timeseries", Title: "Skipped and throttled", About: "Rounds skipped because the one before went on; connections answered with 421 or 4.7.5xx.", Unit: "ops",
					Queries: []Query{
						{"rate(m365_connector_exporter_rounds_skipped_total{@}[$__rate_interval])", "{{instance}} skipped"},
						{"rate(m365_connector_exporter_throttled_total{@}[$__rate_interval])", "{{instance}} throttled"},
					},
				},
				{
					Kind: "timeseries", Title: "Rounds", About: "Rounds each second, by outcome.", Unit: "ops",
					Queries: []Query{{"sum by (outcome) (rate(m365_connector_probes_total{@}[$__rate_interval]))", "{{outcome}}"}},
				},
				{
					Kind: "timeseries", Title: "Stage duration, 90 in 100", About: "Of passed stages, over all paths.", Unit: "s", Width: 16,
					Queries: []Query{{"histogram_quantile(0.9, sum by (direction, stage, le) (rate(m365_connector_stage_duration_seconds_bucket{@}[$__rate_interval])))", "{{direction}} {{stage}}"}},
				},
			}},
			{"Cost", []Panel{
				{
					Kind: "timeseries", Title: "CPU", About: "Cores in use.", Unit: "short", Width: 6,
					Queries: []Query{{"rate(process_cpu_seconds_total{@}[$__rate_interval])", "{{instance}}"}},
				},
				{
					Kind: "timeseries", Title: "Memory", About: "Resident memory.", Unit: "bytes", Width: 6,
					Queries: []Query{{"process_resident_memory_bytes{@}", "{{instance}}"}},
				},
				{
					Kind: "timeseries", Title: "Open files", About: "File descriptors in use, as a share of the limit.", Unit: "percentunit", Width: 6,
					Queries: []Query{{"process_open_fds{@} / process_max_fds{@}", "{{instance}}"}},
				},
				{
					Kind: "timeseries", Title: "Scrapes", About: "Duration of scrapes, as Prometheus sees it.", Unit: "s", Width: 6,
					Queries: []Query{{"scrape_duration_seconds{@}", "{{instance}}"}},
				},
			}},
		},
	}
}

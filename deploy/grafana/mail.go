package grafana

// The dashboards about mail flow: overview and one connector.

const perDay = " / 86400"

// certificatesLeft are the seconds that each certificate has left, without those of Exchange Online, which Microsoft
// renews.
const certificatesLeft = `((m365_connector_certificate_not_after_timestamp_seconds{@, direction!="inbound"}` +
	` or m365_connector_certificate_not_after_timestamp_seconds{@, role="client"}) - time())`

// lifetimeLeft is the share of the lifetime that each leaf certificate of certificatesLeft has left.
const lifetimeLeft = `((m365_connector_certificate_not_after_timestamp_seconds` +
	`{@, direction!="inbound", position="leaf"}` +
	` or m365_connector_certificate_not_after_timestamp_seconds{@, role="client", position="leaf"}) - time())` +
	` / (m365_connector_certificate_not_after_timestamp_seconds{@}` +
	` - m365_connector_certificate_not_before_timestamp_seconds{@})`

func overview() Dashboard {
	return Dashboard{
		UID: "m365-connectors-overview", Title: "Microsoft 365 connectors / Overview",
		Description: "All tenants: which paths fail and why, and which certificates expire next.",
		Variables:   []string{"tenant"},
		Rows: []Row{
			{"Now", []Panel{
				{
					Kind: "stat", Title: "Passing paths",
					Unit: "percentunit", Thresholds: "high", Width: 4, Height: 4,
					Description: "Share of all paths whose last conclusive result is a success.",
					Queries:     []Query{{"avg(m365_connector_probe_success{@})", ""}},
				},
				{
					Kind: "stat", Title: "Number of failing paths", Unit: "short", Thresholds: "zero", Width: 4, Height: 4,
					Description: "Number of paths whose failure a second round has confirmed.",
					Queries:     []Query{{"count(m365_connector_probe_success{@} == 0) or vector(0)", ""}},
				},
				{
					Kind: "stat", Title: "Inconclusive paths", Unit: "short", Thresholds: "zero", Width: 4, Height: 4,
					Description: "Paths with an inconclusive endpoint in the latest round: the server throttles, greylists " +
						"or refuses the exporter's own address.",
					Queries: []Query{{"count(m365_connector_probe_inconclusive{@} == 1) or vector(0)", ""}},
				},
				{
					Kind: "stat", Title: "Connectors without a working endpoint",
					Unit: "short", Thresholds: "zero", Width: 4, Height: 4,
					Description: "No mail flows through these connectors.",
					Queries: []Query{{
						"count(connector:m365_connector_endpoint_success:max{@} == 0) or vector(0)",
						"",
					}},
				},
				{
					Kind: "stat", Title: "Critical findings", Unit: "short", Thresholds: "zero", Width: 4, Height: 4,
					Description: "Critical findings of the checks, without suppressed ones.",
					Queries:     []Query{{`sum(m365_connector_findings{@, severity="critical"}) or vector(0)`, ""}},
				},
				{
					Kind: "stat", Title: "Next certificate to expire",
					Unit: "s", Thresholds: "days", Width: 4, Height: 4,
					Description: "Time left of the first certificate to expire: server and client, leaf and chain.",
					Queries:     []Query{{"min(" + certificatesLeft + ")", ""}},
				},
			}},
			{"Failures", []Panel{
				{
					Kind: "table", Title: "Failing paths", Unit: "short", Width: 12,
					Description: "Stage and reason of each failing path. docs/reasons.md lists " +
						"the remedy of every reason.",
					Queries:    []Query{{"m365_connector_probe_failure_info{@}", ""}},
					Transforms: tidy("", "tenant", "direction", "connector", "path", "stage", "reason"),
				},
				{
					Kind: "table", Title: "Findings", Unit: "short", Width: 12,
					Description: "Findings of the checks. docs/checks.md lists the remedy of every check.",
					Queries:     []Query{{`m365_connector_finding_info{@, severity!="info"}`, ""}},
					Transforms:  tidy("", "severity", "check", "tenant", "direction", "connector", "path"),
				},
				{
					Kind: "table", Title: "Alerts", Unit: "short", Width: 12,
					Description: "Firing alerts of this exporter's rules.",
					Queries: []Query{{
						`ALERTS{job=~"$job", instance=~"$instance", alertname=~"M365Connector.+", ` +
							`alertname!="M365ConnectorAffectedByHost", alertstate="firing"}`,
						"",
					}},
					Transforms: tidy("", "severity", "alertname", "tenant", "direction", "connector", "path", "host", "address"),
				},
				{
					Kind: "table", Title: "Certificates that expire first", Unit: "short", Width: 12,
					Description: "Days left of the ten certificates that expire first.",
					Queries: []Query{{
						"bottomk(10, " + certificatesLeft + ")" + perDay,
						"",
					}},
					Transforms: tidy("days left", "tenant", "connector", "host", "address", "role", "position"),
				},
			}},
			{"Shared gateways and expiry", []Panel{
				{
					Kind: "table", Title: "Shared gateways", Unit: "percentunit", Thresholds: "high", Width: 12,
					Description: "Hosts that several connectors use, and the share of these connectors' endpoints that work. " +
						"One that fails for three connectors is the alert M365ConnectorHostDown.",
					Queries: []Query{{
						"sort(avg by (host, address) (m365_connector_endpoint_success{@}) and count by (host, address) " +
							"(group by (tenant, connector, direction, host, address) (m365_connector_endpoint_success{@})) > 1)",
						"",
					}},
					Transforms: tidy("works", "host", "address"),
				},
				{
					Kind: "bargauge", Title: "Nearest expiry by tenant", Unit: "s", Thresholds: "days", Width: 12,
					Description: "Time left of each tenant's first certificate to expire, the twenty lowest.",
					Queries: []Query{{
						"sort(bottomk(20, min by (tenant) (" + certificatesLeft + ")))",
						"{{tenant}}",
					}},
				},
			}},
			roundTripRow(),
			{"Over time", []Panel{
				{
					Kind: "timeseries", Title: "Tenants with the lowest share of passing paths",
					Unit: "percentunit", Width: 12,
					Description: "Share of passing paths of the ten lowest tenants.",
					Queries:     []Query{{"bottomk(10, tenant:m365_connector_probe_success:avg{@})", "{{tenant}}"}},
				},
				{
					Kind: "timeseries", Title: "Rounds", Unit: "ops", Width: 12,
					Description: "Rounds per second, by outcome.",
					Queries: []Query{{
						"sum by (outcome) (rate(m365_connector_probes_total{@}[$__rate_interval]))",
						"{{outcome}}",
					}},
				},
			}},
		},
	}
}

func connector() Dashboard {
	return Dashboard{
		UID: "m365-connectors-connector", Title: "Microsoft 365 connectors / One connector",
		Description: "Stages, endpoints, certificates and SMTP replies of the selected connector.",
		Variables:   []string{"tenant", "direction", "connector"},
		Rows: []Row{
			{"State", []Panel{
				{
					Kind: "state-timeline", Title: "Paths", Unit: "bool_yes_no", Thresholds: "high", Width: 12,
					Description: "Last conclusive result of each path.",
					Queries:     []Query{{"m365_connector_probe_success{@}", "{{path}}"}},
				},
				{
					Kind: "state-timeline", Title: "Endpoints", Unit: "bool_yes_no", Thresholds: "high", Width: 12,
					Description: "Last conclusive result of each host and address.",
					Queries:     []Query{{"m365_connector_endpoint_success{@}", "{{host}} {{address}}"}},
				},
				{
					Kind: "table", Title: "Endpoint by stage", Unit: "bool_yes_no", Thresholds: "high", Width: 12,
					Description: "Latest round, with the stages of Microsoft's connector validation. " +
						"Empty: not reached or inconclusive.",
					Queries: []Query{{
						`max by (endpoint, stage) (label_join(m365_connector_endpoint_stage_success{@}, ` +
							`"endpoint", " ", "path", "host", "address"))`,
						"",
					}},
					Transforms: grid("endpoint", "stage"),
				},
				{
					Kind: "table", Title: "Failed and inconclusive stages", Unit: "short", Width: 12,
					Description: "Latest round: stage, reason and outcome of each endpoint.",
					Queries:     []Query{{"m365_connector_endpoint_failure_info{@}", ""}},
					Transforms:  tidy("", "path", "host", "address", "stage", "reason", "outcome"),
				},
				{
					Kind: "table", Title: "SMTP replies", Unit: "none", Width: 12,
					Description: "Replies that ended a stage of the latest round.",
					Queries:     []Query{{"m365_connector_endpoint_smtp_reply_code{@}", ""}},
					Transforms:  tidy("code", "path", "host", "address", "stage", "enhanced"),
				},
				{
					Kind: "table", Title: "Findings", Unit: "short", Width: 12,
					Description: "Findings of the checks for this connector.",
					Queries:     []Query{{"m365_connector_finding_info{@}", ""}},
					Transforms:  tidy("", "severity", "check", "path"),
				},
			}},
			{"Time", []Panel{
				{
					Kind: "timeseries", Title: "Duration by stage", Unit: "s", Width: 12,
					Description: "Duration of each stage at its slowest endpoint, latest round.",
					Queries: []Query{{
						"max by (stage) (m365_connector_endpoint_stage_duration_seconds{@})",
						"{{stage}}",
					}},
				},
				{
					Kind: "timeseries", Title: "Round duration", Unit: "s", Width: 12,
					Description: "Duration of each path's latest round.",
					Queries:     []Query{{"m365_connector_probe_duration_seconds{@}", "{{path}}"}},
				},
				{
					Kind: "timeseries", Title: "Number of endpoints", Unit: "short", Width: 12,
					Description: "Number of addresses that each path resolves to. A change is a change in DNS.",
					Queries:     []Query{{"m365_connector_probe_endpoints{@}", "{{path}}"}},
				},
				{
					Kind: "timeseries", Title: "Time since the last success", Unit: "s", Width: 12,
					Description: "Time since the last round that passed.",
					Queries: []Query{{
						"time() - m365_connector_probe_last_success_timestamp_seconds{@}",
						"{{path}}",
					}},
				},
			}},
			{"Certificates and TLS", []Panel{
				{
					Kind: "bargauge", Title: "Time left", Unit: "s", Thresholds: "days", Width: 8,
					Description: "Time left of each certificate, leaf and chain.",
					Queries: []Query{{
						"sort(" + certificatesLeft + ")",
						"{{host}} {{address}} {{role}} {{position}}",
					}},
				},
				{
					Kind: "table", Title: "Certificate verdicts", Unit: "bool_yes_no", Thresholds: "high", Width: 8,
					Description: "Every verdict, including those that the connector does not require.",
					Queries: []Query{{
						`min by (endpoint, verdict) (label_join(m365_connector_certificate_valid{@}, ` +
							`"endpoint", " ", "host", "address", "role"))`,
						"",
					}},
					Transforms: grid("endpoint", "verdict"),
				},
				{
					Kind: "table", Title: "TLS version and cipher", Unit: "short", Width: 8,
					Description: "Version and cipher suite of the latest handshake.",
					Queries:     []Query{{"m365_connector_tls_info{@}", ""}},
					Transforms:  tidy("", "host", "address", "version", "cipher"),
				},
			}},
			{"Configuration", []Panel{
				{
					Kind: "table", Title: "Connector", Unit: "short", Width: 8,
					Description: "Type, source and TLS settings from the configuration.",
					Queries:     []Query{{"m365_connector_info{@}", ""}},
					Transforms: tidy("", "tenant", "direction", "connector",
						"connector_type", "connector_source", "tls_settings"),
				},
				{
					Kind: "stat", Title: "Last change", Unit: "dateTimeFromNow", Width: 8,
					Description: "Microsoft's WhenChangedUTC.",
					Queries: []Query{{
						"m365_connector_last_changed_timestamp_seconds{@} * 1000",
						"{{connector}}",
					}},
				},
				{
					Kind: "stat", Title: "Last validation", Unit: "dateTimeFromNow", Width: 8,
					Description: "Microsoft's LastValidationTimestamp. A validation by script does not set it.",
					Queries: []Query{{
						"m365_connector_last_validation_timestamp_seconds{@} * 1000",
						"{{connector}}",
					}},
				},
			}},
		},
	}
}

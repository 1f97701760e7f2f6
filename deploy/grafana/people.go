package grafana

// The dashboards about mail: what passes, one connector, certificates, attribution.

const perDay = " / 86400"

func overview() Dashboard {
	return Dashboard{
		UID: "m365-connectors-overview", Title: "Microsoft 365 connectors / Overview",
		About:   "All tenants: what fails, why, and what will fail next.",
		Choices: []string{"tenant"},
		Rows: []Row{
			{"Now", []Panel{
				{
					Kind: "stat", Title: "Paths that pass", About: "Share of all paths whose last conclusive verdict is good.", Unit: "percentunit", Good: "high", Width: 4, Height: 4,
					Queries: []Query{{"avg(m365_connector_probe_success{@})", ""}},
				},
				{
					Kind: "stat", Title: "Paths that fail", About: "Confirmed by a second round.", Unit: "short", Good: "zero", Width: 4, Height: 4,
					Queries: []Query{{"count(m365_connector_probe_success{@} == 0) or vector(0)", ""}},
				},
				{
					Kind: "stat", Title: "Nothing proven", About: "Paths whose newest round was inconclusive: throttled, greylisted, refused for our own address.", Unit: "short", Good: "zero", Width: 4, Height: 4,
					Queries: []Query{{"count(m365_connector_probe_inconclusive{@} == 1) or vector(0)", ""}},
				},
				{
					Kind: "stat", Title: "Connectors with no endpoint left", About: "No mail passes these.", Unit: "short", Good: "zero", Width: 4, Height: 4,
					Queries: []Query{{"count(connector:m365_connector_endpoint_success:max{@} == 0) or vector(0)", ""}},
				},
				{
					Kind: "stat", Title: "Critical findings", About: "What the checks call critical, suppressed ones excluded.", Unit: "short", Good: "zero", Width: 4, Height: 4,
					Queries: []Query{{`sum(m365_connector_findings{@, severity="critical"}) or vector(0)`, ""}},
				},
				{
					Kind: "stat", Title: "Next certificate to expire", About: "Of all judged certificates, either role, chains included.", Unit: "s", Good: "days", Width: 4, Height: 4,
					Queries: []Query{{"min(certificate:m365_connector_certificate_left:seconds{@})", ""}},
				},
			}},
			{"What fails", []Panel{
				{
					Kind: "table", Title: "Failing paths", About: "Stage and reason of each failing path. docs/reasons.md has the remedy of every reason.", Unit: "short", Width: 12,
					Queries:    []Query{{"m365_connector_probe_failure_info{@}", ""}},
					Transforms: tidy("", "tenant", "direction", "connector", "path", "stage", "reason"),
				},
				{
					Kind: "table", Title: "Findings", About: "What the checks found. docs/checks.md has evidence and remedy of every check.", Unit: "short", Width: 12,
					Queries:    []Query{{`m365_connector_finding_info{@, severity!="info"}`, ""}},
					Transforms: tidy("", "severity", "check", "tenant", "direction", "connector", "path"),
				},
				{
					Kind: "table", Title: "Alerts", About: "Firing alerts of this product.", Unit: "short", Width: 12,
					Queries:    []Query{{`ALERTS{alertname=~"M365Connector.+", alertstate="firing"}`, ""}},
					Transforms: tidy("", "severity", "alertname", "tenant", "direction", "connector", "path"),
				},
				{
					Kind: "table", Title: "Certificates that end first", About: "Days left, the lowest ten.", Unit: "short", Width: 12,
					Queries:    []Query{{"bottomk(10, certificate:m365_connector_certificate_left:seconds{@})" + perDay, ""}},
					Transforms: tidy("days left", "tenant", "connector", "host", "address", "role", "position"),
				},
			}},
			{"Over time", []Panel{
				{
					Kind: "timeseries", Title: "Tenants with the fewest passing paths", About: "Share of passing paths, the lowest ten tenants.", Unit: "percentunit", Width: 12,
					Queries: []Query{{"bottomk(10, tenant:m365_connector_probe_success:avg{@})", "{{tenant}}"}},
				},
				{
					Kind: "timeseries", Title: "Rounds", About: "Rounds each second, by outcome.", Unit: "ops", Width: 12,
					Queries: []Query{{"sum by (outcome) (rate(m365_connector_probes_total{@}[$__rate_interval]))", "{{outcome}}"}},
				},
			}},
		},
	}
}

func connector() Dashboard {
	return Dashboard{
		UID: "m365-connectors-connector", Title: "Microsoft 365 connectors / One connector",
		About:   "Stages, endpoints, certificates and replies of the chosen connector.",
		Choices: []string{"tenant", "direction", "connector"},
		Rows: []Row{
			{"State", []Panel{
				{
					Kind: "state-timeline", Title: "Paths", About: "Last conclusive verdict of each path.", Unit: "bool_yes_no", Good: "high", Width: 12,
					Queries: []Query{{"m365_connector_probe_success{@}", "{{path}}"}},
				},
				{
					Kind: "state-timeline", Title: "Endpoints", About: "Last conclusive verdict of each host and address.", Unit: "bool_yes_no", Good: "high", Width: 12,
					Queries: []Query{{"m365_connector_endpoint_success{@}", "{{host}} {{address}}"}},
				},
				{
					Kind: "table", Title: "Endpoint by stage", About: "Newest round, as in Microsoft's validation dialog. Empty: not reached, or inconclusive.", Unit: "bool_yes_no", Good: "high", Width: 12,
					Queries:    []Query{{`max by (endpoint, stage) (label_join(m365_connector_endpoint_stage_success{@}, "endpoint", " ", "path", "host", "address"))`, ""}},
					Transforms: grid("endpoint", "stage"),
				},
				{
					Kind: "table", Title: "What did not pass", About: "Newest round: stage, reason and outcome of each endpoint.", Unit: "short", Width: 12,
					Queries:    []Query{{"m365_connector_endpoint_failure_info{@}", ""}},
					Transforms: tidy("", "path", "host", "address", "stage", "reason", "outcome"),
				},
				{
					Kind: "table", Title: "Replies", About: "SMTP replies of stages that did not pass, newest round.", Unit: "none", Width: 12,
					Queries:    []Query{{"m365_connector_endpoint_smtp_reply_code{@}", ""}},
					Transforms: tidy("code", "path", "host", "address", "stage", "enhanced"),
				},
				{
					Kind: "table", Title: "Findings", About: "What the checks found on this connector.", Unit: "short", Width: 12,
					Queries:    []Query{{"m365_connector_finding_info{@}", ""}},
					Transforms: tidy("", "severity", "check", "path"),
				},
			}},
			{"Time", []Panel{
				{
					Kind: "timeseries", Title: "Duration by stage", About: "Slowest endpoint of each stage that was reached, newest round.", Unit: "s", Width: 12,
					Queries: []Query{{"max by (stage) (m365_connector_endpoint_stage_duration_seconds{@})", "{{stage}}"}},
				},
				{
					Kind: "timeseries", Title: "Round duration", About: "How long the newest round of each path took.", Unit: "s", Width: 12,
					Queries: []Query{{"m365_connector_probe_duration_seconds{@}", "{{path}}"}},
				},
				{
					Kind: "timeseries", Title: "Number of endpoints", About: "Addresses found behind each path: a fall is a change in DNS.", Unit: "short", Width: 12,
					Queries: []Query{{"m365_connector_probe_endpoints{@}", "{{path}}"}},
				},
				{
					Kind: "timeseries", Title: "Since the last success", About: "Time since the newest round that passed.", Unit: "s", Width: 12,
					Queries: []Query{{"time() - m365_connector_probe_last_success_timestamp_seconds{@}", "{{path}}"}},
				},
			}},
			{"Certificates and TLS", []Panel{
				{
					Kind: "bargauge", Title: "Left", About: "Time left of each certificate, leaf and chain.", Unit: "s", Good: "days", Width: 8,
					Queries: []Query{{"sort(certificate:m365_connector_certificate_left:seconds{@})", "{{host}} {{address}} {{role}} {{position}}"}},
				},
				{
					Kind: "table", Title: "Questions asked of the certificate", About: "Every verdict, whether this connector demands it or not.", Unit: "bool_yes_no", Good: "high", Width: 8,
					Queries:    []Query{{`min by (endpoint, verdict) (label_join(m365_connector_certificate_valid{@}, "endpoint", " ", "host", "address", "role"))`, ""}},
					Transforms: grid("endpoint", "verdict"),
				},
				{
					Kind: "table", Title: "Negotiated", About: "Version and cipher of the newest handshake.", Unit: "short", Width: 8,
					Queries:    []Query{{"m365_connector_tls_info{@}", ""}},
					Transforms: tidy("", "host", "address", "version", "cipher"),
				},
			}},
			{"Configuration", []Panel{
				{
					Kind: "table", Title: "Connector", About: "Type, source and TLS settings from the configuration.", Unit: "short", Width: 8,
					Queries:    []Query{{"m365_connector_info{@}", ""}},
					Transforms: tidy("", "tenant", "direction", "connector", "connector_type", "connector_source", "tls_settings"),
				},
				{
					Kind: "stat", Title: "Last change", About: "Microsoft's WhenChangedUTC.", Unit: "dateTimeFromNow", Width: 8,
					Queries: []Query{{"m365_connector_last_changed_timestamp_seconds{@} * 1000", "{{connector}}"}},
				},
				{
					Kind: "stat", Title: "Last validation", About: "Microsoft's LastValidationTimestamp. A validation by script does not set it.", Unit: "dateTimeFromNow", Width: 8,
					Queries: []Query{{"m365_connector_last_validation_timestamp_seconds{@} * 1000", "{{connector}}"}},
				},
			}},
		},
	}
}

func certificates() Dashboard {
	return Dashboard{
		UID: "m365-connectors-certificates", Title: "Microsoft 365 connectors / Certificates",
		About:   "What mail servers show, and what senders present to Exchange Online.",
		Choices: []string{"tenant"},
		Rows: []Row{
			{"Validity", []Panel{
				{
					Kind: "bargauge", Title: "Left, the lowest twenty", About: "Time left; role server is shown by the peer, role client presented to Exchange Online.", Unit: "s", Good: "days", Width: 12, Height: 12,
					Queries: []Query{{"sort(bottomk(20, certificate:m365_connector_certificate_left:seconds{@}))", "{{tenant}} {{host}} {{role}} {{position}}"}},
				},
				{
					Kind: "table", Title: "Share of lifetime left", About: "Lifetimes shrink; below a quarter (and 30 days) renewal is due.", Unit: "percentunit", Width: 12, Height: 12,
					Queries:    []Query{{"sort(bottomk(20, certificate:m365_connector_certificate_left:ratio{@}))", ""}},
					Transforms: tidy("left", "tenant", "connector", "path", "host", "address", "role", "position"),
				},
			}},
			{"Verdicts", []Panel{
				{
					Kind: "table", Title: "Failed questions", About: "Each question is asked on its own: an expired certificate may still have the right name.", Unit: "short", Width: 12,
					Queries:    []Query{{"m365_connector_certificate_valid{@} == 0", ""}},
					Transforms: tidy("", "tenant", "connector", "host", "address", "role", "verdict"),
				},
				{
					Kind: "timeseries", Title: "Failed questions over time", About: "Number of certificates that fail each question.", Unit: "short", Width: 12,
					Queries: []Query{{"sum by (verdict) (1 - m365_connector_certificate_valid{@})", "{{verdict}}"}},
				},
			}},
			{"Identity", []Panel{
				{
					Kind: "table", Title: "Certificates", About: "The leaf of each endpoint. One fingerprint on many endpoints is renewed on all of them.", Unit: "short", Width: 16,
					Queries:    []Query{{"m365_connector_certificate_info{@}", ""}},
					Transforms: tidy("", "tenant", "connector", "host", "address", "role", "subject", "issuer", "serial", "fingerprint_sha256"),
				},
				{
					Kind: "table", Title: "Names against accepted domains", About: "Client certificates: how many CN and SAN names stand in which relation to the tenant's accepted domains.", Unit: "short", Width: 8,
					Queries:    []Query{{"sum by (tenant, connector, match) (m365_connector_certificate_names{@})", ""}},
					Transforms: tidy("names", "tenant", "connector", "match"),
				},
			}},
		},
	}
}

func attribution() Dashboard {
	return Dashboard{
		UID: "m365-connectors-attribution", Title: "Microsoft 365 connectors / Attribution and shared addresses",
		About:   "Which tenant Exchange Online would attribute each sender's mail to (MC1226222), simulated from the configuration.",
		Choices: []string{"tenant"},
		Rows: []Row{
			{"Attribution", []Panel{
				{
					Kind: "stat", Title: "Senders attributed rightly", About: "Share of senders whose every simulated message reaches its own tenant through its own connector.", Unit: "percentunit", Good: "high", Width: 6,
					Queries: []Query{{"avg(m365_connector_attribution_success{@})", ""}},
				},
				{
					Kind: "table", Title: "Grounds", About: "By what each sender is attributed: certificate is strongest; mail_from and rcpt_to may break when a tenant is moved.", Unit: "short", Width: 18,
					Queries:    []Query{{"m365_connector_attribution_info{@}", ""}},
					Transforms: tidy("", "tenant", "connector", "path", "ground", "attributed_tenant"),
				},
				{
					Kind: "state-timeline", Title: "Senders", About: "Attribution of each sender over time.", Unit: "bool_yes_no", Good: "high", Width: 24,
					Queries: []Query{{"m365_connector_attribution_success{@}", "{{tenant}} {{path}}"}},
				},
			}},
			{"Shared between tenants", []Panel{
				{
					Kind: "table", Title: "Addresses", About: "Number of other tenants that use an address range. Who, stands in the finding's evidence.", Unit: "short", Width: 12,
					Queries:    []Query{{"sort_desc(m365_connector_shared_addresses{@} > 0)", ""}},
					Transforms: tidy("other tenants", "tenant", "connector", "prefix"),
				},
				{
					Kind: "table", Title: "Findings of MC1226222", About: "Shared identities, domains that are not accepted, attribution that is wrong, ambiguous or fragile.", Unit: "short", Width: 12,
					Queries:    []Query{{`m365_connector_finding_info{@, check=~".+_shared_between_tenants|attribution_.+|certificate_domain_not_accepted|ip_authentication_only"}`, ""}},
					Transforms: tidy("", "severity", "check", "tenant", "connector", "path"),
				},
			}},
			{"Inventory", []Panel{
				{
					Kind: "timeseries", Title: "Connectors", About: "Number of connectors by direction and type.", Unit: "short", Width: 8,
					Queries: []Query{{"count by (direction, connector_type) (m365_connector_info{@})", "{{direction}} {{connector_type}}"}},
				},
				{
					Kind: "timeseries", Title: "Changes between loads", About: "Connectors added, removed or changed. A surprise deserves a look.", Unit: "short", Width: 8,
					Queries: []Query{{"sum by (tenant, change) (increase(m365_connector_inventory_changes_total{@}[$__rate_interval]))", "{{tenant}} {{change}}"}},
				},
				{
					Kind: "bargauge", Title: "Age of the oldest export", About: "Older than eight days is stale.", Unit: "s", Width: 8,
					Queries: []Query{{"time() - m365_connector_inventory_timestamp_seconds{@}", "{{tenant}}"}},
				},
				{
					Kind: "table", Title: "Suppressions", About: "Days until each ends.", Unit: "short", Width: 24,
					Queries:    []Query{{"sort(m365_connector_finding_suppressed_until_timestamp_seconds{@} - time())" + perDay, ""}},
					Transforms: tidy("days", "tenant", "connector", "check", "owner"),
				},
			}},
		},
	}
}

package grafana

// The dashboards about what is configured: certificates and attribution.

func certificates() Dashboard {
	return Dashboard{
		UID: "m365-connectors-certificates", Title: "Microsoft 365 connectors / Certificates",
		Description: "Certificates that mail servers present, and that senders present to Exchange Online.",
		Variables:   []string{"tenant"},
		Rows: []Row{
			{"Validity", []Panel{
				{
					Kind: "bargauge", Title: "Time left, the lowest twenty",
					Unit: "s", Thresholds: "days", Width: 12, Height: 12,
					Description: "Time left. Role server: presented by the mail server; role " +
						"client: presented to Exchange Online.",
					Queries: []Query{{
						"sort(bottomk(20, " + certificatesLeft + "))",
						"{{tenant}} {{host}} {{role}} {{position}}",
					}},
				},
				{
					Kind: "table", Title: "Share of lifetime left", Unit: "percentunit", Width: 12, Height: 12,
					Description: "Leaf certificates, the lowest twenty. " +
						"Renewal is due below a quarter of the lifetime and 30 days.",
					Queries:    []Query{{"sort(bottomk(20, " + lifetimeLeft + "))", ""}},
					Transforms: tidy("left", "tenant", "connector", "path", "host", "address", "role", "position"),
				},
			}},
			{"Calendar", []Panel{
				{
					Kind: "table", Title: "Dates known in advance", Unit: "dateTimeAsIso", Width: 24,
					Description: "New rules for certificates, and throttling and blocking of outdated Exchange servers, " +
						"where they concern a tenant. docs/calendar.md explains each.",
					Queries:    []Query{{"sort(m365_connector_deadline_timestamp_seconds{@}) * 1000", ""}},
					Transforms: tidy("date", "tenant", "connector", "advisory"),
				},
			}},
			{"DANE and MTA-STS", []Panel{
				{
					Kind: "table", Title: "Mail that Exchange Online would hold", Unit: "short", Width: 12,
					Description: "Because of the connector's SmtpDaneMode or MtaStsMode: the mail is tried again for 24 hours " +
						"and returned. Of smart hosts: if Exchange Online applies them, which is not documented.",
					Queries:    []Query{{`m365_connector_delivery_prediction{@, outcome="queue"}`, ""}},
					Transforms: tidy("", "tenant", "connector", "path", "mechanism"),
				},
				{
					Kind: "timeseries", Title: "Endpoints by their TLSA records", Unit: "short", Width: 12,
					Description: "Number of endpoints whose certificate matches a TLSA record or not. Those in zones that are " +
						"not signed are left out.",
					Queries: []Query{{
						`sum by (status) (m365_connector_endpoint_dane_info{@, status!="insecure"})`, "{{status}}",
					}},
				},
			}},
			{"Verdicts", []Panel{
				{
					Kind: "table", Title: "Failed verdicts", Unit: "short", Width: 12,
					Description: "Each verdict is independent: an expired certificate may still have the right name.",
					Queries:     []Query{{"m365_connector_certificate_valid{@} == 0", ""}},
					Transforms:  tidy("", "tenant", "connector", "host", "address", "role", "verdict"),
				},
				{
					Kind: "timeseries", Title: "Failed verdicts over time", Unit: "short", Width: 12,
					Description: "Number of certificates that fail each verdict.",
					Queries: []Query{{
						"sum by (verdict) (1 - m365_connector_certificate_valid{@})",
						"{{verdict}}",
					}},
				},
			}},
			{"Identity", []Panel{
				{
					Kind: "table", Title: "Certificates", Unit: "short", Width: 16,
					Description: "The leaf certificate of each endpoint. Renew a certificate on " +
						"every endpoint that has its fingerprint.",
					Queries: []Query{{"m365_connector_certificate_info{@}", ""}},
					Transforms: tidy("", "tenant", "connector", "host", "address", "role",
						"subject", "issuer", "serial", "fingerprint_sha256"),
				},
				{
					Kind: "table", Title: "Names against accepted domains", Unit: "short", Width: 8,
					Description: "Client certificates: number of CN and SAN names by how " +
						"they match the tenant's accepted domains.",
					Queries: []Query{{
						"sum by (tenant, connector, match) (m365_connector_certificate_names{@})",
						"",
					}},
					Transforms: tidy("names", "tenant", "connector", "match"),
				},
			}},
		},
	}
}

func attribution() Dashboard {
	return Dashboard{
		UID: "m365-connectors-attribution", Title: "Microsoft 365 connectors / Attribution and shared addresses",
		Description: "Which tenant Exchange Online attributes each sender's mail to " +
			"(MC1226222), simulated from the configuration.",
		Variables: []string{"tenant"},
		Rows: []Row{
			{"Attribution", []Panel{
				{
					Kind: "stat", Title: "Correctly attributed senders",
					Unit: "percentunit", Thresholds: "high", Width: 6,
					Description: "Share of senders whose simulated messages all reach their " +
						"own tenant through their connector.",
					Queries: []Query{{"avg(m365_connector_attribution_success{@})", ""}},
				},
				{
					Kind: "table", Title: "Attribution criteria", Unit: "short", Width: 18,
					Description: "Criterion by which each sender is attributed. Certificate is the strongest; " +
						"mail_from and rcpt_to " +
						"may break when Microsoft moves a tenant.",
					Queries:    []Query{{"m365_connector_attribution_info{@}", ""}},
					Transforms: tidy("", "tenant", "connector", "path", "ground", "attributed_tenant"),
				},
				{
					Kind: "state-timeline", Title: "Senders", Unit: "bool_yes_no", Thresholds: "high", Width: 24,
					Description: "Attribution of each sender over time.",
					Queries:     []Query{{"m365_connector_attribution_success{@}", "{{tenant}} {{path}}"}},
				},
			}},
			{"Shared between tenants", []Panel{
				{
					Kind: "table", Title: "Addresses", Unit: "short", Width: 12,
					Description: "Number of other tenants that use an address range. " +
						"The finding's evidence names them.",
					Queries:    []Query{{"sort_desc(m365_connector_shared_addresses{@} > 0)", ""}},
					Transforms: tidy("other tenants", "tenant", "connector", "prefix"),
				},
				{
					Kind: "table", Title: "Findings of MC1226222", Unit: "short", Width: 12,
					Description: "Shared identities, domains that are not accepted domains, and " +
						"wrong, ambiguous or fragile attribution.",
					Queries: []Query{{
						`m365_connector_finding_info{@, ` +
							`check=~".+_shared_between_tenants|attribution_.+|certificate_domain_not_accepted|ip_authentication_only"}`,
						"",
					}},
					Transforms: tidy("", "severity", "check", "tenant", "connector", "path"),
				},
			}},
			{"Inventory", []Panel{
				{
					Kind: "timeseries", Title: "Connectors", Unit: "short", Width: 8,
					Description: "Number of connectors by direction and type.",
					Queries: []Query{{
						"count by (direction, connector_type) (m365_connector_info{@})",
						"{{direction}} {{connector_type}}",
					}},
				},
				{
					Kind: "timeseries", Title: "Changes between loads", Unit: "short", Width: 8,
					Description: "Number of connectors added, removed or changed.",
					Queries: []Query{{
						"sum by (tenant, change) " +
							"(increase(m365_connector_inventory_changes_total{@}[$__rate_interval]))",
						"{{tenant}} {{change}}",
					}},
				},
				{
					Kind: "bargauge", Title: "Age of the inventory", Unit: "s", Width: 8,
					Description: "Time since the newest read from Exchange Online, or the age of the oldest export. " +
						"Exports older than eight days are outdated.",
					Queries: []Query{{
						"time() - (m365_connector_inventory_source_last_success_timestamp_seconds{@} or " +
							"m365_connector_inventory_timestamp_seconds{@})",
						"{{tenant}} {{source}}",
					}},
				},
				{
					Kind: "table", Title: "Failed reads", Unit: "short", Width: 24,
					Description: "Cmdlets that Exchange Online did not answer, with the reason. The last good records stay in use.",
					Queries:     []Query{{"m365_connector_inventory_source_failure_info{@}", ""}},
					Transforms:  tidy("", "tenant", "cmdlet", "reason"),
				},
				{
					Kind: "table", Title: "Suppressions", Unit: "short", Width: 24,
					Description: "Days until each suppression expires.",
					Queries: []Query{{
						"sort(m365_connector_finding_suppressed_until_timestamp_seconds{@} - time())" + perDay,
						"",
					}},
					Transforms: tidy("days", "tenant", "connector", "check", "owner"),
				},
			}},
		},
	}
}

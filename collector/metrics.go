package collector

// Label sets of the metric table.
var (
	pathLabels      = []string{"tenant", "connector", "direction", "path"}
	endpointLabels  = with(pathLabels, "host", "address")
	roundTripLabels = []string{"tenant", "round_trip"}
	connectorLabels = []string{"tenant", "connector", "direction"}
	stageLabels     = []string{"host", "address", "stage"}
)

// with returns base and more labels.
func with(base []string, more ...string) []string {
	return append(append([]string{}, base...), more...)
}

// To alert on: the series hold the last conclusive value.
var (
	probeSuccess = stable("probe_success", gauge, pathLabels,
		"1 while at least one endpoint passes every probed stage and none fails, 0 while an endpoint fails and a second "+
			"round has confirmed it. Absent until the first verdict.")
	probeFailureInfo = stable("probe_failure_info", gauge, with(pathLabels, "stage", "reason"),
		"Why the path fails: one series while probe_success is 0.")
	probeInconclusive = stable("probe_inconclusive", gauge, pathLabels,
		"1 while an endpoint of the latest round was inconclusive.")
	probeLastRun = stable("probe_last_run_timestamp_seconds", gauge, pathLabels,
		"When the latest round ended.")
	probeLastSuccess = stable("probe_last_success_timestamp_seconds", gauge, pathLabels,
		"When the latest round ended in which an endpoint passed while probe_success was 1.")
	probeInterval = stable("probe_interval_seconds", gauge, pathLabels,
		"Time between two rounds.")
	probesTotal = stable("probes_total", counter, with(pathLabels, "outcome"),
		"Rounds by outcome. A first failure that a second round has not confirmed does not count.")
	endpointSuccess = stable("endpoint_success", gauge, endpointLabels,
		"Last conclusive verdict of the endpoint.")
	certificateNotAfter = stable("certificate_not_after_timestamp_seconds", gauge,
		with(endpointLabels, "role", "position"),
		"End of validity of the leaf, and the earliest end in the chain above it.")
	certificateNotBefore = stable("certificate_not_before_timestamp_seconds", gauge,
		with(endpointLabels, "role", "position"),
		"Start of validity.")
	certificateValid = stable("certificate_valid", gauge, with(endpointLabels, "role", "verdict"),
		"1 passed, 0 failed, for each verdict on the certificate. Absent where it cannot be judged.")
	certificateTrusted = stable("certificate_trusted", gauge, with(endpointLabels, "role", "store"),
		"1 when the chain, as it was sent, verifies with the roots of a store, 0 when it does not. The stores: mozilla, "+
			"digicert_global_root_g2 alone, those of trust_stores, and system if ca_file replaces it. The verdict with the "+
			"roots in use is certificate_valid with verdict=\"trust\".")
	connectorInfo = stable("info", gauge, with(connectorLabels, "connector_type", "connector_source", "tls_settings"),
		"The connector. Always 1.")
	connectorEnabled = stable("enabled", gauge, connectorLabels,
		"Whether the connector is turned on. Absent when unknown.")
	connectorValidated = stable("validated", gauge, connectorLabels,
		"Microsoft's IsValidated. Absent when unknown.")
	connectorLastValidation = stable("last_validation_timestamp_seconds", gauge, connectorLabels,
		"Microsoft's LastValidationTimestamp. Absent when unknown.")
	connectorLastChanged = stable("last_changed_timestamp_seconds", gauge, connectorLabels,
		"Microsoft's WhenChangedUTC. Absent when unknown.")
	endpointDANE = stable("endpoint_dane_info", gauge, with(endpointLabels, "status"),
		"How the endpoint's certificate compares with the TLSA records of its host (RFC 7672): match, mismatch, unusable "+
			"(no record can be used: any certificate will do), none, insecure (the zone is not signed) or bogus (its "+
			"signatures are wrong). Always 1. Absent without a validating resolver.")
	mtaSTSInfo = stable("mta_sts_info", gauge, []string{"tenant", "domain", "mode", "policy_id"},
		"The MTA-STS policy (RFC 8461) of an accepted domain, or of a domain that outbound mail goes to by MX: enforce, "+
			"testing, none, invalid (it cannot be used) or absent. Always 1. No series while DNS or the policy host does "+
			"not answer and no policy is kept.")
	deliveryPrediction = stable("delivery_prediction", gauge, with(pathLabels, "mechanism", "outcome"),
		"What Exchange Online would do with mail on this path because of dane or mta_sts, by the connector's mode: deliver, "+
			"queue (hold it for 24 hours, then return it) or not_applicable. Always 1. For smart hosts, Microsoft does not "+
			"document whether Exchange Online applies the mechanism.")
	inventoryTimestamp = stable("inventory_timestamp_seconds", gauge, []string{"tenant"},
		"Time of the oldest export in use.")
	sourceSuccess = stable("inventory_source_success", gauge, []string{"tenant", "source", "cmdlet"},
		"1 when the newest read of this cmdlet from Exchange Online succeeded, 0 when it failed. A failed read changes no "+
			"record.")
	sourceFailureInfo = stable("inventory_source_failure_info", gauge, []string{"tenant", "cmdlet", "reason"},
		"Why the newest read of this cmdlet failed. Always 1.")
	sourceLastSuccess = stable("inventory_source_last_success_timestamp_seconds", gauge, []string{"tenant", "source"},
		"When the connectors and accepted domains in use were read from Exchange Online.")
	roundTripSuccess = stable("round_trip_success", gauge, roundTripLabels,
		"1 when the newest finished message of the round trip arrived in time and as expected, else 0. Absent before the "+
			"first outcome.")
	roundTripOutcome = stable("round_trip_outcome_info", gauge, with(roundTripLabels, "outcome"),
		"The outcome of the newest finished message. Always 1.")
	roundTripsTotal = stable("round_trips_total", counter, with(roundTripLabels, "outcome"),
		"Messages by outcome: delivered, late, lost, duplicate, misrouted, returned, spam, altered. A lost message that "+
			"arrives later counts as late, too.")
	roundTripSeconds = stable("round_trip_seconds", histogram, roundTripLabels,
		"How long messages took from the first server to the sink, by the exporter's clock.")
	roundTripAttribution = stable("round_trip_attribution_info", gauge,
		with(roundTripLabels, "attributed_tenant_id", "origin"),
		"The tenant to which Exchange Online attributed the newest message, and its origin: hybrid_on_prem, hosted or "+
			"unknown. Always 1.")
	roundTripLastSent = stable("round_trip_last_sent_timestamp_seconds", gauge, roundTripLabels,
		"When the newest message was sent.")
	roundTripLastReceived = stable("round_trip_last_received_timestamp_seconds", gauge, roundTripLabels,
		"When the newest message that arrived was received.")
	tlsReportSessions = stable("tls_report_sessions_total", counter, []string{"domain", "organization", "result"},
		"Sessions that senders report for accepted domains in verified TLS reports, by result: success or a result type of "+
			"RFC 8460. The organization is the domain that signed the report.")
	inventoryChanges = stable("inventory_changes_total", counter, []string{"tenant", "change"},
		"Connectors added, removed or changed between loads of the configuration.")
	findingCount = stable("findings", gauge, with(connectorLabels, "severity"),
		"Findings that are not suppressed, 0 included. Those of a whole tenant have an empty connector and direction.")
	findingInfo = stable("finding_info", gauge, with(pathLabels, "check", "severity"),
		"1 while found. One series, however many endpoints show it.")
	findingSuppressedUntil = stable("finding_suppressed_until_timestamp_seconds", gauge,
		with(connectorLabels, "check", "owner"),
		"When the suppression of a finding ends. Suppressed findings are in no other series.")
	deadline = stable("deadline_timestamp_seconds", gauge, []string{"tenant", "connector", "advisory"},
		"When a change that is known in advance concerns this tenant or connector (see /calendar): a certificate rule "+
			"of the authorities, or throttling and blocking of an outdated Exchange server. Only where it is affected.")
	sharedAddresses = stable("shared_addresses", gauge, with(connectorLabels, "prefix"),
		"How many other tenants use addresses of this prefix.")
	attributionSuccess = stable("attribution_success", gauge, pathLabels,
		"1 when every simulated message of this sender reaches its own tenant through this connector, and no "+
			"other.")
	attributionInfo = stable("attribution_info", gauge, with(pathLabels, "ground", "attributed_tenant"),
		"To which tenant this sender's mail is attributed, and on what ground.")
	certificateNames = stable("certificate_names", gauge, with(endpointLabels, "role", "match"),
		"Number of names in a sender's certificate by their relation to the tenant's accepted domains. Absent if the "+
			"certificate has more names than are recorded.")
)

// To look at: the series show the latest round.
var (
	probeDuration = latest("probe_duration_seconds", gauge, pathLabels,
		"How long the latest round took.")
	probeEndpoints = latest("probe_endpoints", gauge, pathLabels,
		"Number of endpoints in the latest round.")
	endpointStageSuccess = latest("endpoint_stage_success", gauge, with(endpointLabels, "stage"),
		"1 passed, 0 failed in the latest round. Absent when not reached or inconclusive.")
	endpointStageDuration = latest("endpoint_stage_duration_seconds", gauge, with(endpointLabels, "stage"),
		"How long the stage took in the latest round.")
	endpointFailureInfo = latest("endpoint_failure_info", gauge, with(endpointLabels, "stage", "reason", "outcome"),
		"Why the endpoint did not pass in the latest round.")
	endpointReplyCode = latest("endpoint_smtp_reply_code", gauge, with(endpointLabels, "stage", "enhanced"),
		"The SMTP reply of a stage that did not pass in the latest round.")
	tlsInfo = latest("tls_info", gauge, with(endpointLabels, "version", "cipher"),
		"What the latest handshake negotiated. Always 1.")
	certificateInfo = latest("certificate_info", gauge,
		with(endpointLabels, "role", "subject", "issuer", "serial", "fingerprint_sha256"),
		"The leaf certificate. Always 1.")
	stageDuration = latest("stage_duration_seconds", histogram, []string{"direction", "stage"},
		"How long passed stages took.")
)

// Of the exporter itself.
var (
	exporterBuildInfo = ofExporter("build_info", gauge,
		[]string{"version", "revision", "branch", "goversion", "goos", "goarch", "tags"},
		"What is running. Always 1.")
	exporterReloadSuccessful = ofExporter("config_last_reload_successful", gauge, nil,
		"1 when the last attempt to load the configuration succeeded.")
	exporterReloadTime = ofExporter("config_last_reload_success_timestamp_seconds", gauge, nil,
		"When the configuration was last loaded.")
	exporterTenantLoaded = ofExporter("tenant_load_successful", gauge, []string{"tenant"},
		"1 when the tenant's own files loaded.")
	exporterConfigWarnings = ofExporter("config_warnings", gauge, nil,
		"Number of warnings about the configuration and the exports in use; the status page and the log list them.")
	exporterProbesInFlight = ofExporter("probes_in_flight", gauge, nil,
		"Probes that hold a connection now.")
	exporterScheduleLag = ofExporter("schedule_lag_seconds", histogram, nil,
		"How late rounds start.")
	exporterRoundsSkipped = ofExporter("rounds_skipped_total", counter, nil,
		"Rounds skipped because the previous one was still running.")
	exporterThrottled = ofExporter("throttled_total", counter, nil,
		"Connections that a server answered with 421 or 4.7.5xx.")
	exporterFirstRoundComplete = ofExporter("first_round_complete", gauge, nil,
		"1 once every path has been probed since the start.")
	exporterSelfTestSuccess = ofExporter("self_test_success", gauge, nil,
		"1 when the latest probe of the mail server inside this process passed, 0 when the prober itself is "+
			"broken. Absent before the first.")
	exporterSinkConnections = ofExporter("sink_connections_total", counter, []string{"outcome"},
		"Connections to the sink of round trips: accepted, refused (not from sink.networks) or limited (too many). Absent "+
			"without a sink, as are the other series about it.")
	exporterSinkErrors = ofExporter("sink_connection_errors_total", counter, nil,
		"Connections to the sink that ended with an error, such as a TLS handshake that failed.")
	exporterSinkMessages = ofExporter("sink_messages_total", counter, []string{"outcome"},
		"Messages offered to the sink: accepted, or why the sink refused them: unknown_recipient, throttled (too many), "+
			"too_large, deferred (could not be processed then) or failed (a bug). Each unknown recipient counts.")
	exporterSeriesDropped = ofExporter("series_dropped", gauge, nil,
		"Series left out of the latest complete scrape because others have the same labels once sanitized.")
)

// On /probe: one probe on demand.
var (
	onDemandSuccess = onProbe("probe_success", nil,
		"1 when every endpoint passed every probed stage, 0 when one failed. If this probe is inconclusive, the path's "+
			"last verdict; absent if there is none.")
	onDemandInconclusive = onProbe("probe_inconclusive", nil,
		"1 when this probe was inconclusive or interrupted.")
	onDemandDuration = onProbe("probe_duration_seconds", nil,
		"How long the probe took.")
	onDemandEarliestExpiry = onProbe("probe_ssl_earliest_cert_expiry", nil,
		"Earliest end of validity of the leaves and the certificates that verify them, as Unix time.")
	onDemandStageSuccess = onProbe("probe_stage_success", stageLabels,
		"1 passed, 0 failed. Absent when not reached or inconclusive.")
	onDemandStageDuration = onProbe("probe_stage_duration_seconds", stageLabels,
		"How long the stage took. Absent when not reached or inconclusive.")
	onDemandFailureInfo = onProbe("probe_failure_info", with(stageLabels, "reason", "outcome"),
		"Why the endpoint did not pass.")
	onDemandLookupTime = onProbe("probe_dns_lookup_time_seconds", nil,
		"How long DNS took, for all hosts.")
	onDemandIPProtocol = onProbe("probe_ip_protocol", nil,
		"4 or 6: the IP version of the first endpoint that has an address.")
	onDemandTLSVersion = onProbe("probe_tls_version_info", []string{"version"},
		"TLS versions in use. Always 1.")
	onDemandLastChainInfo = onProbe("probe_ssl_last_chain_info",
		[]string{"fingerprint_sha256", "subject", "issuer", "subjectalternative", "serialnumber"},
		"The leaf certificates. Always 1.")
	onDemandLastChainExpiry = onProbe("probe_ssl_last_chain_expiry_timestamp_seconds", nil,
		"Earliest end of validity of the chains to a trusted root; of several chains of one server, of the one "+
			"that is valid longest.")
)

package collector

const namespace = "m365_connector_"

// Label sets of the contract, section 5.
var (
	pathLabels      = []string{"tenant", "connector", "direction", "path"}
	endpointLabels  = append(append([]string{}, pathLabels...), "host", "address")
	connectorLabels = []string{"tenant", "connector", "direction"}
)

// Kind is a metric's type, as # TYPE says it.
type Kind string

// The kinds in use.
const (
	gauge     Kind = "gauge"
	counter   Kind = "counter"
	histogram Kind = "histogram"
)

// Metric is a line of the metric table, from which families and docs/metrics.md come.
type Metric struct {
	Name   string // without the prefix m365_connector_
	Help   string
	Kind   Kind
	Labels []string
	Stable bool // keeps its value while nothing is proven anew: alert on these
}

func with(base []string, more ...string) []string {
	return append(append([]string{}, base...), more...)
}

// Keys of the metric table.
const (
	mSuccess = iota
	mFailure
	mInconclusive
	mLastRun
	mLastSuccess
	mInterval
	mProbes
	mEndpointSuccess
	mNotAfter
	mNotBefore
	mValid
	mInfo
	mEnabled
	mValidated
	mLastValidation
	mLastChanged
	mInventory
	mChanges
	mFindings
	mFinding
	mSuppressed
	mShared
	mAttributed
	mAttribution
	mNames
	mDuration
	mEndpoints
	mStageSuccess
	mStageDuration
	mEndpointFailure
	mReplyCode
	mTLSInfo
	mCertificateInfo
	numMetrics
)

// stageHistogram is the one metric that the store observes instead of drawing.
var stageHistogram = Metric{"stage_duration_seconds", "How long passed stages took.", histogram, []string{"direction", "stage"}, false}

// Metrics is the table of everything that is drawn from snapshots as a plain value.
func Metrics() [numMetrics]Metric {
	return [numMetrics]Metric{
		mSuccess:         {"probe_success", "1 when every endpoint passed every stage asked for, 0 when one failed and a second round confirmed it. Absent until a first conclusive round.", gauge, pathLabels, true},
		mFailure:         {"probe_failure_info", "Why the path fails: one series while probe_success is 0.", gauge, with(pathLabels, "stage", "reason"), true},
		mInconclusive:    {"probe_inconclusive", "1 while the newest round proved nothing either way.", gauge, pathLabels, true},
		mLastRun:         {"probe_last_run_timestamp_seconds", "When the newest round ended.", gauge, pathLabels, true},
		mLastSuccess:     {"probe_last_success_timestamp_seconds", "When the newest round that passed ended.", gauge, pathLabels, true},
		mInterval:        {"probe_interval_seconds", "Time between two rounds.", gauge, pathLabels, true},
		mProbes:          {"probes_total", "Rounds by outcome. A first failure that a second round has not confirmed does not count.", counter, with(pathLabels, "outcome"), true},
		mEndpointSuccess: {"endpoint_success", "Last conclusive verdict of the endpoint.", gauge, endpointLabels, true},
		mNotAfter:        {"certificate_not_after_timestamp_seconds", "End of validity of the leaf, and the earliest end in the chain above it.", gauge, with(endpointLabels, "role", "position"), true},
		mNotBefore:       {"certificate_not_before_timestamp_seconds", "Start of validity.", gauge, with(endpointLabels, "role", "position"), true},
		mValid:           {"certificate_valid", "One verdict per question asked of the certificate. Absent where it cannot be judged.", gauge, with(endpointLabels, "role", "verdict"), true},
		mInfo:            {"info", "The connector. Always 1.", gauge, with(connectorLabels, "connector_type", "connector_source", "tls_settings"), true},
		mEnabled:         {"enabled", "Whether the connector is turned on. Absent when unknown.", gauge, connectorLabels, true},
		mValidated:       {"validated", "Microsoft's IsValidated. Absent when unknown.", gauge, connectorLabels, true},
		mLastValidation:  {"last_validation_timestamp_seconds", "Microsoft's LastValidationTimestamp. Absent when unknown.", gauge, connectorLabels, true},
		mLastChanged:     {"last_changed_timestamp_seconds", "Microsoft's WhenChangedUTC. Absent when unknown.", gauge, connectorLabels, true},
		mInventory:       {"inventory_timestamp_seconds", "Time of the oldest export in use.", gauge, []string{"tenant"}, true},
		mChanges:         {"inventory_changes_total", "Connectors that were new, gone or different at a load of the configuration.", counter, []string{"tenant", "change"}, true},
		mFindings:        {"findings", "Findings that are not suppressed, 0 included. Those of a whole tenant stand under an empty connector and direction.", gauge, with(connectorLabels, "severity"), true},
		mFinding:         {"finding_info", "1 while found. One series, however many endpoints show it.", gauge, with(pathLabels, "check", "severity"), true},
		mSuppressed:      {"finding_suppressed_until_timestamp_seconds", "When the suppression of a finding ends. Suppressed findings are in no other series.", gauge, with(connectorLabels, "check", "owner"), true},
		mShared:          {"shared_addresses", "How many other tenants use addresses of this prefix.", gauge, with(connectorLabels, "prefix"), true},
		mAttributed:      {"attribution_success", "1 when every simulated message of this sender reaches its own tenant through this connector, and no other.", gauge, pathLabels, true},
		mAttribution:     {"attribution_info", "On what ground, and to which tenant, this sender's mail is attributed.", gauge, with(pathLabels, "ground", "attributed_tenant"), true},
		mNames:           {"certificate_names", "Names of a sender's certificate by how they stand to the tenant's accepted domains.", gauge, with(endpointLabels, "role", "match"), true},
		mDuration:        {"probe_duration_seconds", "How long the newest round took.", gauge, pathLabels, false},
		mEndpoints:       {"probe_endpoints", "Endpoints of the newest round.", gauge, pathLabels, false},
		mStageSuccess:    {"endpoint_stage_success", "1 passed, 0 failed in the newest round. Absent when not reached or inconclusive.", gauge, with(endpointLabels, "stage"), false},
		mStageDuration:   {"endpoint_stage_duration_seconds", "How long the stage took in the newest round.", gauge, with(endpointLabels, "stage"), false},
		mEndpointFailure: {"endpoint_failure_info", "Why the endpoint did not pass in the newest round.", gauge, with(endpointLabels, "stage", "reason", "outcome"), false},
		mReplyCode:       {"endpoint_smtp_reply_code", "The SMTP reply of a stage that did not pass in the newest round.", gauge, with(endpointLabels, "stage", "enhanced"), false},
		mTLSInfo:         {"tls_info", "What the newest handshake negotiated. Always 1.", gauge, with(endpointLabels, "version", "cipher"), false},
		mCertificateInfo: {"certificate_info", "The leaf certificate. Always 1.", gauge, with(endpointLabels, "role", "subject", "issuer", "serial", "fingerprint_sha256"), false},
	}
}

// Keys of the table of the exporter's own metrics.
const (
	ownBuildInfo = iota
	ownReloadOK
	ownReloadTime
	ownTenantLoaded
	ownInFlight
	ownLag
	ownSkipped
	ownThrottled
	ownFirstRound
	ownSelfTest
	ownDropped
	numOwn
)

// OwnMetrics is the table of what the exporter tells of itself.
func OwnMetrics() [numOwn]Metric {
	return [numOwn]Metric{
		ownBuildInfo:    {"exporter_build_info", "What is running. Always 1.", gauge, []string{"version", "revision", "branch", "goversion", "goos", "goarch", "tags"}, false},
		ownReloadOK:     {"exporter_config_last_reload_successful", "1 when the last attempt to load the configuration succeeded.", gauge, nil, false},
		ownReloadTime:   {"exporter_config_last_reload_success_timestamp_seconds", "When the configuration was last loaded.", gauge, nil, false},
		ownTenantLoaded: {"exporter_tenant_load_successful", "1 when the tenant's own files loaded.", gauge, []string{"tenant"}, false},
		ownInFlight:     {"exporter_probes_in_flight", "Probes that hold a connection now.", gauge, nil, false},
		ownLag:          {"exporter_schedule_lag_seconds", "How late rounds start.", histogram, nil, false},
		ownSkipped:      {"exporter_rounds_skipped_total", "Rounds skipped because the one before was still going on.", counter, nil, false},
		ownThrottled:    {"exporter_throttled_total", "Connections that a server answered with 421 or 4.7.5xx.", counter, nil, false},
		ownFirstRound:   {"exporter_first_round_complete", "1 once every path has been probed since the start.", gauge, nil, false},
		ownSelfTest:     {"exporter_self_test_success", "1 when the newest probe of the mail server inside this process passed, 0 when this prober itself is sick. Absent before the first.", gauge, nil, false},
		ownDropped:      {"exporter_series_dropped", "Series left out of the newest whole scrape because others have the same labels once cleaned.", gauge, nil, false},
	}
}

package collector

import "github.com/prometheus/client_golang/prometheus"

// Label sets of the contract, section 5.
var (
	pathLabels      = []string{"tenant", "connector", "direction", "path"}
	endpointLabels  = append(append([]string{}, pathLabels...), "host", "address")
	connectorLabels = []string{"tenant", "connector", "direction"}
)

// Metric is a line of the metric table, from which descriptions and docs/metrics.md come.
type Metric struct {
	Name   string // without the prefix m365_connector_
	Help   string
	Type   prometheus.ValueType
	Labels []string
	Steady bool // keeps its value while nothing is proven anew: alert on these
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

const (
	gauge   = prometheus.GaugeValue
	counter = prometheus.CounterValue
)

// stageHistogram is the one metric that the board observes instead of drawing.
var stageHistogram = Metric{Name: "stage_duration_seconds", Help: "How long passed stages took.", Labels: []string{"direction", "stage"}}

// Metrics is the table of everything that comes from the board as a plain value.
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

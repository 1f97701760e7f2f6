//go:build e2e

package e2e

import (
	"fmt"
	"sort"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// pathResult is the expected result of a path: its outcome, and stage and reason of every endpoint that did not pass.
type pathResult struct {
	outcome   string // passed, failed, inconclusive
	endpoints string // "passed/all": how many of the endpoints passed every stage
	why       string // stage and reason of the failed path, else of its endpoint
	code      string // SMTP reply of a stage that did not pass: "550 5.1.1"
}

// rows returns the probed paths, by name, with their expected results.
func (w *world) rows() map[string]struct {
	path
	want pathResult
} {
	type row = struct {
		path
		want pathResult
	}
	at := func(name, tls, recipient, probe string) path {
		s := w.servers[name]
		return path{hop: s.host(), port: s.port, tls: tls, recipient: recipient, probe: probe}
	}
	failed := func(endpoints, why, code string) pathResult { return pathResult{"failed", endpoints, why, code} }
	inconclusive := func(why, code string) pathResult { return pathResult{"inconclusive", "0/1", why, code} }
	passed := pathResult{"passed", "1/1", "", ""}
	port := w.servers["good"].port
	return map[string]row{
		// healthy Postfix
		"good":       {at("good", "DomainValidation", "probe", ""), passed},
		"by-address": {path{hop: w.servers["good"].addr, port: port, tls: "CertificateValidation"}, passed},
		"by-alias":   {path{hop: "alias." + zone, port: port, tls: "EncryptionOnly"}, passed},
		"by-mx": {
			path{hop: "mx:" + zone, port: w.servers["mx1"].port, tls: "CertificateValidation"},
			pathResult{"passed", "2/2", "", ""},
		},
		"tls12":               {at("tls12", "DomainValidation", "", ""), passed},
		"plain-nothing-asked": {at("plain", "", "probe", ""), passed},
		"selfsigned-enough":   {at("selfsigned", "EncryptionOnly", "", ""), passed},
		"tls10-nothing-asked": {at("tls10", "", "", ""), passed},
		"tarpit-patient":      {at("tarpit", "", "", "timeout: 8s, interval: 9s, "), passed},
		// several addresses
		"cidr": {
			path{hop: "127.0.2.0/31", port: w.servers["range0"].port, tls: "CertificateValidation"},
			pathResult{"passed", "2/2", "", ""},
		},
		"cidr-gap": {
			path{hop: "127.0.2.0/30", port: w.servers["range0"].port},
			failed("3/4", "connect connect_refused", ""),
		},
		"ipv6": {at("six", "DomainValidation", "probe", "ip_protocol: ip6, "), passed},
		"ipv6-literal": {path{
			hop: "[::1]", port: w.servers["six"].port, tls: "CertificateValidation",
			probe: "ip_protocol: ip6, ",
		}, passed},
		"ipv6-and-4":    {at("dual", "DomainValidation", "", "ip_protocol: any, "), pathResult{"passed", "2/2", "", ""}},
		"ipv6-dead":     {at("lame", "", "", "ip_protocol: any, "), failed("1/2", "connect connect_refused", "")},
		"ipv6-not-used": {at("lame", "", "", "ip_protocol: ip4, "), passed},
		// names
		"nxdomain":   {path{hop: "gone." + zone, port: port}, failed("0/1", "resolve nxdomain", "")},
		"no-address": {path{hop: "text." + zone, port: port}, failed("0/1", "resolve no_address", "")},
		"null-mx":    {path{hop: "mx:nomail." + zone, port: port}, failed("0/1", "resolve null_mx", "")},
		"half-dead":  {path{hop: "mx:halfdead." + zone, port: port}, failed("1/2", "resolve nxdomain", "")},
		"bogus":      {path{hop: "mail." + expiredZone, port: port}, failed("0/1", "resolve dns_bogus", "")},
		// connections and greetings
		"down":   {at("down", "", "", ""), failed("0/1", "connect connect_refused", "")},
		"busy":   {at("busy", "", "", ""), inconclusive("ehlo throttled", "421 4.3.2")},
		"tarpit": {at("tarpit", "", "", "timeout: 4s, "), failed("0/1", "ehlo greeting_timeout", "")},
		// TLS
		"plain":      {at("plain", "EncryptionOnly", "", ""), failed("0/1", "tls starttls_not_offered", "")},
		"expired":    {at("expired", "CertificateValidation", "", ""), failed("0/1", "tls certificate_expired", "")},
		"future":     {at("future", "CertificateValidation", "", ""), failed("0/1", "tls certificate_not_yet_valid", "")},
		"selfsigned": {at("selfsigned", "CertificateValidation", "", ""), failed("0/1", "tls certificate_untrusted", "")},
		"nochain": {
			at("nochain", "CertificateValidation", "", ""),
			failed("0/1", "tls certificate_chain_incomplete", ""),
		},
		"othername": {at("othername", "DomainValidation", "", ""), failed("0/1", "tls certificate_name_mismatch", "")},
		"tls10":     {at("tls10", "EncryptionOnly", "", ""), failed("0/1", "tls tls_version", "")},
		// Postfix completes the handshake without a certificate and then replies 421
		"clientcert": {at("clientcert", "EncryptionOnly", "", ""), failed("0/1", "tls client_certificate_required",
			"421 4.7.1")},
		// refusals
		"sender": {at("sender", "EncryptionOnly", "probe", ""), failed("0/1", "recipient sender_rejected",
			"550 5.7.1")},
		"sender-late": {
			at("sender-at-rcpt", "EncryptionOnly", "probe", ""),
			failed("0/1", "recipient sender_rejected", "550 5.7.1"),
		},
		"unknown": {at("good", "EncryptionOnly", "nobody", ""), failed("0/1", "recipient recipient_unknown",
			"550 5.1.1")},
		"rejected": {at("recipients", "EncryptionOnly", "no", ""), failed("0/1", "recipient recipient_rejected",
			"550 5.7.1")},
		"greylisted": {
			at("recipients", "EncryptionOnly", "grey", ""),
			inconclusive("recipient temporary_rejection", "450 4.2.0"),
		},
		"slow":     {at("recipients", "EncryptionOnly", "slow", ""), failed("0/1", "recipient reply_timeout", "")},
		"nameless": {at("nameless", "EncryptionOnly", "probe", ""), inconclusive("recipient prober_rejected", "550 5.7.25")},
		"full-disk": {
			at("full-disk", "EncryptionOnly", "probe", ""),
			failed("0/1", "recipient server_unavailable", "452 4.3.1"),
		},
		// Exim and OpenSMTPD
		"exim":         {at("exim", "DomainValidation", "probe", ""), passed},
		"exim-unknown": {at("exim", "EncryptionOnly", "nobody", ""), failed("0/1", "recipient recipient_unknown", "550 ")},
		"exim-strict":  {at("strict", "EncryptionOnly", "", ""), failed("0/1", "tls client_certificate_required", "")},
		"exim-keyless": {at("keyless", "EncryptionOnly", "", ""), failed("0/1", "tls starttls_rejected", "454 ")},
		"exim-lookup": {
			at("tableless", "EncryptionOnly", "probe", ""),
			failed("0/1", "recipient server_unavailable", "451 "),
		},
		"opensmtpd": {at("opensmtpd", "EncryptionOnly", "", ""), failed("0/1", "tls tls_handshake", "")},
	}
}

// TestWatch runs the daemon on all servers and compares /metrics with the expected results, twice, two intervals
// apart, so that a changing result is noticed.
func TestWatch(t *testing.T) {
	w := newWorld(t)
	rows := w.rows()
	var paths []path
	want := map[string]pathResult{}
	for name, row := range rows {
		row.connector = name
		paths = append(paths, row.path)
		want[name] = row.want
	}
	sort.Slice(paths, func(i, j int) bool { return paths[i].connector < paths[j].connector })
	d := w.serve(w.configure("watch.yaml", paths...))
	diff := func() string {
		m := d.metrics()
		got := map[string]pathResult{}
		for name := range rows {
			got[name] = m.pathResult(name)
		}
		return cmp.Diff(want, got, cmp.AllowUnexported(pathResult{}))
	}
	eventually(t, 90*time.Second, diff)
	time.Sleep(15 * time.Second)
	eventually(t, 5*time.Second, diff)
	w.checkCertificates(d.metrics())
	if code := d.stop(); code != 0 {
		t.Errorf("exit code %d after SIGTERM", code)
	}
}

// pathResult returns the result of a connector's path on /metrics. Contradictory metrics give a text
// that no row expects.
func (m metrics) pathResult(connector string) pathResult {
	of := []string{"connector", connector}
	t := pathResult{outcome: "no result"}
	success, known := m.value("probe_success", of...)
	inconclusive, _ := m.value("probe_inconclusive", of...)
	switch {
	case inconclusive == 1 && !known:
		t.outcome = "inconclusive"
	case inconclusive == 1:
		t.outcome = fmt.Sprintf("inconclusive and %v", success)
	case known && success == 1:
		t.outcome = "passed"
	case known:
		t.outcome = "failed"
	}
	all, bad := map[string]bool{}, map[string]bool{}
	endpoint := func(s sample) string { return s.labels["host"] + " " + s.labels["address"] }
	for _, s := range m.find("endpoint_stage_success", of...) {
		if s.labels["stage"] != "resolve" { // resolve is a stage of the host
			all[endpoint(s)] = true
		}
	}
	t.why = m.why("endpoint_failure_info", of)
	for _, s := range m.find("endpoint_failure_info", of...) {
		bad[endpoint(s)] = true
		all[endpoint(s)] = true
	}
	t.endpoints = fmt.Sprintf("%d/%d", len(all)-len(bad), len(all))
	if path := m.why("probe_failure_info", of); (path != "") != (t.outcome == "failed") || path != "" && path != t.why {
		t.why = fmt.Sprintf("path %q, endpoints %q", path, t.why)
	}
	for _, s := range m.find("endpoint_smtp_reply_code", of...) {
		t.code = fmt.Sprintf("%v %s", s.value, s.labels["enhanced"])
	}
	return t
}

func (m metrics) why(name string, of []string) string {
	var whys []string
	for _, s := range m.find(name, of...) {
		whys = append(whys, s.labels["stage"]+" "+s.labels["reason"])
	}
	sort.Strings(whys)
	return strings.Join(whys, ", ")
}

// checkCertificates compares dates and verdicts with those of the issued certificates, including the faulty ones.
func (w *world) checkCertificates(m metrics) {
	w.t.Helper()
	tests := map[string]string{ // connector: its verdicts
		"good":         "chain=1 name=1 time=1 trust=1",
		"expired":      "chain=1 name=1 time=0 trust=1",
		"future":       "chain=1 name=1 time=0 trust=1",
		"selfsigned":   "chain=1 name=1 time=1 trust=0",
		"nochain":      "chain=0 name=1 time=1",
		"othername":    "chain=1 name=0 time=1 trust=1",
		"exim":         "chain=1 name=1 time=1 trust=1",
		"opensmtpd":    "chain=1 name=1 time=1 trust=1", // received before the handshake failed
		"exim-keyless": "", "plain": "",
	}
	for connector, want := range tests {
		var verdicts []string
		for _, s := range m.find("certificate_valid", "connector", connector, "role", "server") {
			if v := s.labels["verdict"]; v == "time" || v == "trust" || v == "chain" || v == "name" {
				verdicts = append(verdicts, fmt.Sprintf("%s=%v", v, s.value))
			}
		}
		sort.Strings(verdicts)
		if got := strings.Join(verdicts, " "); got != want {
			w.t.Errorf("%s: verdicts %q, want %q", connector, got, want)
		}
		end, seen := m.value("certificate_not_after_timestamp_seconds", "connector", connector, "role", "server",
			"position", "leaf")
		if seen != (want != "") || seen && end != float64(w.certs[connector].cert.NotAfter.Unix()) {
			w.t.Errorf("%s: not_after %v, %t; want %v", connector, end, seen, w.certs[connector].cert.NotAfter.Unix())
		}
	}
	for connector, want := range map[string]string{
		"good": "TLS 1.3", "tls12": "TLS 1.2",
		"tls10-nothing-asked": "TLS 1.0", "exim": "TLS 1.3",
	} {
		if _, ok := m.value("tls_info", "connector", connector, "version", want); !ok {
			w.t.Errorf("%s: no %s in %v", connector, want, m.find("tls_info", "connector", connector))
		}
	}
}

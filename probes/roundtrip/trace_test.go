package roundtrip_test

import (
	"bufio"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-message"
	"github.com/emersion/go-message/textproto"
	"github.com/google/go-cmp/cmp"

	"m365_connector_exporter/probes/roundtrip"
)

// header parses header fields, lines separated by \n.
func header(t testing.TB, text string) *message.Header {
	t.Helper()
	h, err := textproto.ReadHeader(bufio.NewReader(strings.NewReader(strings.ReplaceAll(text, "\n", "\r\n") + "\r\n")))
	if err != nil {
		t.Fatalf("header %q: %v", text, err)
	}
	return &message.Header{Header: h}
}

var compareAddr = cmp.Comparer(func(a, b netip.Addr) bool { return a == b })

// The file is the header block of public mail that an on-premises server relayed through Exchange Online.
func TestReadTraceOfRelayedMail(t *testing.T) {
	text, err := os.ReadFile("testdata/relayed.txt")
	if err != nil {
		t.Fatal(err)
	}
	want := roundtrip.Trace{
		Received: 4,
		Hops: []roundtrip.Hop{
			{
				From: "mail.contoso.com (10.0.0.8)", By: "smtpo365.contoso.com", With: "ESMTPS", TLS: "TLS 1.3",
				Time: time.Date(2026, 2, 10, 10, 5, 36, 0, time.UTC),
			},
			{
				From: "smtpo365.contoso.com (164.130.1.60)", By: "AM2PEPF0001C70D.mail.protection.outlook.com",
				With: "Microsoft SMTP Server", TLS: "TLS 1.2",
				Time: time.Date(2026, 2, 10, 10, 3, 59, 0, time.UTC), Delay: -97 * time.Second,
			},
			{
				From: "AM2PEPF0001C70D.eurprd05.prod.outlook.com (2603:10a6:20b:311:cafe::ab)",
				By:   "AS4P195CA0043.outlook.office365.com", With: "Microsoft SMTP Server", TLS: "TLS 1.3",
				Time: time.Date(2026, 2, 10, 10, 3, 55, 0, time.UTC), Delay: -4 * time.Second,
			},
			{
				From: "DB3PR0202CU003.outbound.protection.outlook.com (52.101.84.25)", By: "probe.contoso.com",
				With: "ESMTPS", TLS: "TLS 1.3",
				Time: time.Date(2026, 2, 10, 10, 4, 2, 0, time.UTC), Delay: 7 * time.Second,
			},
		},
		TenantID:   "75e027c9-20d5-47d5-b82f-77d7cd041e8f",
		Connecting: netip.MustParseAddr("164.130.1.60"), Helo: "smtpO365.contoso.com",
		Origin: roundtrip.OriginHybridOnPrem, AuthAs: "Anonymous",
		SpamConfidence: "1", SpamVerdict: "NSPM", Direction: "OUT",
		AuthenticationResults: []string{
			"i=1; mx.microsoft.com 1; spf=fail (sender ip is 164.130.1.60) smtp.rcpttodomain=probe.contoso.com " +
				"smtp.mailfrom=contoso.com; dmarc=fail (p=none sp=none pct=100) action=none header.from=contoso.com; dkim=none",
		},
	}
	got := roundtrip.ReadTrace(header(t, string(text)))
	if diff := cmp.Diff(want, got, compareAddr); diff != "" {
		t.Errorf("trace (-want +got):\n%s", diff)
	}
}

func TestReadTraceIsTolerant(t *testing.T) {
	const id = "75e027c9-20d5-47d5-b82f-77d7cd041e8f"
	ip := netip.MustParseAddr("192.0.2.1")
	const attributed = "X-MS-Exchange-CrossTenant-OriginalAttributedTenantConnectingIp: "
	for name, row := range map[string]struct {
		header string
		want   roundtrip.Trace
	}{
		"nothing":             {"", roundtrip.Trace{}},
		"names in lower case": {"x-ms-exchange-crosstenant-id: " + id + "\n", roundtrip.Trace{TenantID: id}},
		"GUID in capitals": {
			"X-MS-Exchange-CrossTenant-Id: " + strings.ToUpper(id) + "\n", roundtrip.Trace{TenantID: id},
		},
		"a tenant that is no GUID": {"X-MS-Exchange-CrossTenant-Id: contoso\n", roundtrip.Trace{}},
		"tenant of the attribution alone": {
			attributed + "TenantId=" + id + ";Ip=[192.0.2.1];Helo=[a.example]\n",
			roundtrip.Trace{TenantID: id, Connecting: ip, Helo: "a.example"},
		},
		"spaces and folding": {
			attributed + "TenantId=" + id + ";\n Ip=[192.0.2.1]; Helo=[a.example]\n",
			roundtrip.Trace{TenantID: id, Connecting: ip, Helo: "a.example"},
		},
		"inside a mailbox": {"X-EOPTenantAttributedMessage: " + id + ":0\n", roundtrip.Trace{TenantID: id}},
		"from a mailbox": {
			"X-MS-Exchange-CrossTenant-FromEntityHeader: Hosted\n", roundtrip.Trace{Origin: "hosted"},
		},
		"an origin nobody has seen": {"X-MS-Exchange-CrossTenant-FromEntityHeader: Moon\n", roundtrip.Trace{}},
		"antispam report alone": {
			"X-Forefront-Antispam-Report: CIP:192.0.2.1;SCL:5;SFV:spm;H:a.example;DIR:INB;\n",
			roundtrip.Trace{Connecting: ip, Helo: "a.example", SpamConfidence: "5", SpamVerdict: "SPM", Direction: "INB"},
		},
		"damaged antispam report": {"X-Forefront-Antispam-Report: CIP:none;SCL:x;;:::\n", roundtrip.Trace{}},
		"two tenants": {
			"X-MS-Exchange-CrossTenant-Id: " + id + "\nX-MS-Exchange-CrossTenant-Id: 0" + id[1:] + "\n", roundtrip.Trace{},
		},
		"the same tenant twice": {
			strings.Repeat("X-MS-Exchange-CrossTenant-Id: "+id+"\n", 2), roundtrip.Trace{TenantID: id},
		},
		"mapped address": {attributed + "Ip=[::ffff:192.0.2.1]\n", roundtrip.Trace{Connecting: ip}},
	} {
		t.Run(name, func(t *testing.T) {
			if row.want.Origin == "" {
				row.want.Origin = roundtrip.OriginUnknown
			}
			if diff := cmp.Diff(row.want, roundtrip.ReadTrace(header(t, row.header)), compareAddr); diff != "" {
				t.Errorf("trace (-want +got):\n%s", diff)
			}
		})
	}
}

func TestReadTraceCountsAllHops(t *testing.T) {
	got := roundtrip.ReadTrace(header(t, strings.Repeat("Received: by a.example\n", 70)))
	if got.Received != 70 || len(got.Hops) != 50 {
		t.Errorf("%d fields and %d hops, want 70 and 50", got.Received, len(got.Hops))
	}
}

func TestReceivedOfOtherServers(t *testing.T) {
	at := time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)
	for name, row := range map[string]struct {
		value string
		want  roundtrip.Hop
	}{
		"Postfix": {
			"from mx.contoso.com (mx.contoso.com [192.0.2.1]) (using TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 " +
				"(256/256 bits) key-exchange X25519 server-signature RSA-PSS (2048 bits)) (No client certificate requested) " +
				"by probe.contoso.com (Postfix) with ESMTPS id 4F00 for <canary@probe.contoso.com>; " +
				"Sun, 29 Nov 2026 13:00:00 +0100 (CET)",
			roundtrip.Hop{
				From: "mx.contoso.com (192.0.2.1)", By: "probe.contoso.com", With: "ESMTPS", TLS: "TLS 1.3", Time: at,
			},
		},
		"Exim": {
			"from [192.0.2.1] (helo=mx.contoso.com) by probe.contoso.com with esmtps (TLS1.2) tls " +
				"TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384 (Exim 4.96) (envelope-from <a@contoso.com>) id 1abc-0001; " +
				"Sun, 29 Nov 2026 12:00:00 +0000",
			roundtrip.Hop{From: "[192.0.2.1]", By: "probe.contoso.com", With: "esmtps tls " +
				"TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", TLS: "TLS 1.2", Time: at},
		},
		"Sendmail": {
			"from mx.contoso.com (mx.contoso.com [IPv6:2001:db8::1]) by probe.contoso.com (8.17.1/8.17.1) with ESMTPS id x " +
				"(version=TLSv1.2 cipher=ECDHE-RSA-AES256-GCM-SHA384 bits=256 verify=NO); Sun, 29 Nov 2026 12:00:00 GMT",
			roundtrip.Hop{
				From: "mx.contoso.com (2001:db8::1)", By: "probe.contoso.com", With: "ESMTPS", TLS: "TLS 1.2", Time: at,
			},
		},
		"old TLS":           {"by a.example (version=TLS1_0, cipher=x)", roundtrip.Hop{By: "a.example", TLS: "TLS 1.0"}},
		"TLS 1 without dot": {"by a.example (using TLSv1 with cipher x)", roundtrip.Hop{By: "a.example", TLS: "TLS 1.0"}},
		"local delivery": {
			"by a.example (Postfix, from userid 0) id 1; Sun, 29 Nov 2026 12:00:00 +0000",
			roundtrip.Hop{By: "a.example", Time: at},
		},
		"no date":          {"from a by b", roundtrip.Hop{From: "a", By: "b"}},
		"a bad date":       {"from a by b; yesterday", roundtrip.Hop{From: "a", By: "b"}},
		"empty":            {"", roundtrip.Hop{}},
		"keywords alone":   {"from by with", roundtrip.Hop{}},
		"open parentheses": {"((((from a by b", roundtrip.Hop{}},
		"closed too often": {")) by b", roundtrip.Hop{By: "b"}},
		"twice from":       {"from a from b by c", roundtrip.Hop{From: "a", By: "c"}},
		"very long":        {"from " + strings.Repeat("(", 100_000), roundtrip.Hop{}},
	} {
		t.Run(name, func(t *testing.T) {
			got := roundtrip.ReadTrace(header(t, "Received: "+row.value+"\n")).Hops[0]
			if diff := cmp.Diff(row.want, got); diff != "" {
				t.Errorf("hop (-want +got):\n%s", diff)
			}
		})
	}
}

func FuzzReadTrace(f *testing.F) {
	text, err := os.ReadFile("testdata/relayed.txt")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	f.Fuzz(func(t *testing.T, text []byte) {
		h, err := textproto.ReadHeader(bufio.NewReader(strings.NewReader(string(text) + "\r\n\r\n")))
		if err != nil {
			return
		}
		trace := roundtrip.ReadTrace(&message.Header{Header: h})
		if len(trace.Hops) > trace.Received || len(trace.Hops) > 50 {
			t.Errorf("%d hops of %d fields", len(trace.Hops), trace.Received)
		}
		_, _ = newTokens(hybrid).FindToken(&message.Header{Header: h})
	})
}

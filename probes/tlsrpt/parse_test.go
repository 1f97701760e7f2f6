package tlsrpt_test

import (
	"bytes"
	"compress/gzip"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"m365_connector_exporter/probes/tlsrpt"
)

// reportOf returns a report with the JSON text of its policies.
func reportOf(policies string) string {
	return `{"organization-name":"Contoso","date-range":{"start-datetime":"2026-11-27T00:00:00Z",` +
		`"end-datetime":"2026-11-27T23:59:59Z"},"contact-info":"postmaster@contoso.com","report-id":"1","policies":[` +
		policies + `]}`
}

func parse(t *testing.T, text string) *tlsrpt.Report {
	t.Helper()
	r, err := tlsrpt.Parse(strings.NewReader(text))
	if err != nil {
		t.Fatalf("Parse(%s): %v", text, err)
	}
	return r
}

func compress(t *testing.T, text string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if _, err := z.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// The files are the example of RFC 8460, appendix B, and a report in the shape of Microsoft's: a TLSA policy as one
// string that holds an array, no mx-host and no failure-details.
func TestSessionsOfPublicReports(t *testing.T) {
	for file, want := range map[string]map[tlsrpt.Key]int64{
		"testdata/rfc8460.json": {
			{Domain: "company-y.example", Result: "success"}:                5326,
			{Domain: "company-y.example", Result: "certificate-expired"}:    100,
			{Domain: "company-y.example", Result: "starttls-not-supported"}: 200,
			{Domain: "company-y.example", Result: "validation-failure"}:     3,
		},
		"testdata/microsoft.json": {
			{Domain: "contoso.com", Result: "success"}:            12,
			{Domain: "contoso.com", Result: "validation-failure"}: 2,
			{Domain: "fabrikam.com", Result: "success"}:           7,
		},
	} {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, parse(t, string(text)).Sessions()); diff != "" {
			t.Errorf("%s: sessions (-want +got):\n%s", file, diff)
		}
	}
}

func TestParseKeepsEveryField(t *testing.T) {
	text, err := os.ReadFile("testdata/rfc8460.json")
	if err != nil {
		t.Fatal(err)
	}
	r, err := tlsrpt.Parse(bytes.NewReader(compress(t, string(text))))
	if err != nil {
		t.Fatal(err)
	}
	if want := "report \"5065427c-23d3-47ca-b6e0-946ea0e8c4be\" of Company-X for 2016-04-01"; r.String() != want {
		t.Errorf("String() = %s, want %s", r, want)
	}
	if want := time.Date(2016, 4, 1, 23, 59, 59, 0, time.UTC); !r.End.Equal(want) {
		t.Errorf("End = %v, want %v", r.End, want)
	}
	want := tlsrpt.FailureDetail{
		Result: "starttls-not-supported", SendingMTA: "2001:db8:abcd:0013::1",
		ReceivingMXHost: "mx2.mail.company-y.example", ReceivingIP: "203.0.113.56", Sessions: 200, ReasonCode: "none",
	}
	if diff := cmp.Diff(want, r.Policies[0].Details[1]); diff != "" {
		t.Errorf("second detail (-want +got):\n%s", diff)
	}
}

func TestParseAcceptsVariantsOfSenders(t *testing.T) {
	policy := func(fields string) string {
		return reportOf(`{"policy":{"policy-domain":"Contoso.COM.",` + fields + `}}`)
	}
	for name, row := range map[string]struct {
		text string
		want tlsrpt.Policy
	}{
		"host as a string": {
			policy(`"mx-host":"mx.contoso.com"`),
			tlsrpt.Policy{Domain: "contoso.com", MXHosts: []string{"mx.contoso.com"}},
		},
		"hosts as an array": {
			policy(`"mx-host":["a.contoso.com","b.contoso.com"]`),
			tlsrpt.Policy{Domain: "contoso.com", MXHosts: []string{"a.contoso.com", "b.contoso.com"}},
		},
		"empty host": {policy(`"mx-host":""`), tlsrpt.Policy{Domain: "contoso.com"}},
		"array in a string": {
			policy(`"policy-type":"tlsa","policy-string":["[\"3 1 1 00\",\"3 1 1 01\"]"]`),
			tlsrpt.Policy{Domain: "contoso.com", Type: "tlsa", Strings: []string{"3 1 1 00", "3 1 1 01"}},
		},
		"bracket that is no array": {
			policy(`"policy-string":"[x"`),
			tlsrpt.Policy{Domain: "contoso.com", Strings: []string{"[x"}},
		},
		"byte order mark": {"\ufeff" + policy(`"policy-type":"sts"`), tlsrpt.Policy{Domain: "contoso.com", Type: "sts"}},
		"numbers in quotes, null": {
			reportOf(`{"policy":{},"summary":{"total-successful-session-count":"5","total-failure-session-count":null}}`),
			tlsrpt.Policy{Succeeded: 5},
		},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(row.want, parse(t, row.text).Policies[0]); diff != "" {
				t.Errorf("policy (-want +got):\n%s", diff)
			}
		})
	}
}

func TestSessions(t *testing.T) {
	details := func(list string) string {
		return reportOf(`{"policy":{"policy-domain":"a.example"},"summary":{"total-failure-session-count":5},` +
			`"failure-details":[` + list + `]}`)
	}
	for name, row := range map[string]struct {
		text string
		want map[tlsrpt.Key]int64
	}{
		"unknown result type": {
			details(`{"result-type":"solar-flare","failed-session-count":5}`),
			map[tlsrpt.Key]int64{{Domain: "a.example", Result: "validation-failure"}: 5},
		},
		"success as a failure": {
			details(`{"result-type":"success","failed-session-count":5}`),
			map[tlsrpt.Key]int64{{Domain: "a.example", Result: "validation-failure"}: 5},
		},
		"details of a part": {
			details(`{"result-type":"dane-required","failed-session-count":2}`),
			map[tlsrpt.Key]int64{
				{Domain: "a.example", Result: "dane-required"}:      2,
				{Domain: "a.example", Result: "validation-failure"}: 3,
			},
		},
		"more in the details than in the summary": {
			details(`{"result-type":"dane-required","failed-session-count":9}`),
			map[tlsrpt.Key]int64{{Domain: "a.example", Result: "dane-required"}: 9},
		},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(row.want, parse(t, row.text).Sessions()); diff != "" {
				t.Errorf("sessions (-want +got):\n%s", diff)
			}
		})
	}
}

func TestParseRefuses(t *testing.T) {
	detail := `{"result-type":"dane-required","failed-session-count":1}`
	manyDetails := reportOf(`{"failure-details":[` + strings.Repeat(detail+",", 10_000) + detail + "]}")
	for name, row := range map[string]struct{ text, want string }{
		"nothing":                {"", "no JSON report"},
		"HTML":                   {"<html>", "no JSON report"},
		"an array":               {"[]", "no JSON report"},
		"no organization":        {`{}`, "no organization-name"},
		"no identifier":          {`{"organization-name":"x"}`, "no report-id"},
		"no period":              {`{"organization-name":"x","report-id":"1"}`, "no valid date-range"},
		"a negative number":      {reportOf(`{"summary":{"total-successful-session-count":-1}}`), "no number of sessions"},
		"a number too large":     {reportOf(`{"summary":{"total-successful-session-count":9e18}}`), "no number of sessions"},
		"a host that is none":    {reportOf(`{"policy":{"mx-host":5}}`), "no JSON report"},
		"damaged gzip":           {"\x1f\x8bxxxxxxxxxx", "no gzip"},
		"gzip that ends early":   {string(compress(t, reportOf(""))[:40]), "reading the report"},
		"a gzip bomb":            {string(compress(t, strings.Repeat(" ", 11<<20))), "exceeds 10 MB"},
		"a large document":       {strings.Repeat(" ", 11<<20), "exceeds 10 MB"},
		"many policies":          {reportOf(strings.Repeat("{},", 1000) + "{}"), "exceeds 10 MB, 1,000 policies"},
		"many details":           {manyDetails, "exceeds"},
		"a million nested lists": {strings.Repeat("[", 1_000_000), "no JSON report"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := tlsrpt.Parse(strings.NewReader(row.text))
			if err == nil || !strings.Contains(err.Error(), row.want) {
				t.Errorf("error %v, want %q in it", err, row.want)
			}
		})
	}
}

func FuzzParse(f *testing.F) {
	for _, file := range []string{"testdata/rfc8460.json", "testdata/microsoft.json"} {
		text, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	f.Add([]byte(reportOf(`{"policy":{"mx-host":"x","policy-string":["[\"a\"]"]}}`)))
	f.Fuzz(func(t *testing.T, text []byte) {
		r, err := tlsrpt.Parse(bytes.NewReader(text))
		if err != nil {
			return
		}
		for key, n := range r.Sessions() {
			if n <= 0 {
				t.Errorf("%v has %d sessions", key, n)
			}
		}
		for _, s := range r.Summaries() {
			if twice := s.Merge(&s); twice.Failed() < s.Failed() || twice.Succeeded < s.Succeeded || len(twice.Failures) > 20 {
				t.Errorf("%+v merged with itself is %+v", s, twice)
			}
		}
		_ = r.String()
	})
}

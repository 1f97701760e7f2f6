package web_test

import (
	"context"
	"errors"
	"net/url"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"m365_connector_exporter/collector"
	"m365_connector_exporter/probes"
	"m365_connector_exporter/probes/mailflow"
)

// bench has names that are hard to address.
func bench() *testSite {
	s := &testSite{}
	both := outbound("contoso", "Both/ways 100%", "mail.contoso.com")
	inbound := both
	inbound.Direction = mailflow.Inbound
	broken := state(outbound("contoso", "No hop", ""), probes.TLSStage, passed)
	*broken = collector.PathState{Path: broken.Path}
	broken.Path.NotProbeable = "the connector has no smart host"
	mute := state(outbound("contoso", "mute", "mute.contoso.com"), probes.Recipient, passed)
	mute.Path.Recipients = nil
	s.snapshot.Paths = []*collector.PathState{
		state(both, probes.Message, passed), state(inbound, probes.TLSStage, passed),
		state(outbound("contoso", "case", "a"), probes.TLSStage, passed),
		state(outbound("contoso", "CASE", "A"), probes.TLSStage, passed),
		state(outbound("outbound", "outbound", "x"), probes.TLSStage, failed), broken, mute,
		state(outbound("fabrikam", "new", "new.fabrikam.com"), probes.TLSStage, greylisted),
	}
	s.answer = func(_ context.Context, p probes.Path) (probes.Result, error) {
		return round(p.ID, p.Settings.Until, passed), nil
	}
	return s
}

func TestProbeParameters(t *testing.T) {
	const hard = "contoso/outbound/Both%2Fways%20100%25/mail.contoso.com"
	many := strings.Repeat("x", 9000)
	for _, c := range []struct {
		query    string
		code     int
		contains string
	}{
		{"target=" + url.QueryEscape(hard), 200, "probe_success 1"},
		{"target=contoso/INBOUND/both%252Fways%2520100%2525/mail.contoso.com", 200, "probe_success 1"},
		{
			"target=contoso/Both%252Fways%2520100%2525/mail.contoso.com", 400,
			"the target matches 2 paths; specify one: " + hard,
		},
		{"target=contoso/case/a", 200, "probe_success 1"},
		{"target=contoso/case/A", 400, "the target matches 2 paths"},
		{"target=outbound/outbound/x", 200, "probe_success 1"},
		{"target=contoso/outbound/No%2520hop/", 200, "probe_inconclusive 1"},
		{"target=contoso/case/nowhere", 404, `"contoso/case/nowhere": no such path is configured`},
		{"target=192.0.2.1:25", 400, `"192.0.2.1:25": target must be TENANT/DIRECTION/CONNECTOR/PATH`},
		{"target=contoso", 400, "target must be"},
		{"target=a/b/c/d/e", 400, "target must be"},
		{"target=/case/a", 400, "target must be"},
		{"target=contoso/c%25zz/a", 400, "target must be"},
		{"target=", 400, "the parameter target is missing"},
		{"", 400, "the parameter target is missing"},
		{"target=contoso/case/a&target=contoso/case/a", 400, "the parameter target is given 2 times"},
		{"target=contoso/case/a&modul=x", 400, `unknown parameter "modul"; accepted are target, module, debug`},
		{"target=contoso/case/a&module=gone", 400, `no module "gone" is configured`},
		{"target=contoso/case/a&module=%1b[2J", 400, `no module "\x1b[2J" is configured`},
		{"target=contoso/case/a&module=", 400, `no module "" is configured`},
		{"target=contoso/case/a&debug=maybe", 400, `debug "maybe" is unknown; it must be true or false`},
		{"target=contoso/case/a&debug=false", 200, "# TYPE probe_success gauge"},
		{"target=%zz", 400, "the query cannot be parsed"},
		{"target=contoso/case/a;b=c", 400, "the query cannot be parsed"},
		{"target=" + many, 400, "the query is longer than 8192 bytes"},
		{many[:2000] + "=1", 400, "unknown parameter"},
	} {
		w := get(bench().handler(), "/probe?"+c.query)
		if body := w.Body.String(); w.Code != c.code || !strings.Contains(body, c.contains) || w.Code != 200 &&
			len(body) > 900 {
			t.Errorf("%.60s = %d %.300s; want %d %s", c.query, w.Code, body, c.code, c.contains)
		}
	}
}

func TestProbeAsks(t *testing.T) {
	for _, c := range []struct {
		target, module string
		until          probes.Stage
		from           string
	}{
		// never the message it is configured for
		{"contoso/outbound/Both%2Fways%20100%25/mail.contoso.com", "default", probes.Recipient, "probe@contoso.com"},
		{"contoso/outbound/Both%2Fways%20100%25/mail.contoso.com", "mail", probes.Recipient, ""},
		{"contoso/outbound/Both%2Fways%20100%25/mail.contoso.com", "short", probes.EHLO, "probe@contoso.com"},
		{"contoso/mute/mute.contoso.com", "mail", probes.TLSStage, ""}, // without a recipient
	} {
		s := bench()
		get(s.handler(), "/probe?module="+c.module+"&target="+url.QueryEscape(c.target))
		if len(s.probed) != 1 || s.probed[0].Settings.Until != c.until || s.probed[0].MailFrom != c.from {
			t.Errorf("%s %s: probed %+v", c.target, c.module, s.probed)
		}
	}
}

// TestProbeAnswers is one answer for each way a probe can end, with the path's verdict before it.
func TestProbeAnswers(t *testing.T) {
	const good, bad, fresh = "contoso/case/a", "outbound/outbound/outbound/x", "fabrikam/new/new.fabrikam.com"
	two := round(outbound("contoso", "case", "a"), probes.TLSStage, failed)
	cut := round(two.Path, probes.TLSStage, canceled).Endpoints[0]
	cut.Host = "mx2.a"
	two.Endpoints = append(two.Endpoints, cut, cut) // the same labels twice must not blank the answer
	withTLS := round(two.Path, probes.TLSStage, passed)
	withTLS.Endpoints[0].TLS = &probes.TLS{
		Chain:         []*probes.Certificate{{NotAfter: noon.Add(48 * time.Hour)}, {NotAfter: noon.Add(time.Hour)}},
		ChainNotAfter: noon.Add(24 * time.Hour),
	}
	for _, c := range []struct {
		name, target  string
		result        probes.Result
		err           error
		code          int
		contains, not []string
	}{
		{"passed", good, round(two.Path, probes.TLSStage, passed), nil, 200, []string{
			"probe_success 1", "probe_inconclusive 0", "probe_duration_seconds 1\n",
			`probe_stage_success{address="",host="mx.a",stage="resolve"} 1`,
			`probe_stage_success{address="192.0.2.1",host="mx.a",stage="tls"} 1`,
		}, []string{"probe_failure_info", "expiry"}},
		{"failed", good, round(two.Path, probes.Recipient, failed), nil, 200, []string{
			"probe_success 0", "probe_inconclusive 0",
			`probe_stage_success{address="192.0.2.1",host="mx.a",stage="recipient"} 0`,
			`probe_failure_info{address="192.0.2.1",host="mx.a",outcome="failed",` +
				`reason="recipient_unknown",stage="recipient"} 1`,
		}, []string{"anna"}},
		{"nothing proven, was good", good, round(two.Path, probes.TLSStage, greylisted), nil, 200, []string{
			"probe_success 1", "probe_inconclusive 1", `outcome="inconclusive",reason="temporary_rejection",stage="tls"`,
		}, []string{`host="mx.a",stage="tls"} `}},
		{
			"nothing proven, was bad", bad, round(two.Path, probes.TLSStage, greylisted), nil, 200,
			[]string{"probe_success 0", "probe_inconclusive 1"},
			nil,
		},
		{
			"nothing proven ever", fresh, round(two.Path, probes.TLSStage, greylisted), nil, 200,
			[]string{"probe_inconclusive 1"},
			[]string{"probe_success"},
		},
		{
			"cut short after a failure", good, two, nil, 200,
			[]string{"probe_success 1", "probe_inconclusive 1", `stage="tls"} 0`},
			nil,
		},
		{
			"no time left", good,
			probes.Result{},
			context.DeadlineExceeded, 200,
			[]string{"probe_success 1", "probe_inconclusive 1"},
			[]string{"probe_stage_success{"},
		},
		// the unused one is not judged
		{"certificates", good, withTLS, nil, 200, []string{"probe_ssl_earliest_cert_expiry 1.795608e+09"}, nil},
		{
			"too many callers", good,
			probes.Result{},
			errors.New("too many probes are being waited for"), 503,
			[]string{"too many probes"},
			[]string{"probe_success"},
		},
	} {
		s := bench()
		s.answer = func(context.Context, probes.Path) (probes.Result, error) { return c.result, c.err }
		w := get(s.handler(), "/probe?target="+url.QueryEscape(c.target))
		body := w.Body.String()
		if w.Code != c.code {
			t.Errorf("%s: %d %s", c.name, w.Code, body)
		}
		for _, want := range c.contains {
			if !strings.Contains(body, want) {
				t.Errorf("%s: no %s in\n%s", c.name, want, body)
			}
		}
		for _, not := range c.not {
			if strings.Contains(body, not) {
				t.Errorf("%s: %s in\n%s", c.name, not, body)
			}
		}
	}
}

// The format is the requested one, and the families are in the order of their names.
func TestProbeFormats(t *testing.T) {
	for accept, want := range map[string]struct{ format, end string }{
		"": {"text/plain; version=0.0.4", "probe_success 1\n"},
		"application/openmetrics-text;version=1.0.0": {
			"application/openmetrics-text; version=1.0.0", "probe_success 1.0\n# EOF\n",
		},
	} {
		w := get(bench().handler(), "/probe?target=contoso/case/a", "Accept", accept)
		var names []string
		for line := range strings.Lines(w.Body.String()) {
			if name, is := strings.CutPrefix(line, "# TYPE "); is {
				names = append(names, name)
			}
		}
		if got := w.Header().Get("Content-Type"); !strings.HasPrefix(got, want.format) ||
			!strings.HasSuffix(w.Body.String(), want.end) {
			t.Errorf("%q: %s\n%s", accept, got, w.Body)
		}
		if len(names) == 0 || !slices.IsSorted(names) {
			t.Errorf("%q: %q", accept, names)
		}
	}
	w := get(
		bench().handler(), "/probe?target=contoso/case/a", "Accept",
		"application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited",
	)
	if got := w.Header().Get("Content-Type"); !strings.HasPrefix(got, "application/vnd.google.protobuf") ||
		strings.Contains(w.Body.String(), "# TYPE") {
		t.Errorf("%s\n%q", got, w.Body)
	}
}

func TestProbeDebug(t *testing.T) {
	s := bench()
	s.answer = func(_ context.Context, p probes.Path) (probes.Result, error) {
		r := round(p.ID, probes.Recipient, failed)
		r.Endpoints[0].Transcript = []probes.TranscriptEntry{
			{Origin: probes.OriginServer, Text: "220 \x1b]0;hi\x07<script> dXNlcm5hbWU6cGFzc3dvcmQxMjM0"},
		}
		return r, nil
	}
	w := get(s.handler(), "/probe?debug=true&target=contoso/case/a")
	body := w.Body.String()
	for _, want := range []string{
		"target   contoso/outbound/case/a\n", "SMTP EHLO                Succeeded",
		"recipient does not exist (recipient_unknown)",
		"Remedy: ", "Server reply: 550 5.1.1 <a***@contoso.com> unknown", "0.000s S 220 \\u001b]0;hi\\u0007<script> dXNl***",
		"\nprobe_success 0\n",
	} {
		if !strings.Contains(body, want) {
			t.Errorf("no %q in\n%s", want, body)
		}
	}
	if strings.Contains(body, "anna") || w.Header().Get("Content-Type") != "text/plain; charset=utf-8" ||
		w.Header().Get("X-Content-Type-Options") != "nosniff" {
		t.Errorf("%v\n%s", w.Header(), body)
	}
}

func TestProbeTimeout(t *testing.T) {
	for _, c := range []struct {
		header string
		want   time.Duration // 0: refused
	}{
		{"", 110 * time.Second},
		{"10", 9500 * time.Millisecond},
		{"0.6", 300 * time.Millisecond},
		{"1e300", 110 * time.Second},
		{"+Inf", 110 * time.Second},
		{"0", 0},
		{"-1", 0},
		{"NaN", 0},
		{"ten", 0},
	} {
		synctest.Test(t, func(t *testing.T) {
			s := bench()
			s.answer = func(ctx context.Context, _ probes.Path) (probes.Result, error) {
				<-ctx.Done()
				return probes.Result{}, ctx.Err()
			}
			began := time.Now()
			header := []string{"X-Prometheus-Scrape-Timeout-Seconds", c.header}
			if c.header == "" {
				header = nil
			}
			w := get(s.handler(), "/probe?target=contoso/case/a", header...)
			if took := time.Since(began); took != c.want || (w.Code == 400) != (c.want == 0) {
				t.Errorf("%q: %s, %d %s", c.header, took, w.Code, w.Body)
			}
		})
	}
}

func FuzzProbeTarget(f *testing.F) {
	for _, seed := range []string{
		"contoso/outbound/case/a", "contoso/case/A", "a/b", "%zz/%00/\xff", "contoso/outbound/No%20hop/",
	} {
		f.Add(seed)
	}
	s := bench()
	h := s.handler()
	f.Fuzz(func(t *testing.T, target string) {
		s.probed = nil
		w := get(h, "/probe?target="+url.QueryEscape(target))
		if w.Code != 200 && w.Code != 400 && w.Code != 404 {
			t.Errorf("%q: %d", target, w.Code)
		}
		if w.Code == 200 && len(s.probed) == 1 &&
			!strings.EqualFold(s.probed[0].ID.Tenant, strings.SplitN(target, "/", 2)[0]) && !strings.Contains(target, "%") {
			t.Errorf("%q probed %s", target, s.probed[0].ID)
		}
	})
}

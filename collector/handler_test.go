package collector_test

import (
	"compress/gzip"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/promslog"

	"m365_connector_exporter/collector"
)

func TestHandler(t *testing.T) {
	h := gathererOf(store()).Handler(promslog.NewNopLogger())
	const open = "application/openmetrics-text;version=1.0.0,text/plain;q=0.5"
	const proto = "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding="
	const openType, protoType = "application/openmetrics-text", "application/vnd.google.protobuf"
	for _, c := range []struct {
		url, accept, encoding string
		status                int
		kind                  string // beginning of the content type
		gzip                  bool
		says, not             string
	}{
		{"/metrics", "", "", 200, "text/plain; version=0.0.4", false, "# TYPE m365_connector_probes_total counter", "# EOF"},
		{"/metrics", "*/*", "br, gzip;q=0.5", 200, "text/plain", true, "stage_duration_seconds_bucket", "# EOF"},
		{"/metrics", open, "gzip", 200, openType + "; version=1.0.0", true, "# TYPE m365_connector_probes counter", ""},
		{"/metrics", open, "gzip;q=0, br", 200, openType, false, "# EOF", ""},
		{"/metrics", open, "GZIP", 200, openType, true, "# EOF", ""},
		{"/metrics", open, "gzip;nonsense", 200, openType, false, "# EOF", ""},
		{"/metrics", proto + "delimited", "gzip", 200, protoType, true, "m365_connector_probes_total", "# TYPE"},
		{"/metrics", proto + "compact-text", "", 200, protoType, false, `name:"m365_connector_probes_total"`, ""},
		{"/metrics?name[]=m365_connector_info", "", "", 200, "text/plain", false, "connector_info{", "connector_enabled"},
		{"/metrics?tenant=con*", "", "", 200, "text/plain", false, `tenant="contoso"`, "stage_duration_seconds_bucket"},
		{"/metrics?tenant=x&tenant=contoso", open, "", 200, openType, false, `tenant="contoso"`, "stage_duration_seconds_b"},
		{"/metrics?tenant=x", open, "", 404, "text/plain", false, "no tenant matches", "contoso"},
		{"/metrics?tenant=x&name[]=m365_connector_info", "", "", 404, "text/plain", false, "no tenant matches", ""},
		{"/metrics?tenant=[", "", "", 400, "text/plain", false, "not a pattern", ""},
		{"/metrics?tenant=" + strings.Repeat("*", 1025), "", "", 400, "text/plain", false, "longer than 1024 bytes", ""},
		{"/metrics?tenant=", "", "", 404, "text/plain", false, "no tenant matches", ""},
		{"/metrics?tenant=%zz", "", "", 400, "text/plain", false, "the query cannot be read", "contoso"},
		{"/metrics?tennant=contoso", "", "", 400, "text/plain", false, `parameter "tennant"; there are`, "contoso"},
	} {
		r := httptest.NewRequest(http.MethodGet, c.url, http.NoBody)
		r.Header.Set("Accept", c.accept)
		r.Header.Set("Accept-Encoding", c.encoding)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		var body io.Reader = w.Body
		zipped := w.Header().Get("Content-Encoding") == "gzip"
		if zipped {
			z, err := gzip.NewReader(w.Body)
			if err != nil {
				t.Fatal(err)
			}
			body = z
		}
		text, err := io.ReadAll(body)
		kind := w.Header().Get("Content-Type")
		if err != nil || w.Code != c.status || !strings.HasPrefix(kind, c.kind) || zipped != c.gzip ||
			!strings.Contains(string(text), c.says) || c.not != "" && strings.Contains(string(text), c.not) {
			t.Errorf("%s, Accept %q, Accept-Encoding %q: %d %v, gzip %v, %v\n%.300s",
				c.url, c.accept, c.encoding, w.Code, w.Header(), zipped, err, text)
		}
	}
}

// nowhere counts what is written to it.
type nowhere struct {
	header http.Header
	size   int
}

func (w *nowhere) Header() http.Header { return w.header }
func (w *nowhere) WriteHeader(int)     {}
func (w *nowhere) Write(p []byte) (int, error) {
	w.size += len(p)
	return len(p), nil
}

// TestOwnMetricsFail: an error of the registry, a family that cannot be written and one with a name of ours leave the
// page whole.
func TestOwnMetricsFail(t *testing.T) {
	s := store()
	name, ours, kind := "broken", "m365_connector_info", dto.MetricType_GAUGE
	own := prometheus.GathererFunc(func() ([]*dto.MetricFamily, error) {
		return []*dto.MetricFamily{
			{Name: &name, Type: &kind, Metric: []*dto.Metric{{}}}, {Name: &ours, Type: &kind, Metric: []*dto.Metric{{}}},
		}, errors.New("half of it is missing")
	})
	var log strings.Builder
	h := collector.NewGatherer(own, nil, s).Handler(slog.New(slog.NewTextHandler(&log, nil)))
	for _, url := range []string{"/metrics", "/metrics?name[]=m365_connector_info"} {
		log.Reset()
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, url, http.NoBody))
		page := w.Body.String()
		if w.Code != http.StatusOK || strings.Count(page, "# TYPE m365_connector_info ") != 1 ||
			strings.Contains(page, "broken") {
			t.Errorf("%s: %d\n%s", url, w.Code, page)
		}
		if !strings.Contains(log.String(), "half of it is missing") {
			t.Errorf("%s: the log says %q", url, log.String())
		}
	}
}

package collector

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"

	"github.com/prometheus/common/expfmt"
)

// maxRendering is how many pages of metrics are rendered at once. One of 100,000 series takes some hundredths of a
// second; in protobuf it takes the memory of its largest metric as the Prometheus libraries represent it, 40 MB for
// 6,000 paths.
const maxRendering = 1

// handler renders scrapes.
type handler struct {
	all *Gatherer
	log *slog.Logger
}

// Handler serves everything; with ?tenant=GLOB (repeatable) only the series of those tenants, and with ?name[]=METRIC
// (repeatable) only those metrics. It answers 404 if no tenant matches.
func (g *Gatherer) Handler(log *slog.Logger) http.Handler {
	return NewResponder(maxRendering).wrapShared(&handler{all: g, log: log}, pageOf)
}

// pageOf names the page of metrics that a request is for.
func pageOf(r *http.Request) string {
	return strings.Join(r.Header.Values("Accept"), ",") + "\n" + r.URL.RawQuery
}

// ServeHTTP renders one scrape.
func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	query, err := readQuery(r)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	g := h.all
	if names, asked := query["name[]"]; asked {
		g = g.named(names)
	}
	if globs, asked := query["tenant"]; asked {
		part, err := g.ForTenants(globs)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		if part.empty() { // an empty page would look like a tenant without problems
			http.Error(w, "no tenant matches; /sd lists every tenant with its paths", http.StatusNotFound)
			return
		}
		g = part
	}
	format := expfmt.NegotiateAccept(r.Header, expfmt.DefaultOpenMetricsAcceptedFormats()...)
	w.Header().Set("Content-Type", string(format))
	w.Header().Set("Vary", "Accept")
	if err := g.Write(w, format); err != nil {
		h.log.Error("metrics", slog.Any("err", err))
	}
}

// readQuery reads the parameters. An unknown one is an error: a page that ignores it would look like an answer to it.
func readQuery(r *http.Request) (url.Values, error) {
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, errors.New("the query cannot be read: parameters are NAME=VALUE, percent-encoded, joined by &")
	}
	for name := range query {
		if name != "tenant" && name != "name[]" {
			return nil, fmt.Errorf("unknown parameter %.80q; there are tenant and name[]", name)
		}
	}
	return query, nil
}

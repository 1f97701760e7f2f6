package collector

import (
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"

	"github.com/prometheus/common/expfmt"
)

// maxScrapes bounds the scrapes that are answered at once: each may compress many megabytes, to a slow reader.
const maxScrapes = 8

// handler answers scrapes.
type handler struct {
	all *Gatherer
	log *slog.Logger
}

// Handler serves everything, or with ?tenant=GLOB (repeatable) the series of those tenants alone; 404 where there is none.
func (g *Gatherer) Handler(log *slog.Logger) http.Handler {
	return LimitConcurrent(maxScrapes)(&handler{all: g, log: log})
}

// LimitConcurrent bounds the requests that are answered at once by all the handlers that it is given. One more gets 503 at once: a queue would
// take memory too.
func LimitConcurrent(most int) func(http.Handler) http.Handler {
	room := make(chan struct{}, most)
	return func(h http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			select {
			case room <- struct{}{}:
				defer func() { <-room }()
				h.ServeHTTP(w, r)
			default:
				w.Header().Set("Retry-After", "5")
				http.Error(w, fmt.Sprintf("more than %d such requests at once, try again later", most), http.StatusServiceUnavailable)
			}
		})
	}
}

// ServeHTTP answers one scrape.
func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	query, err := readQuery(r)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	g := h.all
	if globs, asked := query["tenant"]; asked {
		part, err := g.ForTenants(globs)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		if part.empty() { // an empty page would look like a tenant that is well
			http.Error(w, "no tenant matches; /sd lists every tenant with its paths", http.StatusNotFound)
			return
		}
		g = part
	}
	format := expfmt.NegotiateAccept(r.Header, expfmt.DefaultOpenMetricsAcceptedFormats()...)
	if names, asked := query["name[]"]; asked {
		g = g.named(names)
	}
	if err := serve(w, r, g, format); err != nil && r.Context().Err() == nil {
		h.log.Error("metrics", slog.Any("err", err))
	}
}

// readQuery reads what is asked. A parameter that is ignored would look like an answer to it.
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

// zippers compress at the fastest level: on a page of metrics it costs a third of the default's CPU and leaves the same size.
var zippers = sync.Pool{New: func() any {
	z, err := gzip.NewWriterLevel(io.Discard, gzip.BestSpeed)
	if err != nil {
		panic(err) // the level is a constant
	}
	return z
}}

func serve(w http.ResponseWriter, r *http.Request, g *Gatherer, format expfmt.Format) error {
	w.Header().Set("Content-Type", string(format))
	w.Header().Set("Vary", "Accept, Accept-Encoding")
	if !wantsGzip(r.Header.Get("Accept-Encoding")) {
		return g.Write(w, format)
	}
	w.Header().Set("Content-Encoding", "gzip")
	z := zippers.Get().(*gzip.Writer) // the pool holds nothing else
	defer zippers.Put(z)
	z.Reset(w)
	if err := g.Write(z, format); err != nil {
		_ = z.Close() // the first error tells more
		return err
	}
	return z.Close() //nolint:wrapcheck // of the connection
}

// wantsGzip reads Accept-Encoding: gzip is named and not refused (RFC 9110, section 12.5.3).
func wantsGzip(accept string) bool {
	for part := range strings.SplitSeq(accept, ",") {
		name, weight, _ := strings.Cut(strings.ReplaceAll(part, " ", ""), ";")
		if strings.EqualFold(name, "gzip") {
			q, err := strconv.ParseFloat(strings.TrimPrefix(weight, "q="), 64)
			return weight == "" || err == nil && q > 0
		}
	}
	return false
}

package collector

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// The limits of responses.
const (
	maxWaiting   = 64               // requests that wait to be rendered; more are refused
	maxDelivered = 32               // rendered pages that readers have not yet read
	maxReaders   = 128              // of these pages, at a time
	writeTimeout = 10 * time.Second // for each write of writeSize bytes
	writeSize    = 64 << 10
	readTimeout  = 2 * time.Minute // for reading a whole page
)

// Responder renders pages into memory and then writes them, so that a slow reader occupies only its compressed page:
//
//  1. A request waits until fewer than the given number of pages are being rendered. When too many wait, it gets 503.
//     Requests that wait for the same page share it, if the handler says which page they want.
//  2. The page is rendered and compressed in memory.
//  3. The next page may be rendered. This one is written, with a deadline for each write, decompressed if the
//     reader does not accept gzip (RFC 9110, section 12.5.3).
//
// The numbers of rendered pages and of their readers are limited too: above a limit, the reader that has been reading
// longest is disconnected. A reader of normal speed has finished long before.
type Responder struct {
	compressors chan *gzip.Writer // one for each page that may be rendered now
	waiting     atomic.Int64
	renderings  renderings
	deliveries  deliveries
}

// NewResponder returns a Responder that renders as many pages at once. Handlers that share it share its limits.
func NewResponder(rendering int) *Responder {
	r := &Responder{compressors: make(chan *gzip.Writer, rendering)}
	for range rendering {
		// The fastest level takes a third of the default's CPU time and compresses a page of metrics as well.
		z, err := gzip.NewWriterLevel(io.Discard, gzip.BestSpeed)
		if err != nil {
			panic(err) // the level is a constant
		}
		r.compressors <- z
	}
	return r
}

// Wrap returns a handler that renders the pages of h. The handler h must not use the optional interfaces of its
// ResponseWriter.
func (r *Responder) Wrap(h http.Handler) http.Handler { return r.wrap(h, r.renderAlone) }

// wrapShared is Wrap for pages that depend on nothing but what name returns and on the time.
func (r *Responder) wrapShared(h http.Handler, name func(*http.Request) string) http.Handler {
	return r.wrap(h, func(h http.Handler, request *http.Request) (*renderedPage, error) {
		return r.shared(h, request, name(request))
	})
}

func (r *Responder) wrap(
	h http.Handler, render func(http.Handler, *http.Request) (*renderedPage, error),
) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		if r.waiting.Add(1) > maxWaiting {
			r.waiting.Add(-1)
			w.Header().Set("Retry-After", "5")
			text := fmt.Sprintf("more than %d requests are waiting, try again later", maxWaiting)
			http.Error(w, text, http.StatusServiceUnavailable)
			return
		}
		page, err := render(h, request)
		if err != nil {
			return // the client has disconnected
		}
		r.deliveries.deliver(w, request, page)
	})
}

func (r *Responder) renderAlone(h http.Handler, request *http.Request) (*renderedPage, error) {
	return r.render(h, request, func() {})
}

// render waits for its turn, calls begin and lets h render a page. The error is the context's.
func (r *Responder) render(h http.Handler, request *http.Request, begin func()) (*renderedPage, error) {
	var z *gzip.Writer
	select {
	case z = <-r.compressors:
		r.waiting.Add(-1)
	case <-request.Context().Done():
		r.waiting.Add(-1)
		return nil, context.Cause(request.Context())
	}
	defer func() { r.compressors <- z }()
	begin()
	page := &renderedPage{header: http.Header{}, status: http.StatusOK, compressor: z}
	z.Reset(&page.compressed)
	h.ServeHTTP(page, request)
	page.compressor = nil
	return page, z.Close() //nolint:wrapcheck // writing to memory does not fail
}

// renderedPage is the ResponseWriter that a handler writes to. Afterwards it does not change: requests may share it.
type renderedPage struct {
	header     http.Header
	status     int
	compressed bytes.Buffer
	size       int          // before compression
	compressor *gzip.Writer // while it is being rendered
}

// Header returns the header of the response.
func (p *renderedPage) Header() http.Header { return p.header }

// WriteHeader sets the status.
func (p *renderedPage) WriteHeader(status int) { p.status = status }

// Write appends to the page.
func (p *renderedPage) Write(text []byte) (int, error) {
	p.size += len(text)
	return p.compressor.Write(text) //nolint:wrapcheck // writing to memory does not fail
}

// writeTo writes the page, compressed if the reader accepts it.
func (p *renderedPage) writeTo(w http.ResponseWriter, accepted bool, body io.Writer) error {
	header := w.Header()
	maps.Copy(header, p.header.Clone())
	header.Add("Vary", "Accept-Encoding")
	compressed := bytes.NewReader(p.compressed.Bytes())
	if p.status == http.StatusOK && accepted {
		header.Del("Accept-Ranges")
		header.Set("Content-Encoding", "gzip")
		header.Set("Content-Length", strconv.Itoa(compressed.Len()))
		w.WriteHeader(p.status)
		_, err := io.Copy(body, compressed)
		return err //nolint:wrapcheck // of the connection
	}
	if p.size > 0 {
		header.Set("Content-Length", strconv.Itoa(p.size))
	}
	w.WriteHeader(p.status)
	if p.size == 0 {
		return nil // such as 304, which must not have a body
	}
	text, err := gzip.NewReader(compressed)
	if err != nil {
		return err //nolint:wrapcheck // it was written here
	}
	_, err = io.Copy(body, text) //nolint:gosec // it was compressed here
	return err                   //nolint:wrapcheck // of the connection
}

// acceptsGzip reports whether an Accept-Encoding header names gzip and does not refuse it (RFC 9110, section 12.5.3).
func acceptsGzip(accept string) bool {
	for part := range strings.SplitSeq(accept, ",") {
		name, weight, _ := strings.Cut(strings.ReplaceAll(part, " ", ""), ";")
		if strings.EqualFold(name, "gzip") {
			q, err := strconv.ParseFloat(strings.TrimPrefix(weight, "q="), 64)
			return weight == "" || err == nil && q > 0
		}
	}
	return false
}

// deliveries are the pages that are being written, oldest first.
type deliveries struct {
	mu      sync.Mutex
	all     []*delivery
	readers map[*renderedPage]int
}

func (d *deliveries) deliver(w http.ResponseWriter, r *http.Request, page *renderedPage) {
	one := &delivery{page: page, body: w, connection: http.NewResponseController(w), end: time.Now().Add(readTimeout)}
	d.start(one)
	defer d.finish(one)
	if err := page.writeTo(w, acceptsGzip(r.Header.Get("Accept-Encoding")), one); err != nil {
		return // the reader has gone or is too slow
	}
	one.release()
}

func (d *deliveries) start(one *delivery) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for len(d.all) >= maxReaders || d.readers[one.page] == 0 && len(d.readers) >= maxDelivered {
		d.all[0].abort()
		d.remove(0)
	}
	if d.readers == nil {
		d.readers = map[*renderedPage]int{}
	}
	d.all = append(d.all, one)
	d.readers[one.page]++
}

// finish must be called before the handler returns: the connection belongs to the next request afterwards.
func (d *deliveries) finish(one *delivery) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if i := slices.Index(d.all, one); i >= 0 {
		d.remove(i)
	}
}

func (d *deliveries) remove(i int) {
	page := d.all[i].page
	if d.readers[page]--; d.readers[page] == 0 {
		delete(d.readers, page)
	}
	d.all = slices.Delete(d.all, i, i+1)
}

// delivery writes the body of a page with a deadline for each write.
type delivery struct {
	page *renderedPage
	body io.Writer
	end  time.Time

	mu         sync.Mutex
	connection *http.ResponseController
	aborted    bool
}

var errAborted = errors.New("the reader is too slow, and others wait")

// Write writes in pieces, so that a reader that reads slowly is not taken for one that does not read.
func (d *delivery) Write(text []byte) (n int, err error) {
	for piece := range slices.Chunk(text, writeSize) {
		if err := d.extend(); err != nil {
			return n, err
		}
		m, err := d.body.Write(piece)
		if n += m; err != nil {
			return n, err //nolint:wrapcheck // of the connection
		}
	}
	return n, nil
}

// extend sets the deadline of the next write.
func (d *delivery) extend() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.aborted {
		return errAborted
	}
	deadline := time.Now().Add(writeTimeout)
	if d.end.Before(deadline) {
		deadline = d.end
	}
	if err := d.connection.SetWriteDeadline(deadline); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return err //nolint:wrapcheck // of the connection
	}
	return nil
}

// release leaves the connection without a deadline, as it was for the next request.
func (d *delivery) release() {
	_ = d.connection.Flush() // still within the deadline of the last write
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.aborted {
		_ = d.connection.SetWriteDeadline(time.Time{}) // the connection may have been closed
	}
}

// abort makes the pending write and all later ones fail.
func (d *delivery) abort() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.aborted = true
	_ = d.connection.SetWriteDeadline(time.Now()) // the connection may have been closed
}

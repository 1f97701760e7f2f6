package collector

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
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
	writeTimeout = 10 * time.Second // for each write of writeSize bytes
	writeSize    = 64 << 10
	readTimeout  = 2 * time.Minute // for reading a whole page
)

// Responder renders pages into memory and then writes them, so that a reader, however slow, holds its compressed page
// and nothing else:
//
//  1. A request waits until fewer than the given number of pages are being rendered. When too many wait, it gets 503.
//  2. The page is rendered and compressed in memory.
//  3. The next page may be rendered. This one is written, with a deadline for each write, decompressed where the
//     reader does not accept gzip (RFC 9110, section 12.5.3).
//
// The number of rendered pages is limited too: where one is too many, the reader that has been reading longest is
// disconnected. A reader that reads at all is gone long before.
type Responder struct {
	compressors chan *gzip.Writer // one for each page that may be rendered now
	waiting     atomic.Int64
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
func (r *Responder) Wrap(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		if r.waiting.Add(1) > maxWaiting {
			r.waiting.Add(-1)
			w.Header().Set("Retry-After", "5")
			text := fmt.Sprintf("more than %d requests are waiting, try again later", maxWaiting)
			http.Error(w, text, http.StatusServiceUnavailable)
			return
		}
		page, err := r.render(h, w.Header(), request)
		if err != nil {
			return // the client has disconnected
		}
		r.deliveries.deliver(w, request, page)
	})
}

// render waits for its turn and lets h render a page. The error is the context's.
func (r *Responder) render(h http.Handler, header http.Header, request *http.Request) (*renderedPage, error) {
	var z *gzip.Writer
	select {
	case z = <-r.compressors:
		r.waiting.Add(-1)
	case <-request.Context().Done():
		r.waiting.Add(-1)
		return nil, context.Cause(request.Context())
	}
	defer func() { r.compressors <- z }()
	page := &renderedPage{header: header, status: http.StatusOK, compressor: z}
	z.Reset(&page.compressed)
	h.ServeHTTP(page, request)
	page.compressor = nil
	return page, z.Close() //nolint:wrapcheck // writing to memory does not fail
}

// renderedPage is the ResponseWriter that a handler writes to.
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

// writeTo writes the page, compressed where the reader accepts it.
func (p *renderedPage) writeTo(w http.ResponseWriter, accepted bool, body io.Writer) error {
	p.header.Add("Vary", "Accept-Encoding")
	if p.status == http.StatusOK && accepted {
		p.header.Del("Accept-Ranges")
		p.header.Set("Content-Encoding", "gzip")
		p.header.Set("Content-Length", strconv.Itoa(p.compressed.Len()))
		w.WriteHeader(p.status)
		_, err := io.Copy(body, &p.compressed)
		return err //nolint:wrapcheck // of the connection
	}
	if p.size > 0 {
		p.header.Set("Content-Length", strconv.Itoa(p.size))
	}
	w.WriteHeader(p.status)
	if p.size == 0 {
		return nil // such as 304, which must not have a body
	}
	text, err := gzip.NewReader(&p.compressed)
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
	mu  sync.Mutex
	all []*delivery
}

func (d *deliveries) deliver(w http.ResponseWriter, r *http.Request, page *renderedPage) {
	one := &delivery{body: w, connection: http.NewResponseController(w), end: time.Now().Add(readTimeout)}
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
	if len(d.all) >= maxDelivered {
		d.all[0].abort()
		d.all = slices.Delete(d.all, 0, 1)
	}
	d.all = append(d.all, one)
}

// finish must be called before the handler returns: the connection belongs to the next request afterwards.
func (d *deliveries) finish(one *delivery) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if i := slices.Index(d.all, one); i >= 0 {
		d.all = slices.Delete(d.all, i, i+1)
	}
}

// delivery writes the body of a page with a deadline for each write.
type delivery struct {
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

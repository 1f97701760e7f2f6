package collector

import (
	"context"
	"net/http"
	"sync"
)

// renderings are those that have not begun, by what they render. Requests for the same page share one: otherwise a
// client that requests a page twenty times at once makes the next one wait for twenty renderings.
type renderings struct {
	mu      sync.Mutex
	waiting map[string]*rendering
}

// rendering is a page that one request renders and others wait for.
type rendering struct {
	done chan struct{}
	page *renderedPage // set before done is closed; nil if the request that renders has ended before
}

// join returns the rendering of a page that has not begun. If there is none, it returns a new one, which the caller
// must render.
func (s *renderings) join(page string) (r *rendering, first bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r, ok := s.waiting[page]; ok {
		return r, false
	}
	if s.waiting == nil {
		s.waiting = map[string]*rendering{}
	}
	r = &rendering{done: make(chan struct{})}
	s.waiting[page] = r
	return r, true
}

// begin ends joining: a later request must not get a page with older values than it asked for.
func (s *renderings) begin(page string, r *rendering) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.waiting[page] == r {
		delete(s.waiting, page)
	}
}

// shared returns a page that h renders for this request or for another one that waits for the same page.
func (r *Responder) shared(h http.Handler, request *http.Request, name string) (*renderedPage, error) {
	for {
		one, first := r.renderings.join(name)
		if first {
			return r.renderFor(h, request, name, one)
		}
		select {
		case <-one.done:
			if one.page != nil {
				r.waiting.Add(-1)
				return one.page, nil
			}
		case <-request.Context().Done():
			r.waiting.Add(-1)
			return nil, context.Cause(request.Context())
		}
	}
}

func (r *Responder) renderFor(
	h http.Handler, request *http.Request, name string, one *rendering,
) (page *renderedPage, err error) {
	defer func() { // also if h panics
		r.renderings.begin(name, one)
		one.page = page
		close(one.done)
	}()
	return r.render(h, request, func() { r.renderings.begin(name, one) })
}

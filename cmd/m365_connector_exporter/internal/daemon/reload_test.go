package daemon

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// hungReload is a reload that takes until it is released.
type hungReload struct {
	started chan reloadRequest // one for each reload that begins
	release chan struct{}
	err     error // what each reload returns
}

func newHungReload() *hungReload {
	return &hungReload{started: make(chan reloadRequest, 4000), release: make(chan struct{})}
}

func (h *hungReload) load(context.Context, reloadRequest) error { <-h.release; return h.err }

// hangReloads has the reloads of a daemon take until they are released; then they do their work.
func hangReloads(d *Daemon) *hungReload {
	h := newHungReload()
	load := d.reloads.load
	d.reloads.load = func(ctx context.Context, r reloadRequest) error {
		h.started <- r
		<-h.release
		return load(ctx, r)
	}
	return h
}

func (h *hungReload) count() int { return len(h.started) }

// requestAll requests n reloads at once, and returns what each of them is answered, once it is.
func requestAll(ctx context.Context, r *reloads, n int) (answers chan error) {
	answers = make(chan error, n)
	for range n {
		go func() { answers <- r.request(ctx, reloadRequest{trigger: "test"}) }()
	}
	return answers
}

func newTestReloads(ctx context.Context, h *hungReload) *reloads {
	return &reloads{life: ctx, load: func(ctx context.Context, r reloadRequest) error {
		h.started <- r
		return h.load(ctx, r)
	}}
}

func TestReloadsRequestedWhileOneRunsShareTheNext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHungReload()
		h.err = errors.New("unknown key")
		r := newTestReloads(t.Context(), h)
		answers := requestAll(t.Context(), r, 1)
		synctest.Wait()
		more := requestAll(t.Context(), r, 2000)
		synctest.Wait()
		if h.count() != 1 {
			t.Errorf("%d reloads run at once, want 1", h.count())
		}
		close(h.release)
		for i := range 2001 {
			if i > 0 {
				answers = more
			}
			if err := <-answers; !errors.Is(err, h.err) {
				t.Fatalf("request %d returned %v, want %v", i, err, h.err)
			}
		}
		synctest.Wait()
		if h.count() != 2 {
			t.Errorf("2001 requests caused %d reloads, want 2: the one that ran, and one after it", h.count())
		}
	})
}

func TestReloadRequestEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHungReload()
		defer close(h.release)
		r := newTestReloads(t.Context(), h)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		answers := requestAll(ctx, r, 2)
		for range 2 {
			if err := <-answers; !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("a request returned %v, want %v", err, context.DeadlineExceeded)
			}
		}
	})
}

func TestShutdownAnswersReloadRequestsAtOnceAndStartsNoMore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		life, end := context.WithCancel(t.Context())
		h := newHungReload()
		r := newTestReloads(life, h)
		answers := requestAll(t.Context(), r, 100)
		synctest.Wait()
		end()
		for range 100 {
			if err := <-answers; !errors.Is(err, errShutdown) {
				t.Errorf("a request returned %v, want %v", err, errShutdown)
			}
		}
		close(h.release)
		synctest.Wait()
		if h.count() != 1 {
			t.Errorf("%d reloads began, want only the one before the shutdown", h.count())
		}
	})
}

func TestReloadJoiningAPollDoesNotDependOnChangedFiles(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHungReload()
		r := newTestReloads(t.Context(), h)
		for _, request := range []reloadRequest{{"poll", true}, {"poll", true}, {"SIGHUP", false}, {"poll", true}} {
			go func() { _ = r.request(t.Context(), request) }()
			synctest.Wait()
		}
		close(h.release)
		synctest.Wait()
		if first, second := <-h.started, <-h.started; first != (reloadRequest{"poll", true}) ||
			second != (reloadRequest{"SIGHUP", false}) {
			t.Errorf("reloads for %+v and %+v, want the poll and then SIGHUP", first, second)
		}
	})
}

func TestBurstOfReloadPostsCausesTwoReloads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := still(t)
		h := hangReloads(d)
		handler := d.Handler(HandlerOptions{})
		var group sync.WaitGroup
		for range 2000 {
			group.Go(func() {
				if w := get(handler, http.MethodPost, "/-/reload", nil); w.Code != http.StatusOK {
					t.Errorf("POST /-/reload = %d %s", w.Code, w.Body)
				}
			})
		}
		synctest.Wait()
		close(h.release)
		group.Wait()
		if h.count() > 2 {
			t.Errorf("2000 requests caused %d reloads, want 2", h.count())
		}
	})
}

// TestShutdownDoesNotWaitForReloads ends a daemon while one reload hangs and others are requested over HTTP.
func TestShutdownDoesNotWaitForReloads(t *testing.T) {
	life, end := context.WithCancel(t.Context())
	defer end()
	d := still(t)
	d.reloads.life = life
	hung := hangReloads(d)
	defer close(hung.release)
	ended := make(chan error, 1)
	go func() { ended <- d.Run(life, nil) }()
	server := httptest.NewServer(d.Handler(HandlerOptions{}))
	defer server.Close()
	var answered sync.WaitGroup
	for range 100 {
		answered.Go(func() {
			if code, _, body := request(t, server.Client(), http.MethodPost, server.URL+"/-/reload",
				nil); code != http.StatusServiceUnavailable {
				t.Errorf("POST /-/reload = %d %s, want %d", code, body, http.StatusServiceUnavailable)
			}
		})
	}
	<-hung.started
	end()
	select {
	case err := <-ended:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(20 * time.Second):
		t.Error("the daemon waits for a reload that hangs")
	}
	answered.Wait()
}

// TestReloadsOneAfterTheOtherArePaced: a client that requests a reload when it has the answer to the one before gets
// hundreds a second of a small configuration, each with lines in the log.
func TestReloadsOneAfterTheOtherArePaced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := still(t)
		handler := d.Handler(HandlerOptions{})
		begun, n := time.Now(), 0
		for ; time.Since(begun) < time.Minute && n < 10_000; n++ {
			if w := get(handler, http.MethodPost, "/-/reload", nil); w.Code != http.StatusOK {
				t.Fatalf("POST /-/reload = %d %s", w.Code, w.Body)
			}
		}
		if most := reloadBurst + 60*reloadsPerSecond; n < reloadBurst || n > most {
			t.Errorf("%d reloads in a minute, want %d to %d", n, reloadBurst, most)
		}
	})
}

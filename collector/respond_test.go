package collector_test

import (
	"bufio"
	"errors"
	"io"
	"net"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/promslog"

	"m365_connector_exporter/collector"
)

// pipeListener accepts the server's ends of pipes. Unlike a socket, a pipe takes nothing that is not read.
type pipeListener chan net.Conn

func (l pipeListener) Accept() (net.Conn, error) {
	if c, ok := <-l; ok {
		return c, nil
	}
	return nil, net.ErrClosed
}
func (l pipeListener) Close() error   { return nil }
func (l pipeListener) Addr() net.Addr { return &net.UnixAddr{} }

// startServer serves h to the readers that it returns, inside a bubble of synctest.
func startServer(t *testing.T, h http.Handler) pipeListener {
	t.Helper()
	listener := make(pipeListener)
	server := &http.Server{Handler: h, ReadHeaderTimeout: time.Minute, WriteTimeout: 5 * time.Minute}
	var serving sync.WaitGroup
	serving.Go(func() { _ = server.Serve(listener) })
	t.Cleanup(func() {
		close(listener)
		_ = server.Close()
		serving.Wait()
	})
	return listener
}

// request sends a request and reads nothing.
func (l pipeListener) request(t *testing.T, url string, header ...string) net.Conn {
	t.Helper()
	client, server := net.Pipe()
	t.Cleanup(func() { _ = client.Close() })
	l <- server
	r, err := http.NewRequest(http.MethodGet, "http://exporter"+url, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	if err := r.Write(client); err != nil {
		t.Fatal(err)
	}
	return client
}

// response is an answer that was read to its end.
type response struct {
	status int
	header http.Header
}

func (l pipeListener) get(t *testing.T, url string, header ...string) (response, error) {
	t.Helper()
	conn := l.request(t, url, header...)
	defer func() { _ = conn.Close() }()
	return readResponse(conn)
}

func readResponse(conn io.Reader) (response, error) {
	r, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		return response{}, err
	}
	_, err = io.Copy(io.Discard, r.Body)
	return response{r.StatusCode, r.Header}, errors.Join(err, r.Body.Close())
}

var acceptHeaders = map[string][]string{
	"text": {}, "OpenMetrics with gzip": {"Accept", asPrometheus, "Accept-Encoding", "gzip"},
	"protobuf": {"Accept", asProtobuf}, "protobuf with gzip": {"Accept", asProtobuf, "Accept-Encoding", "gzip"},
}

// TestReadersThatDoNotReadHoldNoSlot also shows that they are disconnected after ten seconds.
func TestReadersThatDoNotReadHoldNoSlot(t *testing.T) {
	for name, header := range acceptHeaders {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := startServer(t, gathererOf(store()).Handler(promslog.NewNopLogger()))
				var stuck []net.Conn
				for range 8 {
					stuck = append(stuck, l.request(t, "/metrics", header...))
				}
				synctest.Wait()
				start := time.Now()
				r, err := l.get(t, "/metrics", header...)
				if err != nil || r.status != http.StatusOK || time.Since(start) > 0 {
					t.Errorf("beside 8 readers that do not read: %v, %v after %s", r, err, time.Since(start))
				}
				time.Sleep(11 * time.Second)
				for _, conn := range stuck {
					if _, err := readResponse(conn); err == nil {
						t.Error("a reader that read nothing for 11 s was not disconnected")
					}
				}
			})
		})
	}
}

// TestSlowReaderGetsTheWholePage reads a piece every nine seconds.
func TestSlowReaderGetsTheWholePage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := startServer(t, collector.NewGatherer(nil, nil, installation(100)).Handler(promslog.NewNopLogger()))
		conn := l.request(t, "/metrics")
		r, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = r.Body.Close() }()
		var size int64
		for n := int64(1); n > 0; size += n {
			time.Sleep(9 * time.Second)
			n, err = io.CopyN(io.Discard, r.Body, 60<<10)
			if err != nil && !errors.Is(err, io.EOF) {
				t.Fatalf("after %d bytes: %v", size, err)
			}
		}
		if want := r.Header.Get("Content-Length"); strconv.FormatInt(size, 10) != want || size < 300<<10 {
			t.Errorf("%d bytes of %s", size, want)
		}
	})
}

// TestOldestReaderLeavesWhenThereAreTooMany: the 33rd page that is not read takes the place of the first.
func TestOldestReaderLeavesWhenThereAreTooMany(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := startServer(t, gathererOf(store()).Handler(promslog.NewNopLogger()))
		var stuck []net.Conn
		for range 33 {
			stuck = append(stuck, l.request(t, "/metrics"))
			synctest.Wait()
		}
		for i, conn := range stuck {
			if _, err := readResponse(conn); (err != nil) != (i == 0) {
				t.Errorf("reader %d: %v", i, err)
			}
		}
	})
}

// TestPagesAreRenderedOneAtATime: whatever the format, eight scrapes do not take the memory of eight. Those that wait
// are answered, and when too many wait the next is refused.
func TestPagesAreRenderedOneAtATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		rendering, most := 0, 0
		registry := prometheus.GathererFunc(func() ([]*dto.MetricFamily, error) {
			mu.Lock()
			rendering++
			most = max(most, rendering)
			mu.Unlock()
			time.Sleep(time.Second)
			mu.Lock()
			rendering--
			mu.Unlock()
			return nil, nil
		})
		l := startServer(t, collector.NewGatherer(registry, nil, store()).Handler(promslog.NewNopLogger()))
		var all sync.WaitGroup
		for i := range 1 + 64 {
			all.Go(func() {
				page := "/metrics?name[]=m365_connector_" + strconv.Itoa(i) // each its own
				r, err := l.get(t, page, "Accept", string(expfmt.FmtProtoDelim))
				if err != nil || r.status != http.StatusOK {
					t.Errorf("a scrape that waited: %v, %v", r, err)
				}
			})
		}
		synctest.Wait()
		r, err := l.get(t, "/metrics")
		if err != nil || r.status != http.StatusServiceUnavailable || r.header.Get("Retry-After") == "" {
			t.Errorf("one more than may wait: %v, %v", r, err)
		}
		all.Wait()
		if most != 1 {
			t.Errorf("%d pages rendered at once, want 1", most)
		}
	})
}

// TestWaitingScrapesOfTheSamePageShareIt: those that wait for another page, or that come when the rendering has begun,
// get one of their own. If the request that would render leaves, another one renders.
func TestWaitingScrapesOfTheSamePageShareIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var rendered atomic.Int32
		registry := prometheus.GathererFunc(func() ([]*dto.MetricFamily, error) {
			rendered.Add(1)
			time.Sleep(time.Second)
			return nil, nil
		})
		l := startServer(t, collector.NewGatherer(registry, nil, store()).Handler(promslog.NewNopLogger()))
		var first net.Conn // of those that wait
		var all sync.WaitGroup
		scrape := func(header ...string) {
			all.Go(func() {
				if r, err := l.get(t, "/metrics", header...); err != nil || r.status != http.StatusOK ||
					r.header.Get("Content-Type") == "" || len(r.header.Values("Vary")) != 2 {
					t.Errorf("%q: %v, %v", header, r, err)
				}
			})
			synctest.Wait()
		}
		scrape()
		first = l.request(t, "/metrics")
		synctest.Wait()
		for range 20 {
			scrape()
			scrape("Accept-Encoding", "gzip")
			scrape("Accept", asProtobuf)
		}
		_ = first.Close()
		all.Wait()
		if n := rendered.Load(); n != 3 {
			t.Errorf("%d pages rendered, want 3: the first, and one in each format for those that waited", n)
		}
	})
}

// TestReaderThatLeavesWhileItWaits takes no slot.
func TestReaderThatLeavesWhileItWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var rendered atomic.Int32
		registry := prometheus.GathererFunc(func() ([]*dto.MetricFamily, error) {
			time.Sleep(time.Second)
			rendered.Add(1)
			return nil, nil
		})
		l := startServer(t, collector.NewGatherer(registry, nil, store()).Handler(promslog.NewNopLogger()))
		for range 2 {
			conn := l.request(t, "/metrics")
			synctest.Wait()
			_ = conn.Close()
		}
		time.Sleep(time.Minute)
		if n := rendered.Load(); n != 1 {
			t.Errorf("%d pages rendered for two readers of which one left before its turn, want 1", n)
		}
	})
}

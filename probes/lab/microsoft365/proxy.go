package microsoft365

import (
	"io"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"
)

// Proxy is an HTTP proxy that leads every HTTPS connection to one address, whatever host it is for. A client that has
// it in HTTPS_PROXY uses the real names of Microsoft's hosts.
type Proxy struct {
	target   string
	listener net.Listener
	http     http.Server
	serving  sync.WaitGroup

	mu    sync.Mutex
	hosts []string // "host:port" of the newest connections
	conns map[net.Conn]bool
}

// maxHosts is how many connections a proxy remembers.
const maxHosts = 1000

// StartProxy starts a proxy to host:port. The caller must call [Proxy.Close].
func StartProxy(target string) (*Proxy, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // loopback
	if err != nil {
		return nil, err
	}
	p := &Proxy{target: target, listener: listener, conns: map[net.Conn]bool{}}
	p.http = http.Server{Handler: p, ReadHeaderTimeout: 30 * time.Second}
	p.serving.Go(func() { _ = p.http.Serve(listener) }) // ends with Close
	return p, nil
}

// URL returns the value of HTTPS_PROXY.
func (p *Proxy) URL() string { return "http://" + p.listener.Addr().String() }

// Hosts returns the "host:port" of the newest connections, at most 1000.
func (p *Proxy) Hosts() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.hosts)
}

// Close stops the proxy and closes its connections.
func (p *Proxy) Close() {
	_ = p.http.Close()
	p.mu.Lock()
	for c := range p.conns {
		_ = c.Close()
	}
	p.mu.Unlock()
	p.serving.Wait()
}

// ServeHTTP implements [http.Handler]: it accepts CONNECT and copies both directions.
func (p *Proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodConnect {
		http.Error(w, "CONNECT only", http.StatusMethodNotAllowed)
		return
	}
	to, err := (&net.Dialer{Timeout: 10 * time.Second}).DialContext(r.Context(), "tcp", p.target)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	from, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		_ = to.Close()
		return
	}
	p.mu.Lock()
	if p.hosts = append(p.hosts, r.Host); len(p.hosts) > maxHosts {
		p.hosts = slices.Clone(p.hosts[1:])
	}
	p.conns[from], p.conns[to] = true, true
	p.mu.Unlock()
	_, _ = io.WriteString(from, "HTTP/1.1 200 Connection established\r\n\r\n")
	p.serving.Go(func() { p.copy(to, from) })
	p.serving.Go(func() { p.copy(from, to) })
}

// copy copies until one side ends, and closes both.
func (p *Proxy) copy(to, from net.Conn) {
	_, _ = io.Copy(to, from)
	_, _ = to.Close(), from.Close()
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.conns, to)
	delete(p.conns, from)
}

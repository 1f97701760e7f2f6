package daemon

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-systemd/v22/activation"
	"github.com/mdlayher/vsock"
	"github.com/prometheus/exporter-toolkit/web"
)

// listenAndServe serves on all listeners until one fails. The toolkit reads the web configuration and the files that it
// names at every request and TLS handshake, and waits for them without a deadline; see [guardedListener].
func listenAndServe(server *http.Server, flags *web.FlagConfig, log *slog.Logger) error {
	if *flags.WebConfigFile == "" {
		return web.ListenAndServe(server, flags, log)
	}
	listeners, err := listen(flags)
	if err != nil {
		return err
	}
	files := &webFiles{file: *flags.WebConfigFile, period: webFilesPeriod, log: log}
	for i, l := range listeners {
		listeners[i] = guardedListener{l, files}
		defer func() { _ = l.Close() }()
	}
	return web.ServeMultiple(listeners, server, flags, log)
}

// listen opens the listeners of the flags, as the toolkit does.
func listen(flags *web.FlagConfig) ([]net.Listener, error) {
	if *flags.WebSystemdSocket {
		listeners, err := activation.Listeners()
		if err == nil && len(listeners) == 0 {
			err = errors.New("--web.systemd-socket: systemd has passed no socket")
		}
		return listeners, err
	}
	var listeners []net.Listener
	for _, address := range *flags.WebListenAddresses {
		l, err := listenOn(address)
		if err != nil {
			for _, open := range listeners {
				_ = open.Close()
			}
			return nil, err
		}
		listeners = append(listeners, l)
	}
	return listeners, nil
}

func listenOn(address string) (net.Listener, error) {
	if !strings.HasPrefix(address, "vsock://") {
		return net.Listen("tcp", address) //nolint:noctx // returns at once
	}
	u, err := url.Parse(address)
	if err != nil {
		return nil, err
	}
	port, err := strconv.ParseUint(u.Port(), 10, 32)
	if err != nil {
		return nil, fmt.Errorf("%s: the port is not a number: %w", address, err)
	}
	return vsock.Listen(uint32(port), nil)
}

// webFiles checks the files of a running web configuration.
type webFiles struct {
	file   string
	period time.Duration // how long a check counts
	log    *slog.Logger

	mu      sync.Mutex
	checked time.Time
	err     error
}

// webFilesPeriod is short: a request between the moment when a file was swapped for a FIFO and the next check hangs,
// since the library reads the file. It is not zero: a client must not be able to cause a check with each byte that it
// sends.
const webFilesPeriod = 100 * time.Millisecond

// check returns an error while a file of the web configuration cannot be read. It logs when that begins and ends.
func (f *webFiles) check() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if time.Since(f.checked) < f.period {
		return f.err
	}
	err := checkWebFiles(context.Background(), f.file)
	switch {
	case err != nil && f.err == nil:
		f.log.Error("the web configuration cannot be read, connections are closed",
			slog.String("file", f.file), slog.Any("err", err))
	case err == nil && f.err != nil:
		f.log.Info("the web configuration can be read again", slog.String("file", f.file))
	}
	f.checked, f.err = time.Now(), err
	return err
}

// guardedListener closes its connections while the files of the web configuration cannot be read. Otherwise the toolkit
// would wait for the files, with a blocked thread for each request.
type guardedListener struct {
	net.Listener
	files *webFiles
}

// Accept waits for the next connection.
func (l guardedListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err //nolint:wrapcheck // the server compares it
	}
	return &guardedConn{c, l.files}, nil
}

type guardedConn struct {
	net.Conn
	files *webFiles
}

// NetConn returns the connection below, as that of a [tls.Conn] does.
func (c *guardedConn) NetConn() net.Conn { return c.Conn }

// Read reads from the client. The check comes after the wait for its bytes.
func (c *guardedConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if n > 0 {
		if checkErr := c.files.check(); checkErr != nil {
			return 0, &net.OpError{Op: "read", Err: checkErr} // the server closes the connection without a response
		}
	}
	return n, err //nolint:wrapcheck // the server compares it
}

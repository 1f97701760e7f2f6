package main

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"net/url"
	"os"
	"strings"

	"github.com/prometheus/exporter-toolkit/web"

	"m365_connector_exporter/cmd/m365_connector_exporter/internal/daemon"
)

// checkListen returns an error if an address is not one to listen on. The toolkit also accepts vsock://.
func checkListen(ctx context.Context, address string) error {
	if strings.HasPrefix(address, "vsock://") {
		return nil
	}
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		return err
	}
	_, err = net.DefaultResolver.LookupPort(ctx, "tcp", port)
	return err
}

// checkFree returns an error if nothing can listen on an address now, mostly because another process does.
func checkFree(ctx context.Context, address string) error {
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", address)
	if err != nil {
		return err //nolint:wrapcheck // it names the address
	}
	return listener.Close() //nolint:wrapcheck // it names the address
}

// routePrefix returns the prefix of all routes: that of the flag, or else the path of the external URL.
func routePrefix(flag, external string) (string, error) {
	path := flag
	if path == "" && external != "" {
		u, err := url.Parse(external)
		if err != nil {
			return "", fmt.Errorf("not a URL: %w", err)
		}
		path = u.Path
	}
	path = strings.Trim(path, "/")
	if strings.ContainsAny(path, "{} \t") {
		return "", fmt.Errorf("%q is not a plain path", path)
	}
	if path == "" {
		return "", nil
	}
	return "/" + path, nil
}

// hostNames returns the names under which this exporter is reached, as far as they are known: those of the listen
// addresses, of the external URL, and of this host.
func hostNames(listen []string, external string) (names []string) {
	for _, address := range listen {
		if host, _, err := net.SplitHostPort(address); err == nil {
			names = append(names, host)
		}
	}
	if u, err := url.Parse(external); err == nil {
		names = append(names, u.Host)
	}
	if name, err := os.Hostname(); err == nil {
		names = append(names, name)
	}
	return names
}

func isLoopback(listen string) bool {
	host, _, err := net.SplitHostPort(listen)
	if err != nil {
		return false
	}
	if host == "localhost" {
		return true
	}
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.IsLoopback()
}

// warnIfOpen logs a warning if other hosts can read the pages without authentication.
func warnIfOpen(ctx context.Context, flags *web.FlagConfig, s streams) {
	if daemon.RequiresAuth(ctx, *flags.WebConfigFile) {
		return
	}
	for _, address := range *flags.WebListenAddresses {
		if !isLoopback(address) {
			s.log.Warn("the listener is reachable from other hosts and requires no authentication; see --web.config.file",
				slog.String("address", address))
		}
	}
}

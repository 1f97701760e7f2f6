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
	if err == nil {
		_, err = net.DefaultResolver.LookupPort(ctx, "tcp", port)
	}
	if err != nil {
		return fmt.Errorf("%q: must be a port such as :10587, or an address with a port such as 127.0.0.1:10587", address)
	}
	return nil
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

// checkExternalURL returns an error for what is neither a URL nor the path of one.
func checkExternalURL(text string) error {
	u, err := url.Parse(text)
	absolute := err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != ""
	if text == "" || (absolute || strings.HasPrefix(text, "/")) && err == nil && plainPath(u.Path) {
		return nil
	}
	return fmt.Errorf("%q: must be a URL such as https://mon.example.org/m365", text)
}

// plainPath reports whether a path can be a prefix of routes: braces have a meaning in net/http's patterns.
func plainPath(path string) bool { return !strings.ContainsAny(path, "{} \t") }

// routePrefix returns the prefix of all routes: that of the flag, or else the path of the external URL.
func routePrefix(flag, external string) string {
	path := flag
	if u, err := url.Parse(external); err == nil && path == "" {
		path = u.Path
	}
	if path = strings.Trim(path, "/"); path == "" {
		return ""
	}
	return "/" + path
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

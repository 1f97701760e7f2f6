//go:build !windows

package dnsclient

import (
	"net"

	"github.com/miekg/dns"
)

// systemServers lists the DNS servers of resolv.conf as host:port.
func systemServers() ([]string, error) {
	config, err := dns.ClientConfigFromFile("/etc/resolv.conf")
	if err != nil {
		return nil, err
	}
	servers := make([]string, 0, len(config.Servers))
	for _, s := range config.Servers {
		servers = append(servers, net.JoinHostPort(s, config.Port))
	}
	return servers, nil
}

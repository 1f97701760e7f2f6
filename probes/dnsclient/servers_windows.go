package dnsclient

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"unsafe"

	"golang.org/x/sys/windows"
)

// systemServers lists the DNS servers of the adapters that are up, as host:port, in the system's order.
func systemServers() ([]string, error) {
	first, err := adapters()
	if err != nil {
		return nil, err
	}
	siteLocal := netip.MustParsePrefix("fec0::/10") // Windows lists these where IPv6 is not configured
	var servers []string
	for a := first; a != nil; a = a.Next {
		if a.OperStatus != windows.IfOperStatusUp {
			continue
		}
		for d := a.FirstDnsServerAddress; d != nil; d = d.Next {
			addr, ok := netip.AddrFromSlice(d.Address.IP())
			if !ok || siteLocal.Contains(addr.Unmap()) {
				continue
			}
			if addr = addr.Unmap(); addr.IsLinkLocalUnicast() && addr.Is6() {
				addr = addr.WithZone(fmt.Sprint(a.Ipv6IfIndex))
			}
			servers = append(servers, net.JoinHostPort(addr.String(), "53"))
		}
	}
	return servers, nil
}

// adapters lists the network adapters, with a buffer that grows until it is large enough.
func adapters() (*windows.IpAdapterAddresses, error) {
	const flags = windows.GAA_FLAG_SKIP_UNICAST | windows.GAA_FLAG_SKIP_ANYCAST | windows.GAA_FLAG_SKIP_MULTICAST
	size := uint32(16 << 10)
	for range 4 {
		buffer := make([]byte, size)
		first := (*windows.IpAdapterAddresses)(unsafe.Pointer(&buffer[0])) //nolint:gosec // as the call wants it
		err := windows.GetAdaptersAddresses(windows.AF_UNSPEC, flags, 0, first, &size)
		switch {
		case err == nil && size == 0:
			return nil, nil //nolint:nilnil // no adapter
		case err == nil:
			return first, nil
		case !errors.Is(err, windows.ERROR_BUFFER_OVERFLOW):
			return nil, err
		}
	}
	return nil, windows.ERROR_BUFFER_OVERFLOW
}

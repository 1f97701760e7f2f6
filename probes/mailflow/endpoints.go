package mailflow

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// endpoint is the part of an entry of Microsoft's endpoints service that is needed here.
// https://learn.microsoft.com/microsoft-365/enterprise/microsoft-365-ip-web-service
type endpoint struct {
	ServiceArea string   `json:"serviceArea"`
	TCPPorts    string   `json:"tcpPorts"` // "25" or "80,443"
	IPs         []string `json:"ips"`
}

// maxPublished bounds the ranges in one answer of the endpoints service. There were six in 2022.
const maxPublished = 1000

// ParseEndpoints returns the address ranges of Exchange Online's mail servers in the JSON of
// https://endpoints.office.com/endpoints/worldwide: those of entries of the service area Exchange with TCP port 25.
func ParseEndpoints(data []byte) ([]netip.Prefix, error) {
	var entries []endpoint
	if err := json.Unmarshal(data, &entries); err != nil {
		return nil, errors.New("not a list of endpoints in JSON, as https://endpoints.office.com/endpoints/worldwide has it")
	}
	var all []netip.Prefix
	for i, e := range entries {
		if e.ServiceArea != "Exchange" || !slices.Contains(splitPorts(e.TCPPorts), "25") {
			continue
		}
		for _, text := range e.IPs {
			p, err := netip.ParsePrefix(text)
			if err != nil {
				return nil, fmt.Errorf("entry %d: an address range of ips must be a network such as 192.0.2.0/24", i+1)
			}
			if all = append(all, p.Masked()); len(all) > maxPublished {
				return nil, fmt.Errorf("more than %d address ranges", maxPublished)
			}
		}
	}
	if len(all) == 0 {
		return nil, errors.New("no entry of serviceArea Exchange with tcpPorts 25 has ips")
	}
	slices.SortFunc(all, netip.Prefix.Compare)
	return slices.Compact(all), nil
}

func splitPorts(text string) []string {
	return strings.FieldsFunc(text, func(c rune) bool { return c == ',' || c == ' ' })
}

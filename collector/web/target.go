package web

import (
	"errors"
	"fmt"
	"net/url"
	"strings"

	"m365_connector_exporter/collector"
)

var (
	errTarget  = errors.New("target must be TENANT/DIRECTION/CONNECTOR/PATH, each part percent-encoded; DIRECTION may be left out where that is unambiguous")
	errUnknown = errors.New("no such path is configured; /sd lists all targets")
)

// errAmbiguous names some of the paths that a target means.
type errAmbiguous []string

func (e errAmbiguous) Error() string {
	return fmt.Sprintf("the target means %d paths; say which: %s", len(e), strings.Join(e[:min(len(e), 5)], ", "))
}

// locate finds the one path that a target names. Names that differ in case alone are told apart where both exist.
func locate(target string, paths []*collector.PathState) (*collector.PathState, error) {
	parts := strings.Split(target, "/")
	if len(parts) != 3 && len(parts) != 4 {
		return nil, errTarget
	}
	for i, p := range parts {
		name, err := url.PathUnescape(p)
		if err != nil || name == "" && i < len(parts)-1 { // a connector without a next hop has a path without a name
			return nil, errTarget
		}
		parts[i] = name
	}
	exactly := func(a, b string) bool { return a == b }
	for _, same := range []func(a, b string) bool{exactly, strings.EqualFold} {
		found := named(parts, paths, same)
		if len(found) == 1 {
			return found[0], nil
		}
		if len(found) > 1 {
			var names errAmbiguous
			for _, p := range found {
				names = append(names, p.Path.ID.String())
			}
			return nil, names
		}
	}
	return nil, errUnknown
}

func named(parts []string, paths []*collector.PathState, same func(a, b string) bool) (found []*collector.PathState) {
	last := len(parts) - 1
	for _, p := range paths {
		id := p.Path.ID
		if same(id.Path, parts[last]) && same(id.Connector, parts[last-1]) && same(id.Tenant, parts[0]) &&
			(last == 2 || same(string(id.Direction), parts[1])) {
			found = append(found, p)
		}
	}
	return found
}

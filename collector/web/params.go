package web

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// maxQuery bounds a query string, in bytes. A target has four names; Microsoft's have at most 256 characters.
const maxQuery = 8 << 10

// params parses the query. It accepts only the known parameters, each once; the error is a sentence for the caller.
func params(r *http.Request, known ...string) (url.Values, error) {
	if len(r.URL.RawQuery) > maxQuery {
		return nil, fmt.Errorf("the query is longer than %d bytes", maxQuery)
	}
	values, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, fmt.Errorf("the query cannot be parsed: parameters are NAME=VALUE, percent-encoded, joined by &")
	}
	for name, all := range values {
		switch {
		case !slices.Contains(known, name) && len(known) == 0:
			return nil, fmt.Errorf("unknown parameter %q; no parameter is accepted here", short(name))
		case !slices.Contains(known, name):
			return nil, fmt.Errorf("unknown parameter %q; accepted are %s", short(name), strings.Join(known, ", "))
		case len(all) > 1:
			return nil, fmt.Errorf("the parameter %s is given %d times; give it once", name, len(all))
		}
	}
	return values, nil
}

func short(s string) string {
	if runes := []rune(s); len(runes) > 80 {
		return string(runes[:80]) + "…"
	}
	return s
}

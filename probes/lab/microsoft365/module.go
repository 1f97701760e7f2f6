package microsoft365

import (
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// moduleFile redirects to the tenant's region, or lists the cmdlets that the client may run if the request has a
// version.
func (s *Server) moduleFile(w http.ResponseWriter, r *http.Request, t *Tenant) {
	if r.URL.Query().Get("Version") == "" {
		if target := t.regional(r); target != "" {
			http.Redirect(w, r, target, http.StatusFound)
			return
		}
		apiError(w, http.StatusBadRequest, "BadRequest", "", "Version is missing.")
		return
	}
	if r.Header.Get("CommandName") != "*" {
		apiError(w, http.StatusBadRequest, "BadRequest", "", "The header CommandName is missing.")
		return
	}
	names := slices.DeleteFunc(slices.Sorted(maps.Keys(cmdlets)), func(name string) bool {
		return slices.Contains(t.Denied, name) || slices.Contains(t.Missing, name)
	})
	list, _ := json.Marshal(names) // texts
	writeJSON(w, http.StatusOK, map[string]any{"value": []any{map[string]any{"exportedCmdlets": json.RawMessage(list)}}})
}

// regional returns the same address at the tenant's regional host, "" if it has none or the request is already there.
// A loopback address has no regional hosts.
func (t *Tenant) regional(r *http.Request) string {
	if t.Region == "" || isLoopback(r.Host) || strings.HasPrefix(r.Host, t.Region+".") {
		return ""
	}
	target := url.URL{Scheme: "https", Host: t.Region + "." + r.Host, Path: r.URL.Path, RawQuery: r.URL.RawQuery}
	return target.String()
}

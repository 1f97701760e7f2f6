package deploy_test

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"m365_connector_exporter/collector"
	"m365_connector_exporter/collector/web"
)

// The command in prometheus/README.md turns every runbook_url into a link that the exporter serves.
func TestRunbookLinks(t *testing.T) {
	command := regexp.MustCompile("(?s)```sh\n(sed .*?)```").FindStringSubmatch(read(t, "prometheus/README.md"))
	if command == nil {
		t.Fatal("no command in prometheus/README.md")
	}
	dir := t.TempDir()
	if err := os.CopyFS(filepath.Join(dir, "rules"), os.DirFS("prometheus/rules")); err != nil {
		t.Fatal(err)
	}
	run(t, "sh", "-c", `cd "$0" && `+command[1], dir)
	mux := http.NewServeMux()
	web.New(web.Options{
		Snapshot: func() *collector.Snapshot { return &collector.Snapshot{} },
		Status:   func() web.Status { return web.Status{} }, Now: time.Now,
	}).Register(mux)
	link, links := regexp.MustCompile(`runbook_url: (.*)`), 0
	for _, file := range glob(t, dir+"/rules/*.yml") {
		run(t, "promtool", "check", "rules", "--lint=none", file)
		for _, one := range link.FindAllStringSubmatch(read(t, file), -1) {
			links++
			address, found := strings.CutPrefix(one[1], "http://exporter.example:10587")
			if !found {
				t.Errorf("%s is not a link to the exporter", one[1])
				continue
			}
			w := httptest.NewRecorder()
			mux.ServeHTTP(w, httptest.NewRequest(http.MethodGet, address, http.NoBody))
			if w.Code != http.StatusOK || !strings.Contains(w.Body.String(), "<h2>Causes and remedies</h2>") {
				t.Errorf("%s: %d", address, w.Code)
			}
		}
	}
	if links < 20 {
		t.Errorf("%d links", links)
	}
}

//go:build e2e

package e2e

import (
	"crypto/tls"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// TestFirewallAgainstPublishedRanges runs a daemon that fetches the published ranges from a fake of Microsoft's
// endpoints service by HTTPS. It reports what the firewall's list lacks, and asks once. After a restart, and in audit,
// the ranges that it keeps are used, although the service redirects, floods or is gone.
func TestFirewallAgainstPublishedRanges(t *testing.T) {
	w := smallWorld(t)
	issued := w.issue(leaf{name: "endpoints.contoso.test"}, "endpoints")
	certificate, err := tls.LoadX509KeyPair(issued.chain, issued.key)
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var requests atomic.Int32
	server := &http.Server{
		TLSConfig: &tls.Config{Certificates: []tls.Certificate{certificate}}, ErrorLog: log.New(io.Discard, "", 0),
		Handler: http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			requests.Add(1)
			if len(r.FormValue("clientrequestid")) != 36 || r.URL.Path != "/endpoints/worldwide" {
				http.Error(rw, "clientrequestid is missing", http.StatusBadRequest) // as the service answers
				return
			}
			rw.Header().Set("Content-Type", "application/json; charset=utf-8")
			_, _ = io.WriteString(rw, `[{"serviceArea":"Exchange","tcpPorts":"25","ips":["192.0.2.0/24","2001:db8::/48"]},
				{"serviceArea":"Exchange","tcpPorts":"80,443","ips":["203.0.113.0/24"]}]`)
		}),
	}
	go func() { _ = server.ServeTLS(listener, "", "") }() // ends with Close
	t.Cleanup(func() { _ = server.Close() })
	w.dns = serveDNS(t, records("endpoints.contoso.test. 60 IN A 127.0.0.1"))
	w.write("allow.txt", "permit 192.0.2.0/24\n")
	file := w.write("endpoints.yaml", w.head()+fmt.Sprintf(
		"firewall: {file: allow.txt, ca_file: %q, endpoints: \"https://endpoints.contoso.test:%d/endpoints/worldwide\"}\n",
		w.ca.rootFile, listener.Addr().(*net.TCPAddr).Port)+"tenants: [{name: contoso}]\n")

	found := func(d *daemon) {
		t.Helper()
		eventually(t, 30*time.Second, func() string {
			_, page := d.http(http.MethodGet, "/findings")
			return unless(strings.Contains(page, "allow.txt does not contain 2001:db8::/48 (IPv6)") &&
				!strings.Contains(page, "203.0.113.0") && !strings.Contains(page, "40.92.0.0"), page)
		})
	}
	d := w.serve(file)
	found(d)
	if d.stop(); requests.Load() != 1 {
		t.Errorf("%d requests, want one a day", requests.Load())
	}
	_ = server.Close()
	d = w.serve(file)
	found(d)
	d.stop()
	code, output := w.command("audit", "--config.file="+file)
	if code != 1 || !strings.Contains(output, "does not contain 2001:db8::/48") || strings.Contains(output, "40.92") {
		t.Errorf("audit: exit %d\n%s", code, output)
	}
	if err := os.Remove(w.dir + "/state.json.endpoints"); err != nil {
		t.Fatal(err)
	}
	code, output = w.command("audit", "--config.file="+file)
	if code != 1 || !strings.Contains(output, "40.92.0.0/15") || !strings.Contains(output, "UNCERTAIN") ||
		!strings.Contains(output, "has never been read") {
		t.Errorf("audit without the ranges that the daemon keeps: exit %d\n%s", code, output)
	}
}

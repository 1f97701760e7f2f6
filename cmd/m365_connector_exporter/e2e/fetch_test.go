//go:build e2e

package e2e

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"m365_connector_exporter/probes/lab/microsoft365"
)

// fetched is what a run of fetch came to.
type fetched struct {
	code   int
	output string
	took   time.Duration
	cpu    time.Duration
	memory float64 // most resident, in bytes
}

// fetch runs the command fetch.
func (w *world) fetch(environment []string, args ...string) fetched {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 4*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, w.binary, append([]string{"fetch"}, args...)...)
	cmd.Env = append(os.Environ(), environment...)
	began := time.Now()
	var output strings.Builder
	cmd.Stdout, cmd.Stderr = &output, &output
	if err := cmd.Start(); err != nil {
		w.t.Fatalf("fetch %q: %v", args, err)
	}
	most := make(chan float64)
	ended := make(chan struct{})
	go func() { most <- mostResidentUntil(cmd.Process.Pid, ended) }()
	err := cmd.Wait()
	close(ended)
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		w.t.Fatalf("fetch %q: %v", args, err)
	}
	return fetched{
		code: cmd.ProcessState.ExitCode(), output: output.String(), took: time.Since(began),
		cpu: cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime(), memory: <-most,
	}
}

// mostResidentUntil returns the peak resident memory of a process in bytes, as last seen before it ended. The kernel's
// count of an ended process (getrusage) does not do: it includes the memory of the test, which started it.
func mostResidentUntil(pid int, ended <-chan struct{}) (most float64) {
	ticker := time.NewTicker(5 * time.Millisecond)
	defer ticker.Stop()
	for {
		if status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid)); err == nil {
			var kib float64
			_, rest, _ := strings.Cut(string(status), "VmHWM:")
			if _, err := fmt.Sscan(rest, &kib); err == nil {
				most = kib * 1024
			}
		}
		select {
		case <-ended:
			return most
		case <-ticker.C:
		}
	}
}

// TestFetchFourHundredTenants reads four hundred tenants. The first request for connectors of every tenth and the first
// for a token of every twentieth is throttled. Three of them lack a part of the grant: theirs fail, with the part in
// words, and no other.
func TestFetchFourHundredTenants(t *testing.T) {
	const tenants, atOnce = 400, 32
	w := smallWorld(t)
	c := w.startCloud(tenants)
	for i := 0; i < tenants; i += 10 {
		c.InjectFault(cloudID(i), "Get-InboundConnector", microsoft365.Times(1, microsoft365.Throttled(time.Second)))
	}
	for i := 5; i < tenants; i += 20 {
		c.InjectFault(cloudID(i), microsoft365.Token, microsoft365.Times(1, microsoft365.Throttled(2*time.Second)))
	}
	c.change(7, func(t *microsoft365.Tenant) { t.Apps[0].DirectoryRole = false })
	c.change(8, func(t *microsoft365.Tenant) { t.Apps[0].AppRole = false })
	c.change(9, func(t *microsoft365.Tenant) { t.Apps = nil })
	file := c.config("fetch.yaml", tenants, fmt.Sprintf("  max_concurrent: %d\n", atOnce), nil)
	folder := filepath.Join(w.dir, "exports")

	f := w.fetch(nil, "--config.file="+file, "--output="+folder)
	if f.code != 1 || strings.Count(f.output, folder) != tenants-3 {
		t.Errorf("exit code %d, output\n%s", f.code, f.output)
	}
	for name, reason := range map[string]string{"t7": "role_missing", "t8": "consent_missing", "t9": "consent_missing"} {
		if !strings.Contains(f.output, name+": not read, "+reason+": ") {
			t.Errorf("%s: want %s in\n%s", name, reason, f.output)
		}
	}
	requests, refused := c.Count("", "Get-InboundConnector")
	if c.Peak() > atOnce || refused < tenants/11 {
		t.Errorf("%d tenants at once, %d of %d requests for connectors refused", c.Peak(), refused, requests)
	}
	if got := c.filesIn(folder); got != tenants-3 {
		t.Errorf("%d files, want %d", got, tenants-3)
	}
	c.checkNoSecret("the output", f.output)
	c.checkReadOnly("fetch")
	t.Logf("%d tenants, %d at once: %v, %v of CPU, %.0f MB resident at most", tenants, atOnce,
		f.took.Round(time.Millisecond), f.cpu.Round(time.Millisecond), f.memory/1e6)
	if f.took > 3*time.Minute || f.memory > 150e6 {
		t.Errorf("%v and %.0f MB, want at most three minutes and 150 MB", f.took, f.memory/1e6)
	}
	w.checkGrants(file)
}

// filesIn counts the files in a folder and its folders, and looks for credentials in each.
func (c *cloud) filesIn(folder string) (files int) {
	c.t.Helper()
	err := filepath.WalkDir(folder, func(file string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			files++
			if files%50 == 0 { // all are written by the same code
				c.checkNoSecret(file, read(c.t, file))
			}
		}
		return err
	})
	if err != nil {
		c.t.Error(err)
	}
	return files
}

// checkGrants runs fetch --check, which writes nothing and names what is missing.
func (w *world) checkGrants(file string) {
	w.t.Helper()
	f := w.fetch(nil, "--config.file="+file, "--check", "t6", "t7", "t8")
	for _, want := range []string{
		"t6: OK", "t7: role_missing", "Global Reader", "t8: consent_missing", "Exchange.ManageAsApp", "/adminconsent?",
	} {
		if !strings.Contains(f.output, want) {
			w.t.Errorf("fetch --check: no %q in\n%s", want, f.output)
		}
	}
	if f.code != 1 {
		w.t.Errorf("fetch --check: exit code %d", f.code)
	}
}

// TestFetchKeepsTheLastGoodExport reads a tenant, and again while the fake answers badly, and kills a fetch. The file
// stays as it was.
func TestFetchKeepsTheLastGoodExport(t *testing.T) {
	w := smallWorld(t)
	c := w.startCloud(1)
	file := c.config("fetch.yaml", 1, "", nil)
	folder := filepath.Join(w.dir, "exports")
	args := []string{"--config.file=" + file, "--output=" + folder}
	if f := w.fetch(nil, args...); f.code != 0 {
		t.Fatalf("exit code %d, output\n%s", f.code, f.output)
	}
	export := filepath.Join(folder, "t0", "exchange-online.json")
	before := read(t, export)
	for name, answer := range map[string]struct {
		fault microsoft365.Fault
		want  string
	}{
		"a page":                   {microsoft365.HTML, "malformed: "},
		"a redirect":               {microsoft365.Redirect("https://evil.example/"), "unreachable: "},
		"a gzip bomb":              {microsoft365.GzipBomb(1 << 30), "malformed: "},
		"nothing":                  {microsoft365.Body(`{"value":[]}`), "truncated: "},
		"throttled for a day":      {microsoft365.Throttled(24 * time.Hour), "throttled: "},
		"a list that is not whole": {nil, "truncated: "},
	} {
		c.InjectFault("", "Get-AcceptedDomain", answer.fault)
		if answer.fault == nil {
			c.change(0, func(t *microsoft365.Tenant) { t.PageSize, t.Paging = 1, microsoft365.PagingExpires })
		}
		f := w.fetch(nil, args...)
		if f.code != 1 || !strings.Contains(f.output, answer.want) || read(t, export) != before || f.memory > 150e6 {
			t.Errorf("%s: exit code %d, %.0f MB, output\n%s", name, f.code, f.memory/1e6, f.output)
		}
		c.checkNoSecret(name, f.output)
		c.change(0, func(t *microsoft365.Tenant) { t.PageSize = 0 })
	}
	waiting := make(chan struct{}, 1)
	c.InjectFault("", "Get-TransportRule", func(_ http.ResponseWriter, r *http.Request, _ http.Handler) {
		waiting <- struct{}{}
		<-r.Context().Done()
	})
	c.InjectFault("", "Get-AcceptedDomain", nil)
	p := start(t, w.binary, append([]string{"fetch"}, args...)...)
	<-waiting
	p.kill()
	if read(t, export) != before {
		t.Error("a fetch that was killed has changed the export")
	}
}

// TestFetchThroughAProxy reads a tenant of each cloud at the real names of Microsoft's hosts, in its region, through a
// proxy that the environment names; and through one that intercepts TLS, which is refused.
func TestFetchThroughAProxy(t *testing.T) {
	w := smallWorld(t)
	clouds := []microsoft365.Cloud{
		microsoft365.Worldwide, microsoft365.GCCHigh, microsoft365.DoD, microsoft365.China,
	}
	c := w.startCloud(len(clouds))
	file := c.config("proxy.yaml", len(clouds), "  authority: \"\"\n", nil)
	text := read(t, file)
	for i, cloud := range clouds {
		c.change(i, func(t *microsoft365.Tenant) { t.Cloud = cloud })
		name := fmt.Sprintf("- name: t%d\n", i)
		text = strings.Replace(text, name, name+"  cloud: "+string(cloud)+"\n", 1)
	}
	writeFile(t, file, text, 0o600)
	proxy, err := microsoft365.StartProxy(strings.TrimPrefix(c.URL(), "https://"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(proxy.Close)
	environment := []string{"HTTPS_PROXY=" + proxy.URL(), "NO_PROXY="}
	f := w.fetch(environment, "--config.file="+file, "--output="+filepath.Join(w.dir, "exports"))
	if f.code != 0 {
		t.Errorf("exit code %d, output\n%s", f.code, f.output)
	}
	hosts := strings.Join(proxy.Hosts(), " ")
	for _, want := range []string{
		"login.microsoftonline.com", "eur01.outlook.office365.com", "login.microsoftonline.us",
		"eur01.outlook.office365.us", "eur01.outlook-dod.office365.us", "login.partner.microsoftonline.cn",
		"eur01.outlook.office365.cn",
	} {
		if !strings.Contains(hosts, want+":443") {
			t.Errorf("hosts %s, want %s", hosts, want)
		}
	}

	other := smallCloud(t) // another authority
	intercepting, err := microsoft365.StartProxy(strings.TrimPrefix(other.URL(), "https://"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(intercepting.Close)
	environment[0] = "HTTPS_PROXY=" + intercepting.URL()
	f = w.fetch(environment, "--config.file="+file, "--check")
	if f.code != 1 || !strings.Contains(f.output, "ca_file") {
		t.Errorf("exit code %d, output\n%s", f.code, f.output)
	}
	if n := len(other.Sensitive()); n > 0 {
		t.Errorf("the proxy that intercepts TLS received %d tokens or assertions", n)
	}
}

// smallCloud starts a fake whose authority no program trusts.
func smallCloud(t *testing.T) *cloud {
	t.Helper()
	w := &world{t: t, dir: t.TempDir()}
	return w.startCloud(1)
}

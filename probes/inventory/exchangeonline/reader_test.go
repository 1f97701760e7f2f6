package exchangeonline

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"m365_connector_exporter/probes/inventory"
)

// goodRead is a read of a tenant with the given inbound connectors.
func goodRead(t Tenant, connectors ...string) Read {
	r := Read{
		TenantID: t.ID, Started: time.Now(), End: time.Now(), Answers: map[string]Answer{}, Failures: map[string]*Failure{},
	}
	var inbound []json.RawMessage
	for _, name := range connectors {
		inbound = append(inbound, json.RawMessage(`{"Name":"`+name+`","SenderDomains":["*"]}`))
	}
	domain := []json.RawMessage{json.RawMessage(`{"DomainName":"contoso.com","DomainType":"Authoritative"}`)}
	r.Answers["Get-AcceptedDomain"] = Answer{time.Now(), domain}
	r.Answers["Get-InboundConnector"] = Answer{time.Now(), inbound}
	r.Answers["Get-OutboundConnector"] = Answer{time.Now(), nil}
	r.Answers["Get-TransportRule"] = Answer{time.Now(), []json.RawMessage{json.RawMessage(`{"Name":"r"}`)}}
	for _, c := range Cmdlets {
		if _, has := r.Answers[c.Name]; !has {
			r.Failures[c.Name] = failure(RoleMissing, "no role")
		}
	}
	return r
}

func failedRead(t Tenant, reason Reason) Read {
	r := Read{TenantID: t.ID, Started: time.Now(), End: time.Now(), Failures: map[string]*Failure{}}
	for _, c := range Cmdlets {
		r.Failures[c.Name] = failure(reason, "failed")
	}
	return r
}

func tenantNamed(name, secret string) Tenant {
	c, _ := NewSecret(secret)
	return Tenant{Name: name, ID: testTenant, ClientID: testClient, Credential: c}
}

// TestReaderSpreadsTenants: every tenant is read at once, and from then on once in each interval, never more than
// MaxConcurrent at a time, and not all in one moment.
func TestReaderSpreadsTenants(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const tenants, concurrent = 100, 4
		r := NewReader(time.Now)
		var mu sync.Mutex
		running, most := 0, 0
		reads, minutes := map[string]int{}, map[int]int{}
		start := time.Now()
		r.read = func(_ context.Context, _ *Client, tenant Tenant, _ *Answers) Read {
			mu.Lock()
			running++
			most = max(most, running)
			reads[tenant.Name]++
			minutes[int(time.Since(start)/(5*time.Minute))]++
			mu.Unlock()
			time.Sleep(time.Second)
			mu.Lock()
			running--
			mu.Unlock()
			return goodRead(tenant, "In")
		}
		var all []Tenant
		for i := range tenants {
			all = append(all, tenantNamed(fmt.Sprint("tenant-", i), "x"))
		}
		if err := r.SetTenants(t.Context(), all, Options{Interval: time.Hour, MaxConcurrent: concurrent}); err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithTimeout(t.Context(), 3*time.Hour)
		defer stop()
		r.Run(ctx)
		if most != concurrent {
			t.Errorf("%d at a time, want %d", most, concurrent)
		}
		for name, n := range reads {
			if n < 3 || n > 4 {
				t.Errorf("%s is read %d times in three hours and at the start", name, n)
			}
		}
		if len(reads) != tenants || minutes[20] == 0 || minutes[20] > tenants/4 {
			t.Errorf("%d tenants, %d of them in one slot of five minutes", len(reads), minutes[20])
		}
	})
}

// TestFailedReadChangesNothing: the last good answers stay, and the next read comes earlier.
func TestFailedReadChangesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tenant := tenantNamed("contoso", "x")
		outcomes := []Read{goodRead(tenant, "a", "b"), failedRead(tenant, Throttled), goodRead(tenant, "a")}
		r := NewReader(time.Now)
		n := 0
		r.read = func(context.Context, *Client, Tenant, *Answers) Read {
			result := outcomes[min(n, len(outcomes)-1)]
			result.End = time.Now()
			n++
			return result
		}
		var events []Event
		var counts []int
		var times []time.Time
		r.OnRead = func(e Event) {
			events, times = append(events, e), append(times, time.Now())
			counts = append(counts, len(load(t, r, tenant).Inbound))
		}
		_ = r.SetTenants(t.Context(), []Tenant{tenant}, Options{Interval: time.Hour, MaxConcurrent: 1})
		ctx, stop := context.WithTimeout(t.Context(), 4*time.Hour)
		defer stop()
		r.Run(ctx)
		if fmt.Sprint(counts[:3]) != "[2 2 1]" {
			t.Errorf("connectors after each read: %v", counts)
		}
		if !events[0].Changed || events[1].Changed || !events[2].Changed {
			t.Errorf("changed: %v %v %v", events[0].Changed, events[1].Changed, events[2].Changed)
		}
		failed, is := events[1].State.Failed()
		if !is || failed.Reason != "throttled" || !events[1].State.Success.Equal(events[0].State.Success) {
			t.Errorf("state after the failure: %+v", events[1].State)
		}
		if gap := times[2].Sub(times[1]); gap > 15*time.Minute {
			t.Errorf("the next read comes %s after the failure", gap)
		}
	})
}

func load(t *testing.T, r *Reader, tenant Tenant) inventory.Snapshot {
	t.Helper()
	s, err := Source{Reader: r, Tenant: tenant, Observed: &inventory.Observations{}}.Load(t.Context())
	if err != nil {
		t.Error(err)
	}
	return s
}

// TestMerge: an optional cmdlet that fails for a transient reason keeps its records, one without permission does not.
func TestMerge(t *testing.T) {
	tenant := tenantNamed("contoso", "x")
	first := goodRead(tenant, "In")
	before := (&Answers{}).Merge(first)
	for _, c := range []struct {
		reason Reason
		kept   bool
	}{
		{Throttled, true},
		{Truncated, true},
		{Unreachable, true},
		{Malformed, true},
		{TokenRejected, true},
		{RoleMissing, false},
		{ConsentMissing, false},
	} {
		read := goodRead(tenant, "In", "new")
		delete(read.Answers, "Get-TransportRule")
		read.Failures["Get-TransportRule"] = failure(c.reason, "x")
		after := before.Merge(read)
		if _, kept := after.All["Get-TransportRule"]; kept != c.kept {
			t.Errorf("%s: rules kept %v, want %v", c.reason, kept, c.kept)
		}
		if len(after.All["Get-InboundConnector"].Records) != 2 {
			t.Errorf("%s: the connectors are not the new ones", c.reason)
		}
	}
	if after := before.Merge(failedRead(tenant, RoleMissing)); after.revision() != before.revision() {
		t.Error("a read without connectors changes the answers")
	}
}

// TestCredentialIsReplaced: a tenant with a new secret is read at once, and keeps its records meanwhile.
func TestCredentialIsReplaced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := NewReader(time.Now)
		var reads atomic.Int32
		r.read = func(_ context.Context, _ *Client, tenant Tenant, _ *Answers) Read {
			if reads.Add(1) > 1 {
				return failedRead(tenant, TokenRejected)
			}
			return goodRead(tenant, "In")
		}
		options := Options{Interval: time.Hour, MaxConcurrent: 1}
		old, renewed := tenantNamed("contoso", "old"), tenantNamed("contoso", "new")
		_ = r.SetTenants(t.Context(), []Tenant{old}, options)
		go r.Run(t.Context())
		synctest.Wait()
		_ = r.SetTenants(t.Context(), []Tenant{old}, options)
		synctest.Wait()
		if reads.Load() != 1 {
			t.Errorf("%d reads after the same configuration, want 1", reads.Load())
		}
		_ = r.SetTenants(t.Context(), []Tenant{renewed}, options)
		synctest.Wait()
		if reads.Load() != 2 || len(load(t, r, renewed).Inbound) != 1 {
			t.Errorf("%d reads after a new secret, want 2", reads.Load())
		}
		other := renewed
		other.ID = "22222222-2222-3333-4444-555555555555"
		_, err := Source{Reader: r, Tenant: other, Observed: &inventory.Observations{}}.Load(t.Context())
		if !errors.Is(err, ErrNotRead) {
			t.Errorf("records of another organization are used: %v", err)
		}
	})
}

// TestReadAll: a requested read comes at once, but not twice within seconds.
func TestReadAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := NewReader(time.Now)
		var reads atomic.Int32
		r.read = func(_ context.Context, _ *Client, tenant Tenant, _ *Answers) Read {
			reads.Add(1)
			return goodRead(tenant, "In")
		}
		_ = r.SetTenants(t.Context(), []Tenant{tenantNamed("contoso", "x")}, Options{Interval: time.Hour, MaxConcurrent: 1})
		go r.Run(t.Context())
		synctest.Wait()
		r.ReadAll()
		synctest.Wait()
		if reads.Load() != 1 {
			t.Errorf("%d reads, want 1 until %s have passed", reads.Load(), minGap)
		}
		time.Sleep(minGap)
		synctest.Wait()
		if reads.Load() != 2 {
			t.Errorf("%d reads, want 2", reads.Load())
		}
	})
}

// TestCache: the last good answers outlive a restart, for the same organization only, unreadable for others, and
// without a secret.
func TestCache(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "cache")
	tenant := tenantNamed("con/toso", testSecret)
	options := Options{Interval: time.Hour, MaxConcurrent: 1, CacheFolder: folder}
	r := NewReader(time.Now)
	ctx, stop := context.WithCancel(t.Context())
	r.read = func(context.Context, *Client, Tenant, *Answers) Read { return goodRead(tenant, "In") }
	r.OnRead = func(e Event) {
		if e.Cache != nil {
			t.Error(e.Cache)
		}
		stop()
	}
	if err := r.SetTenants(ctx, []Tenant{tenant}, options); err != nil {
		t.Fatal(err)
	}
	r.Run(ctx)
	killed := filepath.Join(folder, temporary+"123")
	if err := os.WriteFile(killed, []byte("half"), 0o600); err != nil {
		t.Fatal(err)
	}

	restarted := NewReader(time.Now)
	s, err := Source{
		Reader: restarted, Tenant: tenant, CacheFolder: folder, Observed: &inventory.Observations{},
	}.Load(t.Context())
	if err != nil || len(s.Inbound) != 1 {
		t.Errorf("after a restart: %v, %v", s.Inbound, err)
	}
	if err := restarted.SetTenants(t.Context(), []Tenant{tenant}, options); err != nil {
		t.Fatal(err)
	}
	if state := restarted.States()[tenant.Name]; state.Success.IsZero() || !state.Read.IsZero() {
		t.Errorf("state after a restart: %+v", state)
	}
	if _, err := os.Stat(killed); !errors.Is(err, fs.ErrNotExist) {
		t.Error("a file that was being written is still there")
	}
	other := tenant
	other.ID = "22222222-2222-3333-4444-555555555555"
	if _, ok := cache(folder).read(t.Context(), &other); ok {
		t.Error("the records of another organization are used")
	}
	checkCacheFiles(t, folder)
}

func checkCacheFiles(t *testing.T, folder string) {
	t.Helper()
	entries, err := os.ReadDir(folder)
	if err != nil || len(entries) != 1 {
		t.Fatalf("%v, %v", entries, err)
	}
	text, err := os.ReadFile(filepath.Join(folder, entries[0].Name()))
	if err != nil {
		t.Fatal(err)
	}
	checkNoSecret(t, string(text))
	if runtime.GOOS == "windows" {
		return
	}
	info, _ := os.Stat(folder)
	file, _ := entries[0].Info()
	if info.Mode().Perm() != 0o700 || file.Mode().Perm() != 0o600 {
		t.Errorf("modes %o and %o", info.Mode().Perm(), file.Mode().Perm())
	}
}

// TestDocumentRoundTrip: what is written is read again, with the time of each cmdlet.
func TestDocumentRoundTrip(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := (&Answers{}).Merge(goodRead(tenantNamed("contoso", "x"), "In", "In <&> 2"))
		b, err := parseDocument(a.Document())
		if err != nil || b.revision() != a.revision() || !b.Time().Equal(a.Time()) || b.TenantID != a.TenantID {
			t.Errorf("%v, %+v", err, b)
		}
	})
	for _, bad := range []string{
		"", "[]", "{}", `{"Source":"Exchange Online"}`, `{"Source":"Exchange Online","Get-AcceptedDomain":1}`,
	} {
		if _, err := parseDocument([]byte(bad)); err == nil {
			t.Errorf("%q is accepted", bad)
		}
	}
}

func TestFileName(t *testing.T) {
	for name, want := range map[string]string{
		"contoso": "contoso", "../x": "%2E.%2Fx", "a b": "a b", "C:x": "C%3Ax", ".": "%2E", "50%": "50%25", "ä": "ä",
	} {
		if got := FileName(name); got != want {
			t.Errorf("FileName(%q) = %q, want %q", name, got, want)
		}
	}
}

// TestCredentialNeverPrints: whatever prints a tenant, its secret is not in it.
func TestCredentialNeverPrints(t *testing.T) {
	tenant := tenantNamed("contoso", testSecret)
	text, err := json.Marshal(tenant)
	if err != nil {
		t.Fatal(err)
	}
	all := fmt.Sprintf("%v %+v %#v %s %q %x", tenant, tenant, tenant, tenant, tenant, tenant.Credential) + string(text)
	checkNoSecret(t, all)
	if !strings.Contains(all, "[secret]") {
		t.Errorf("the kind is not printed: %s", all)
	}
}

func TestConsentURL(t *testing.T) {
	for _, c := range []struct{ id, want string }{
		{testTenant, "https://login.microsoftonline.com/" + testTenant + "/adminconsent?client_id=" + testClient +
			"&scope=https%3A%2F%2Foutlook.office365.com%2F.default"},
		{"contoso.onmicrosoft.us", "https://login.microsoftonline.us/contoso.onmicrosoft.us/adminconsent?client_id=" +
			testClient + "&scope=https%3A%2F%2Foutlook.office365.us%2F.default"},
		{"contoso.partner.onmschina.cn", "https://login.partner.microsoftonline.cn/contoso.partner.onmschina.cn/" +
			"adminconsent?client_id=" + testClient + "&scope=https%3A%2F%2Foutlook.office365.cn%2F.default"},
	} {
		tenant := Tenant{ID: c.id, ClientID: testClient}
		if got := tenant.ConsentURL(); got != c.want {
			t.Errorf("got %s, want %s", got, c.want)
		}
	}
}

package exchangeonline

import (
	"encoding/json"
	"fmt"
	"net/http"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"m365_connector_exporter/probes/lab/microsoft365"
)

// fakeTenants are tenants of the fake and of the reader, each with a connector in both directions. Every third is
// throttled at its first request for a token and for connectors in each hour.
func fakeTenants(n int) (fakes []microsoft365.Tenant, tenants []Tenant) {
	credential, err := NewSecret("not-a-real-secret")
	if err != nil {
		panic(err)
	}
	for i := range n {
		id := fmt.Sprintf("10000000-0000-4000-8000-%012d", i)
		fakes = append(fakes, microsoft365.Tenant{
			ID: id, Domain: fmt.Sprintf("t%d.onmicrosoft.com", i), Region: "eur01",
			Apps: []microsoft365.App{{
				ID: testClient, Secrets: []microsoft365.Secret{{Value: "not-a-real-secret"}},
				AppRole: true, DirectoryRole: true,
			}},
			Records: map[string][]json.RawMessage{
				"Get-AcceptedDomain":     {microsoft365.AcceptedDomain(fmt.Sprintf("t%d.example", i), nil)},
				"Get-InboundConnector":   {microsoft365.Inbound("From on-premises", nil)},
				"Get-OutboundConnector":  {microsoft365.Outbound("To on-premises", nil)},
				"Get-OrganizationConfig": {microsoft365.OrganizationConfig("t", nil)},
				"Get-TransportRule":      {microsoft365.TransportRule("r", nil)},
			},
		})
		tenants = append(tenants, Tenant{Name: fmt.Sprintf("t%d", i), ID: id, ClientID: testClient, Credential: credential})
	}
	return fakes, tenants
}

// TestMemoryOverOneHundredIntervals reads tenants hourly, under 429s and with changes, and compares the memory in use
// before and after one hundred intervals.
func TestMemoryOverOneHundredIntervals(t *testing.T) {
	const warmUp, intervals, count = 110, 100, 10 // after 100, the fake has forgotten the first tokens
	fakes, tenants := fakeTenants(count)
	server, err := microsoft365.Start(microsoft365.Options{Tenants: fakes}) // it is called without a network
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	for _, tenant := range fakes[:count/3] {
		server.InjectFault(tenant.ID, microsoft365.Token, microsoft365.Every(7, microsoft365.Throttled(3*time.Second)))
		server.InjectFault(tenant.ID, "Get-InboundConnector", microsoft365.Every(2, microsoft365.Throttled(time.Second)))
	}
	var before, after uint64
	synctest.Test(t, func(t *testing.T) {
		r := NewReader(time.Now)
		r.client = NewClient(&http.Client{Transport: server})
		good, bad, changed := 0, 0, 0
		r.OnRead = func(e Event) {
			if _, failed := e.State.Failed(); failed {
				bad++
			} else {
				good++
			}
			if e.Changed {
				changed++
			}
		}
		o := Options{Interval: time.Hour, MaxConcurrent: 4}
		if err := r.SetTenants(t.Context(), tenants, o); err != nil {
			t.Fatal(err)
		}
		go r.Run(t.Context())
		for i := range warmUp + intervals {
			if i == warmUp {
				before = inUse()
			}
			err := server.Update(fakes[i%count].ID, func(f *microsoft365.Tenant) {
				f.Records["Get-InboundConnector"] = []json.RawMessage{microsoft365.Inbound(fmt.Sprintf("c%d", i), nil)}
			})
			if err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Hour)
			synctest.Wait()
		}
		after = inUse()
		reads, _ := server.Count("", "Get-OutboundConnector")
		if want := count * (warmUp + intervals); bad > 0 || good < want || changed < warmUp+intervals || reads < want {
			t.Errorf("%d good reads, %d failed, %d changes, %d requests, want at least %d good", good, bad, changed, reads,
				want)
		}
	})
	t.Logf("%d kB before, %d kB after %d intervals of %d tenants", before>>10, after>>10, intervals, count)
	if after > before+128<<10 {
		t.Errorf("memory in use grows from %d kB to %d kB", before>>10, after>>10)
	}
}

// inUse returns the bytes on the heap that are in use.
func inUse() uint64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC() // frees what had a finalizer
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

package daemon

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"m365_connector_exporter/cmd/m365_connector_exporter/internal/config"
	"m365_connector_exporter/probes/inventory/exchangeonline"
)

// Fetched is the outcome of reading one tenant from Exchange Online.
type Fetched struct {
	Tenant exchangeonline.Tenant
	Read   exchangeonline.Read
	Kept   []string // cmdlets that failed, whose records are those that the file had before
	File   string   // that was written; empty: none was
	Err    error    // why the file could not be written
}

// OK reports whether the tenant was read, and written if that was asked for.
func (f *Fetched) OK() bool { return f.Read.OK() && f.Err == nil }

// exportFile is the name of the file that Fetch writes for each tenant.
const exportFile = "exchange-online.json"

// The files are for a daemon that runs as another user of the same group. No other user can read them.
const (
	exportFileMode   = 0o640
	exportFolderMode = 0o750
)

// Fetch reads tenants from Exchange Online, and writes what it has read to one file in a folder of each tenant. A
// tenant that cannot be read keeps its file. Without a folder nothing is written. It calls report for each tenant, one
// at a time.
func Fetch(
	ctx context.Context, cfg *config.Config, tenants []exchangeonline.Tenant, folder string, report func(Fetched),
) {
	client := exchangeonline.NewClient(exchangeonline.NewHTTPClient(cfg.ExchangeOnline.Roots))
	slots := make(chan struct{}, cfg.ExchangeOnline.MaxConcurrent)
	var all sync.WaitGroup
	var reporting sync.Mutex
	for _, t := range tenants {
		slots <- struct{}{}
		all.Go(func() {
			defer func() { <-slots }()
			f := fetch(ctx, client, t, folder)
			reporting.Lock()
			defer reporting.Unlock()
			report(f)
		})
	}
	all.Wait()
}

func fetch(ctx context.Context, client *exchangeonline.Client, t exchangeonline.Tenant, folder string) Fetched {
	place := filepath.Join(folder, exchangeonline.FileName(t.Name))
	file := filepath.Join(place, exportFile)
	before := exchangeonline.Answers{}
	if folder != "" {
		last, err := exchangeonline.ReadFile(ctx, file)
		if err == nil && strings.EqualFold(last.TenantID, t.ID) {
			before = last
		}
	}
	f := Fetched{Tenant: t, Read: client.Read(ctx, t, &before)}
	if folder == "" || !f.Read.OK() {
		return f
	}
	after := before.Merge(f.Read)
	for _, c := range exchangeonline.Cmdlets {
		if _, has := after.All[c.Name]; has && f.Read.Failures[c.Name] != nil {
			f.Kept = append(f.Kept, c.Name)
		}
	}
	if f.Err = os.MkdirAll(place, exportFolderMode); f.Err != nil {
		return f
	}
	exchangeonline.CleanFolder(place)
	if f.Err = exchangeonline.WriteFile(file, &after, exportFileMode); f.Err == nil {
		f.File = file
	}
	return f
}

// LiveTenants returns the tenants with these names that are read from Exchange Online; without names, all of them.
func LiveTenants(cfg *config.Config, names []string) ([]exchangeonline.Tenant, error) {
	all := cfg.Live()
	if len(names) == 0 {
		if len(all) == 0 && len(cfg.Problems()) == 0 {
			return nil, fmt.Errorf("no tenant has a section exchange_online")
		}
		return all, nil
	}
	var chosen []exchangeonline.Tenant
	var known []candidate
	for _, t := range all {
		known = append(known, candidate{t.Name, t.Name})
	}
	for _, name := range names {
		found := false
		for _, t := range all {
			if t.Name == name {
				chosen, found = append(chosen, t), true
			}
		}
		if !found {
			return nil, fmt.Errorf("%q: no tenant of this name has a section exchange_online that loads; %s", name,
				suggestion(name, known))
		}
	}
	return chosen, nil
}

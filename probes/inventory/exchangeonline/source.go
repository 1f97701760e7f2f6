package exchangeonline

import (
	"context"
	"errors"

	"m365_connector_exporter/probes/inventory"
	"m365_connector_exporter/probes/mailflow"
)

// ErrNotRead is the error of a tenant that has not been read yet.
var ErrNotRead = errors.New("nothing has been read from Exchange Online yet")

// Source is the [inventory.Source] of one tenant: the last good answers of a Reader, or those in the cache folder if
// the Reader does not have the tenant yet. It never waits for the network.
type Source struct {
	Reader      *Reader
	Tenant      Tenant
	CacheFolder string
	Observed    *inventory.Observations
}

// Load decodes the last good answers.
func (s Source) Load(ctx context.Context) (inventory.Snapshot, error) {
	answers, revision, known := s.Reader.lastGood(&s.Tenant)
	if !known {
		answers, _ = cache(s.CacheFolder).read(ctx, &s.Tenant)
		revision = answers.revision() // the same as that of the Reader when it gets the tenant
	}
	s.Observed.Observe("Exchange Online "+s.Tenant.Name, revision, func(context.Context) string {
		if _, now, known := s.Reader.lastGood(&s.Tenant); known {
			return now
		}
		return revision
	})
	if !answers.Complete() {
		return inventory.Snapshot{}, ErrNotRead
	}
	snapshot, err := answers.export(source).Load(ctx)
	snapshot.Organization.Failed = s.Reader.failed(s.Tenant.Name)
	return snapshot, err
}

// failed returns the errors of the cmdlets without records.
func (r *Reader) failed(tenant string) map[mailflow.Cmdlet]string {
	r.mu.Lock()
	defer r.mu.Unlock()
	failed := map[mailflow.Cmdlet]string{}
	if e := r.tenants[tenant]; e != nil {
		for _, c := range e.missing {
			failed[mailflow.Cmdlet(c.Cmdlet)] = c.Message
		}
	}
	return failed
}

// lastGood returns the answers of a tenant and their revision. known is false if the reader does not have the tenant,
// or has it with another tenant_id.
func (r *Reader) lastGood(t *Tenant) (a Answers, revision string, known bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	e := r.tenants[t.Name]
	if e == nil || e.tenant.ID != t.ID {
		return Answers{}, "", false
	}
	return e.answers, e.revision, true
}

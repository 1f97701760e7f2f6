package inventory_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"m365_connector_exporter/probes/inventory"
)

// TestDocumentEqualsFile: the records of all cmdlets in one object give the same from memory as from a file.
func TestDocumentEqualsFile(t *testing.T) {
	const text = `{"TenantId":"x","Read":{"Get-AcceptedDomain":"2026-11-29T10:00:00Z"},
"Get-AcceptedDomain":[{"DomainName":"contoso.com","DomainType":"Authoritative"}],
"Get-InboundConnector":[{"Name":"In","ConnectorType":"OnPremises","RequireTls":"perhaps","SenderDomains":["smtp:*;1"]}],
"Get-OutboundConnector":[]}`
	file := filepath.Join(t.TempDir(), "exchange-online.json")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	at := time.Date(2026, 11, 29, 10, 0, 0, 0, time.UTC)
	if err := os.Chtimes(file, at, at); err != nil {
		t.Fatal(err)
	}
	names := []inventory.Name{{Path: file}}
	fromFile, err := inventory.ExportFiles{Names: names, Observed: &inventory.Observations{}}.Load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	fromMemory, err := inventory.Document{Name: file, Data: []byte(text), Time: at}.Load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(fromFile, fromMemory, cmpopts.IgnoreUnexported(inventory.Snapshot{})); d != "" {
		t.Error(d)
	}
	if len(fromMemory.AcceptedDomains) != 1 || len(fromMemory.Inbound) != 1 || len(fromMemory.Unread) != 1 {
		t.Errorf("got %+v", fromMemory)
	}
}

func TestDocumentThatIsNotJSON(t *testing.T) {
	s, err := inventory.Document{Name: "Exchange Online", Data: []byte("<html>")}.Load(t.Context())
	if err == nil || len(s.Parts) != 0 {
		t.Errorf("got %v, %v", s.Parts, err)
	}
}

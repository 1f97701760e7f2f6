package inventory_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"m365_connector_exporter/probes/inventory"
)

const (
	domainJSON   = `{"DomainName":"contoso.com","DomainType":0}`
	inboundJSON  = `{"Name":"In","SenderDomains":["smtp:*;1"]}`
	outboundJSON = `{"Name":"Out","UseMXRecord":true}`
)

// TestExportFilesOverTime changes the files between loads of one source. Only what could hide a removed record is an
// error.
func TestExportFilesOverTime(t *testing.T) {
	dir := t.TempDir()
	folder := filepath.Join(dir, "folder")
	var names []inventory.Name
	for _, text := range []string{"more/*.json", "none*.json"} {
		name, err := inventory.NewName(dir, text)
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, name)
	}
	var before map[string]inventory.Kind
	observed := &inventory.Observations{}
	for _, step := range []struct {
		name      string
		change    map[string]string // "": removed
		unchanged bool              // as far as the last load has looked
		records   int
		err       string // without the folder; empty where the snapshot is good
	}{
		{"no folder", nil, true, 0, "folder: no such file or directory"},
		{"three files", map[string]string{
			"folder/d.json": domainJSON, "folder/I.JSON": inboundJSON,
			"more/o.json": outboundJSON,
		}, false, 3, ""},
		{"other files beside them", map[string]string{"folder/notes.txt": "x", "folder/sub/d.json": "{"}, true, 3, ""},
		{"a broken file", map[string]string{"more/o.json": "{"}, false, 2, "more/o.json: not JSON: it breaks off in line 1"},
		{"mended", map[string]string{"more/o.json": outboundJSON}, false, 3, ""},
		{
			"two files gone",
			map[string]string{"folder/I.JSON": "", "more/o.json": ""},
			false, 1,
			"folder/I.JSON: was there at the last load; no other export has inbound connectors\n" +
				"more/o.json: was there at the last load; no other export has outbound connectors",
		},
		{
			"their records in another file",
			map[string]string{"more/all.json": "[" + inboundJSON + "," + outboundJSON + "]"},
			false, 3, "",
		},
		{"no records", map[string]string{"more/all.json": "[]"}, false, 1, ""},
	} {
		for name, text := range step.change {
			change(t, filepath.Join(dir, name), text)
		}
		if observed.Changed(t.Context()) == step.unchanged {
			t.Errorf("%s: changed: %t", step.name, step.unchanged)
		}
		observed = &inventory.Observations{}
		s, err := inventory.ExportFiles{Folder: folder, Names: names, Before: before, Observed: observed}.Load(t.Context())
		got := ""
		if err == nil {
			before = s.Parts
		} else {
			got = strings.ReplaceAll(err.Error(), dir+string(filepath.Separator), "")
		}
		if n := len(s.AcceptedDomains) + len(s.Inbound) + len(s.Outbound); n != step.records || got != step.err {
			t.Errorf("%s: %d records, %s; want %d, %s", step.name, n, got, step.records, step.err)
		}
		if len(s.Unmatched) == 0 || s.Unmatched[len(s.Unmatched)-1] != names[1] {
			t.Errorf("%s: unmatched %v", step.name, s.Unmatched)
		}
	}
}

func change(t *testing.T, path, text string) {
	t.Helper()
	err := os.MkdirAll(filepath.Dir(path), 0o700)
	if err == nil && text == "" {
		err = os.Remove(path)
	} else if err == nil {
		err = os.WriteFile(path, []byte(text), 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// live is a source that is not a file, such as an API. It has a revision.
type live struct {
	revision string
	err      error
	observed *inventory.Observations
}

func (l *live) Load(context.Context) (inventory.Snapshot, error) {
	l.observed.Observe("revision of contoso", l.revision, func(context.Context) string { return l.revision })
	return inventory.Snapshot{Parts: map[string]inventory.Kind{"Get-InboundConnector": inventory.InboundConnectors}}, l.err
}

// TestSourceThatIsNotAFile: its changes are detected like those of files.
func TestSourceThatIsNotAFile(t *testing.T) {
	observed := &inventory.Observations{}
	source := &live{revision: "1", observed: observed}
	var _ inventory.Source = source
	if _, err := source.Load(t.Context()); err != nil || observed.Changed(t.Context()) {
		t.Errorf("%v, or a change that is not there", err)
	}
	source.revision = "2"
	if !observed.Changed(t.Context()) {
		t.Error("a new revision is not detected")
	}
	if _, err := source.Load(t.Context()); err != nil || !observed.Changed(t.Context()) {
		t.Errorf("%v, or a second state of one load hides the first", err)
	}
}

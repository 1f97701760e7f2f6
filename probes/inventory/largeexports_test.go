package inventory_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"m365_connector_exporter/probes/mailflow"
)

// TestManyWarnings: neither the warnings nor what they are about grow without bound, and what is not understood stays
// unknown.
func TestManyWarnings(t *testing.T) {
	got, err := loadExport(t, "["+strings.Repeat(`{"Name":"x","UseMXRecord":"?"},`,
		2_000)+`{"Name":"y","UseMXRecord":"?"}]`)
	if err != nil || len(got.Warnings) > 1002 {
		t.Errorf("%v, %d warnings", err, len(got.Warnings))
	}
	if got := got.Outbound[1].UseMXRecord; got != mailflow.Unknown {
		t.Errorf("after many warnings a value that cannot be read is %v", got)
	}
}

func TestHugeExport(t *testing.T) {
	file := filepath.Join(t.TempDir(), "e.json")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(file, 100<<20); err != nil { // a sparse file: no disk is filled
		t.Fatal(err)
	}
	if _, err := load(t, file); err == nil || !strings.HasSuffix(err.Error(), "e.json: larger than 64 MB") {
		t.Error(err)
	}
}

// TestLargeExports: what exceeds the limits of any tenant is not kept in memory until the tenant is refused, in one
// file or in several.
func TestLargeExports(t *testing.T) {
	repeat := func(n int, file, rest string) string {
		records := make([]string, n)
		for i := range records {
			records[i] = fmt.Sprintf(`{"Name":"%s%d","UseMXRecord":true%s}`, file, i, rest)
		}
		return "[" + strings.Join(records, ",") + "]"
	}
	list := `,"RecipientDomains":[` + strings.Repeat(`"a.example",`, 49_999) + `"b.example"]`
	text := `,"RecipientDomains":"` + strings.Repeat("a.example ", 50_000) + `"`
	for name, c := range map[string]struct{ one, two, want string }{
		"lists":                  {repeat(9, "a", list), "[]", "more than 400000 items in the lists of the tenant's records"},
		"lists in two files":     {repeat(5, "a", list), repeat(4, "b", list), "more than 400000 items"},
		"lists joined to a text": {repeat(9, "a", text), "[]", "more than 400000 items"},
		"as many as are allowed": {repeat(4, "a", list), repeat(4, "b", text), ""},
		"records":                {repeat(100_001, "a", ""), "[]", "more than 100000 records"},
		"records in two files":   {repeat(60_000, "a", ""), repeat(60_000, "b", ""), "more than 100000 records"},
		"records of two files":   {repeat(50_000, "a", ""), repeat(50_000, "b", ""), ""},
	} {
		s, _, err := loadFolder(t, map[string]string{"a.json": c.one, "b.json": c.two}, nil)
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
		kept := 0
		for _, o := range s.Outbound {
			kept += len(o.RecipientDomains)
		}
		if kept > 400_000 || len(s.Outbound) > 100_000 {
			t.Errorf("%s: %d connectors and %d domains are kept", name, len(s.Outbound), kept)
		}
	}
}

package config_test

import (
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"m365_connector_exporter/cmd/m365_connector_exporter/internal/config"
)

const (
	otherJSON  = `{"Name":"Other","UseMXRecord":true}`
	twoJSON    = `{"Name":"Two","UseMXRecord":true}` // as long as outJSON
	brokenJSON = `{"Name":"Out",`
)

// folder is the folder of tenant a with its only export.
type folder struct {
	t      *testing.T
	path   string
	export string
}

func newFolder(t *testing.T, dir string) folder {
	t.Helper()
	path := filepath.Join(dir, "x/a")
	return folder{t, path, filepath.Join(path, "o.json")}
}

// write edits a file in place and sets its modification time back, as rsync -t --inplace and cp -p do.
func (f folder) write(name, text string, age time.Duration) {
	f.t.Helper()
	put(f.t, name, text, 0o600)
	at := time.Now().Add(-age).Truncate(time.Hour)
	f.must(os.Chtimes(name, at, at))
}

// move replaces the export by a new file with an old modification time, as mv and rsync -t do.
func (f folder) move(text string) {
	f.t.Helper()
	next := f.export + ".next"
	f.write(next, text, time.Hour)
	f.must(os.Rename(next, f.export))
}

func (f folder) remove() {
	f.t.Helper()
	f.must(os.Remove(f.export))
}

// link makes the link that a kubelet makes, by swapping it in.
func (f folder) link(version string) {
	f.t.Helper()
	f.must(os.Symlink(version, filepath.Join(f.path, "..next")))
	f.must(os.Rename(filepath.Join(f.path, "..next"), filepath.Join(f.path, "..data")))
}

func (f folder) must(err error) {
	f.t.Helper()
	if err != nil {
		f.t.Fatal(err)
	}
}

// TestChangedExportIsReadAgain: an export that changes is seen by the next look and read by the reload that follows,
// in whatever way it changes. A step gives the name of the tenant's connector, followed by "!" where the tenant
// counts as not loaded.
func TestChangedExportIsReadAgain(t *testing.T) {
	type step struct {
		change func(folder)
		want   string
	}
	remove := step{folder.remove, "Out!"}
	breaks := step{func(f folder) { f.move(brokenJSON) }, "Out!"}
	moves := func(text, want string) step { return step{func(f folder) { f.move(text) }, want} }
	writes := func(text, want string, age time.Duration) step {
		return step{func(f folder) { f.write(f.export, text, age) }, want}
	}
	for name, steps := range map[string][]step{
		"moved into place with an old time":          {moves(otherJSON, "Other"), moves(outJSON, "Out")},
		"moved into place, of the same size":         {moves(twoJSON, "Two")},
		"edited in place":                            {writes(otherJSON, "Other", 0)},
		"edited in place with an old time":           {writes(otherJSON, "Other", time.Hour)},
		"edited in place with its old time and size": {writes(twoJSON, "Two", 2*time.Hour)},
		"deleted and back":                           {remove, moves(outJSON, "Out")},
		"deleted and another one back":               {remove, moves(otherJSON, "Other")},
		"broken and put back":                        {breaks, moves(outJSON, "Out")},
		"broken and mended":                          {breaks, moves(otherJSON, "Other")},
		"broken in place and mended in place": {
			writes(brokenJSON, "Out!", 2*time.Hour),
			writes(twoJSON, "Two", 2*time.Hour),
		},
		"link of a ConfigMap swapped": {
			{func(f folder) {
				f.write(filepath.Join(f.path, "..version1", "o.json"), twoJSON, 2*time.Hour)
				f.write(filepath.Join(f.path, "..version2", "o.json"), outJSON, 2*time.Hour)
				f.link("..version1")
				f.remove()
				f.must(os.Symlink("..data/o.json", f.export))
			}, "Two"},
			{func(f folder) { f.link("..version2") }, "Out"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			if runtime.GOOS == "windows" && name == "link of a ConfigMap swapped" {
				t.Skip("links need a privilege on Windows")
			}
			dir := t.TempDir()
			f := newFolder(t, dir)
			f.write(f.export, outJSON, 2*time.Hour)
			main := filepath.Join(dir, "main.yaml")
			put(t, main, "tenant_folders: ['x/*']\n", 0o600)
			loader := config.NewLoader(main)
			_, err := loader.Load(t.Context())
			f.must(err)
			for i, s := range steps {
				s.change(f)
				for range 2 { // the first look must not hide the change from the second
					if !loader.Changed(t.Context()) {
						t.Errorf("step %d: the look sees no change", i)
					}
				}
				cfg, err := loader.Load(t.Context())
				f.must(err)
				if loader.Changed(t.Context()) {
					t.Errorf("step %d: the look still sees a change after the reload", i)
				}
				got := cfg.Tenants[0].Outbound[0].Name
				if cfg.Tenants[0].LoadError != "" {
					got += "!"
				}
				if got != s.want {
					t.Errorf("step %d: connector %q, want %q", i, got, s.want)
				}
			}
		})
	}
}

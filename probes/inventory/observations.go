package inventory

import (
	"context"
	"crypto/sha256"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"m365_connector_exporter/probes/regularfile"
)

// maxFile is the largest file that is read, in bytes.
const maxFile = 64 << 20

// unreadable is the state of a file or a folder that cannot be read, whatever the error is.
const unreadable = "unreadable"

// Observations records the state of everything outside the program that a load depends on: the contents of files, the
// names in folders, the paths that match patterns, the revision of a source that is not a file. [Observations.Changed]
// reads the same state again to decide whether another load is needed. It never changes the recorded state, which is
// that of the load.
//
// The zero value is ready to use. It must not be used by several goroutines at the same time.
type Observations struct {
	all map[string]*observation
}

// observation is one part of the state.
type observation struct {
	loaded  string // at the time of the load
	current func(ctx context.Context) string
}

// Observe records a part of the state at the time of the load, and how to read it again. If a part is observed twice,
// the first state counts; if the second one differs, Changed reports it.
func (o *Observations) Observe(part, state string, current func(ctx context.Context) string) {
	if o.all == nil {
		o.all = map[string]*observation{}
	}
	if o.all[part] == nil {
		o.all[part] = &observation{state, current}
	}
}

// Changed reports whether any part of the state has changed since the load.
func (o *Observations) Changed(ctx context.Context) bool {
	for _, one := range o.all {
		if one.current(ctx) != one.loaded {
			return true
		}
	}
	return false
}

// Read reads a regular file of at most 64 MB. Its errors do not name the path.
func (o *Observations) Read(ctx context.Context, path string) (regularfile.Contents, error) {
	c, err := regularfile.Read(ctx, path, maxFile)
	seen := &fileState{path: path}
	seen.record(c, err)
	o.Observe("file "+path, seen.hash, seen.current)
	return c, err
}

// Glob lists the files and folders that match a pattern of [filepath.Match].
func (o *Observations) Glob(ctx context.Context, pattern string) ([]string, error) {
	return o.list(ctx, "pattern "+pattern, func(ctx context.Context) ([]string, error) {
		return regularfile.Glob(ctx, pattern)
	})
}

// exportExtensions are the extensions of files that PowerShell exports records to. Only JSON is read.
var exportExtensions = []string{".json", ".csv", ".xml", ".clixml"}

// ExportFiles lists the files in a folder whose names end in .json, and the exports in another format, by the
// extension of their names, in upper or lower case. It does not use a pattern, because the name of the folder may
// contain wildcard characters. It skips names that begin with a dot: temporary files, links in Kubernetes volumes, and
// attributes that macOS has copied.
func (o *Observations) ExportFiles(ctx context.Context, folder string) (files, otherFormats []string, err error) {
	all, err := o.list(ctx, "folder "+folder, func(ctx context.Context) ([]string, error) {
		entries, err := regularfile.ReadDir(ctx, folder)
		var files []string
		for _, entry := range entries {
			name := entry.Name()
			known := slices.Contains(exportExtensions, strings.ToLower(filepath.Ext(name)))
			if known && !entry.IsDir() && !strings.HasPrefix(name, ".") {
				files = append(files, filepath.Join(folder, name))
			}
		}
		return files, err
	})
	for _, file := range all {
		if strings.EqualFold(filepath.Ext(file), ".json") {
			files = append(files, file)
		} else {
			otherFormats = append(otherFormats, file)
		}
	}
	return files, otherFormats, err
}

// list observes a list of names.
func (o *Observations) list(
	ctx context.Context, part string, read func(context.Context) ([]string, error),
) ([]string, error) {
	names, err := read(ctx)
	o.Observe(part, listState(names, err), func(ctx context.Context) string { return listState(read(ctx)) })
	return names, err
}

func listState(names []string, err error) string {
	if err != nil {
		return unreadable
	}
	return strings.Join(names, "\x00")
}

// fileState is a file as it was when it was last read.
type fileState struct {
	path string
	hash string      // of its contents
	info fs.FileInfo // from before it was read; nil if it could not be read
	at   time.Time   // when it had been read
}

// record updates the state with what was read.
func (f *fileState) record(c regularfile.Contents, err error) {
	f.hash, f.info = unreadable, nil
	f.at = time.Now() //nolint:forbidigo // is compared with the clock of the file system, not with that of the program
	if err == nil {
		hash := sha256.Sum256(c.Data)
		f.hash, f.info = string(hash[:]), c.Info
	}
}

// current returns the hash of the file's contents as they are now.
func (f *fileState) current(ctx context.Context) string {
	if !f.unchanged(ctx) {
		f.record(regularfile.Read(ctx, f.path, maxFile))
	}
	return f.hash
}

// settled is how old the last change of a file must be when it is read, so that a later change has a later time: the
// coarsest file system clock (FAT) has a resolution of two seconds.
const settled = 2 * time.Second

// unchanged reports, without reading the file, whether its contents are certainly the same: it is the same file with
// the same size and the same time of the last status change. No program can set that time back, whereas mv, rsync -t
// and cp -p set the modification time. On systems without that time the file is always read.
func (f *fileState) unchanged(ctx context.Context) bool {
	if f.info == nil {
		return false
	}
	before, known := changeTime(f.info)
	if !known || f.at.Sub(before) < settled {
		return false
	}
	info, err := regularfile.Stat(ctx, f.path)
	if err != nil || !os.SameFile(info, f.info) || info.Size() != f.info.Size() {
		return false
	}
	now, _ := changeTime(info)
	return now.Equal(before)
}

package inventory

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strconv"
)

// maxWarnings bounds the warnings about one file.
const maxWarnings = 1000

// ExportFiles is a source: the files that administrators' tools have written.
type ExportFiles struct {
	// Folder, where it is not empty, is a folder of which every .json file is an export.
	Folder string
	// Names are exports, or patterns of them.
	Names []Name
	// Before are the parts of the last snapshot. A file that has disappeared since is an error if it is still named,
	// unless another file has records of its kind: files may change their names, but records must not vanish with a
	// file.
	Before map[string]Kind

	Observed *Observations
}

// FileError is an export that cannot be read, or not to its end.
type FileError struct {
	Name Name // the entry of Names that led to it; empty for Folder and for a file that has disappeared
	File string
	Err  error
}

func (e *FileError) Error() string { return e.File + ": " + e.Err.Error() }

func (e *FileError) Unwrap() error { return e.Err }

// Load reads all files. Its error joins a [FileError] for each one that cannot be read.
func (e ExportFiles) Load(ctx context.Context) (Snapshot, error) {
	s := Snapshot{Parts: map[string]Kind{}}
	var errs []error
	failed := map[string]bool{}
	fail := func(name Name, file string, err error) {
		if err != nil {
			errs, failed[file] = append(errs, &FileError{name, file, err}), true
		}
	}
	read := func(name Name, files []string, err error) {
		fail(name, either(name.Path, e.Folder), err)
		for _, file := range files {
			fail(name, file, s.read(ctx, e.Observed, file))
		}
	}
	if e.Folder != "" {
		files, err := e.Observed.JSONFiles(ctx, e.Folder)
		read(Name{}, files, err)
	}
	for _, name := range e.Names {
		files, err := e.Observed.Expand(ctx, name)
		if err == nil && len(files) == 0 {
			s.Unmatched = append(s.Unmatched, name)
		}
		read(name, files, err)
	}
	if !failed[e.Folder] {
		for _, file := range e.vanished(s) {
			if !failed[file.File] {
				errs = append(errs, file)
			}
		}
	}
	return s, errors.Join(errs...)
}

func either(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// read adds the records of one file. A file that two patterns lead to is read twice, and reported on once.
func (s *Snapshot) read(ctx context.Context, observed *Observations, file string) error {
	c, err := observed.Read(ctx, file)
	if err == nil && len(bytes.TrimSpace(c.Data)) == 0 {
		err = errEmpty
	}
	if err != nil {
		return err
	}
	e := export{file: file}
	partial, err := decodeJSON(c.Data, func(k Kind, record Value) { e.add(s, k, record) })
	if _, again := s.Parts[file]; !again {
		s.Warnings = append(s.Warnings, e.warnings...)
		if err == nil && e.replaced > 0 {
			s.warn("%s: %d of its records are in it, or in an export before it, too: the last one counts", file, e.replaced)
		}
		if err == nil && partial {
			s.warn("%s: more records are on another page (@odata.nextLink) and are missing here", file)
		}
	}
	if err != nil {
		return err
	}
	s.Parts[file] = e.kinds
	if at := c.Info.ModTime().UTC(); s.Time.IsZero() || at.Before(s.Time) {
		s.Time = at
	}
	return nil
}

func (s *Snapshot) warn(format string, args ...any) {
	s.Warnings = append(s.Warnings, fmt.Sprintf(format, args...))
}

// export is one file while it is read.
type export struct {
	file     string
	records  int
	kinds    Kind
	replaced int // records of which there was one with the same name
	warnings []string
}

// add adds a record to a snapshot. A value that cannot be read is unknown, and a warning: an export is as the
// administrator's tools wrote it.
func (e *export) add(s *Snapshot, k Kind, record Value) {
	e.records++
	e.kinds |= k
	last := ""
	d := Decoder{Export: true, Report: func(_ Value, key string, err error) {
		if key != last && len(e.warnings) < maxWarnings { // one value, one warning: the first is the cause
			e.warnings = append(e.warnings, e.file+": record "+strconv.Itoa(e.records)+": "+key+": "+err.Error())
		}
		last = key
	}}
	if s.addRecord(d, k, record) {
		e.replaced++
	}
}

// vanished returns an error for each file of the last load that has disappeared, if no other file has records of its
// kind.
func (e ExportFiles) vanished(s Snapshot) (errs []*FileError) {
	var now Kind
	for _, k := range s.Parts {
		now |= k
	}
	for _, file := range slices.Sorted(maps.Keys(e.Before)) {
		_, here := s.Parts[file]
		if lost := e.Before[file] &^ now; !here && lost != 0 && e.names(file) {
			errs = append(errs, &FileError{Name{}, file, fmt.Errorf("was there at the last load; no other export has %s", lost)})
		}
	}
	return errs
}

// names reports whether a file is, or would be, one of the source.
func (e ExportFiles) names(file string) bool {
	return e.Folder != "" && filepath.Dir(file) == e.Folder ||
		slices.ContainsFunc(e.Names, func(name Name) bool { return name.Matches(file) })
}

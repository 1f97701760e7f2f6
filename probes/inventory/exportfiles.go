package inventory

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"m365_connector_exporter/probes/mailflow"
)

// maxWarnings bounds the warnings about one file.
const maxWarnings = 1000

// ExportFiles is a source: JSON files that administrators' tools have written.
type ExportFiles struct {
	// Folder is a folder in which every .json file is an export; "" if there is none.
	Folder string
	// Names are exports, or patterns of them.
	Names []Name
	// Before are the parts of the last snapshot. A file that has disappeared since is an error if it is still named,
	// unless another file has records of its kind: files may be renamed, but records must not disappear with a file.
	Before map[string]Kind
	// Elsewhere is set if connectors and accepted domains are configured elsewhere too, so that the files may have none.
	Elsewhere bool

	Observed *Observations
}

// FileError is the error of an export that cannot be read completely.
type FileError struct {
	Name Name // the entry of Names that matches it; empty for Folder and for a file that has disappeared
	File string
	Err  error
}

func (e *FileError) Error() string { return e.File + ": " + e.Err.Error() }

func (e *FileError) Unwrap() error { return e.Err }

// Load reads all files. Its error joins a [FileError] for each one that cannot be read.
func (e ExportFiles) Load(ctx context.Context) (Snapshot, error) {
	l := newExportLoad(e)
	empty := false
	if e.Folder != "" {
		files, otherFormats, err := e.Observed.ExportFiles(ctx, e.Folder)
		empty = err == nil && len(files) == 0 && len(e.Names) == 0
		l.read(ctx, Name{}, files, err)
		if !empty { // else it is an error
			l.warnOfFormats(otherFormats)
		}
	}
	for _, name := range e.Names {
		files, err := e.Observed.Expand(ctx, name)
		if err == nil && len(files) == 0 {
			l.snapshot.Unmatched = append(l.snapshot.Unmatched, name)
		}
		l.read(ctx, name, files, err)
	}
	l.judgeForeign()
	l.vanished()
	if empty && len(l.errs) == 0 { // otherwise the errors name the files that have disappeared
		l.fail(Name{}, e.Folder, errNoExport)
	}
	l.warnOfDeleted()
	l.snapshot.listUnread()
	return l.snapshot, errors.Join(l.errs...)
}

func (l *exportLoad) warnOfFormats(files []string) {
	for _, file := range files {
		l.snapshot.warn("%s: not JSON, and skipped: export with ConvertTo-Json -Depth 5", file)
	}
}

var errNoExport = errors.New("no export (*.json) is in the folder: write JSON with ConvertTo-Json, not CSV")

// exportLoad is one load of files.
type exportLoad struct {
	ExportFiles
	snapshot Snapshot
	errs     []error
	failed   map[string]bool
	foreign  []foreignFile     // files without any record
	reports  []foreignFile     // files with records, but none of a required kind
	now      map[string]string // why a file has no record of a required kind, as part of an error
	listed   []listedFile
}

// foreignFile is a file without connectors and accepted domains.
type foreignFile struct {
	name    Name
	file    string
	skipped skipped
}

func newExportLoad(e ExportFiles) *exportLoad {
	l := &exportLoad{ExportFiles: e, failed: map[string]bool{}, now: map[string]string{}}
	l.snapshot.Parts = map[string]Kind{}
	return l
}

func (l *exportLoad) fail(name Name, file string, err error) {
	if err != nil {
		l.errs, l.failed[file] = append(l.errs, &FileError{name, file, err}), true
	}
}

// read reads the files of one name.
func (l *exportLoad) read(ctx context.Context, name Name, files []string, err error) {
	l.fail(name, cmp.Or(name.Path, l.Folder), err)
	for _, file := range files {
		err := l.readFile(ctx, name, file)
		if k := kindOfFile(file); err != nil && k&^requiredKinds != 0 && l.Before[file] == 0 {
			l.snapshot.failed(k, file, err)
			continue
		}
		l.fail(name, file, err)
	}
}

// failed notes that a file with optional records cannot be read, and never was: checks that need it are skipped.
func (s *Snapshot) failed(k Kind, file string, err error) {
	s.warn("%s: %v; what rests on it is not judged", file, err)
	if s.Organization.Failed == nil {
		s.Organization.Failed = map[mailflow.Cmdlet]string{}
	}
	for _, c := range k.cmdlets() {
		s.Organization.Failed[c] = filepath.Base(file) + ": " + err.Error()
	}
}

// readFile adds the records of one file. A file that matches two patterns is read twice, but reported on once.
func (l *exportLoad) readFile(ctx context.Context, name Name, file string) error {
	c, err := l.Observed.Read(ctx, file)
	if err != nil {
		return err
	}
	return l.parse(name, file, c.Data, c.Info.ModTime().UTC())
}

// parse adds the records in the contents of a file that was written at a given time.
func (l *exportLoad) parse(name Name, file string, data []byte, at time.Time) error {
	s := &l.snapshot
	e := export{file: file, names: map[Kind]map[string]bool{}}
	rest, err := decodeJSON(data, kindOfFile(file), func(k Kind, record Value) { e.add(s, k, record) })
	if err == nil {
		err = s.overLimit()
	}
	_, again := s.Parts[file]
	again = again || l.now[file] != ""
	if !again {
		s.Warnings = append(s.Warnings, e.warnings...)
		e.warnBesides(s, rest, err)
	}
	switch {
	case err != nil:
		return err
	case rest.skipped.any() && e.records == 0:
		l.now[file] = "has no record of one"
		if !again {
			l.foreign = append(l.foreign, foreignFile{name, file, rest.skipped})
		}
		return nil
	case rest.empty:
		l.now[file] = "is empty"
	case e.records > 0 && e.kinds&requiredKinds == 0:
		l.now[file] = "has no record of one"
		if !again {
			l.reports = append(l.reports, foreignFile{name, file, skipped{notConnector: e.records}})
		}
	}
	if !rest.partial {
		s.AddRead(e.kindsRead(rest))
	}
	s.Parts[file] = e.kinds
	if e.kinds == 0 {
		s.Parts[file] = kindOfFile(file) &^ requiredKinds
	}
	if s.Time.IsZero() || at.Before(s.Time) {
		s.Time = at
	}
	if !again {
		l.listed = append(l.listed, listedFile{file, at, e.names})
	}
	return nil
}

// judgeForeign skips files of another kind, such as remote domains, if there are exports too. If no file has a record
// of a required kind, these files are probably meant as exports, and each is an error.
func (l *exportLoad) judgeForeign() {
	known := len(l.errs) > 0 || l.Elsewhere && len(l.foreign) == 0
	for _, k := range l.snapshot.Parts {
		known = known || k&requiredKinds != 0
	}
	if known {
		for _, f := range l.foreign {
			l.snapshot.warn("%s: not an export, and skipped; its values: %s", f.file, &f.skipped)
		}
		return
	}
	for _, f := range slices.Concat(l.foreign, l.reports) {
		l.fail(f.name, f.file, fmt.Errorf(
			"not an export: no value in it is a connector or an accepted domain of Exchange Online, and no other file of "+
				"the tenant has one; its values: %s", &f.skipped))
	}
}

func (s *Snapshot) warn(format string, args ...any) {
	s.Warnings = append(s.Warnings, fmt.Sprintf(format, args...))
}

// export is one file that is being read.
type export struct {
	file     string
	records  int
	kinds    Kind                     // of its records
	names    map[Kind]map[string]bool // of its records
	replaced int                      // number of records that replaced one of the same name
	warnings []string
	dropped  int // number of warnings above maxWarnings
}

// warnBesides warns of values in the file that are not records.
func (e *export) warnBesides(s *Snapshot, rest besides, err error) {
	if e.dropped > 0 {
		s.warn("%s: and %d more values that cannot be read", e.file, e.dropped)
	}
	switch {
	case err != nil:
		return
	case rest.empty:
		s.warn("%s: the file is empty and counts as no record; ConvertTo-Json -InputObject @(…) writes [] for none", e.file)
	case rest.skipped.any() && e.records > 0:
		s.warn("%s: values of it are skipped: %s", e.file, &rest.skipped)
	}
	if e.replaced > 0 {
		s.warn("%s: %d of its records are in it, or in an export before it, too: the last one counts", e.file, e.replaced)
	}
	if rest.partial {
		s.warn("%s: more records are on another page (@odata.nextLink) and are missing here", e.file)
	}
}

// kindsRead returns the kinds of which the file has all records: those of its records, and those of the cmdlets that
// are keys in it. If it has neither, its file name decides.
func (e *export) kindsRead(rest besides) Kind {
	read := e.kinds | rest.read
	if read == 0 && !rest.skipped.any() {
		return kindOfFile(e.file)
	}
	return read
}

// add adds a record to a snapshot. A value that cannot be read is unknown and causes a warning, not an error, because
// the administrator does not edit exports.
func (e *export) add(s *Snapshot, k Kind, record Value) {
	e.records++
	e.kinds |= k
	if s.records++; s.records > maxRecords {
		return
	}
	last := ""
	unread := mailflow.UnreadRecord{File: e.file, Record: e.records}
	d := Decoder{Export: true, listed: &s.listed, Report: func(v Value, key string, err error) {
		if key != last {
			unread.Values = addUnread(unread.Values, k, v, key, err)
		}
		switch {
		case key == last: // one warning per value: the first error is the cause
		case len(e.warnings) < maxWarnings:
			e.warnings = append(e.warnings, e.file+": record "+strconv.Itoa(e.records)+": "+key+": "+err.Error())
		default:
			e.dropped++
		}
		last = key
	}}
	name, replaced := s.addRecord(d, k, record)
	if replaced {
		e.replaced++
	}
	unread.Name = name
	s.setUnread(k, unread)
	if e.names[k] == nil {
		e.names[k] = map[string]bool{}
	}
	e.names[k][name] = true
}

// vanished adds an error for each file of the last load that has disappeared or lost its records of a required kind, if
// no other file has records of that kind. A file that now contains [] has lost them intentionally.
func (l *exportLoad) vanished() {
	if l.failed[l.Folder] {
		return
	}
	var now Kind
	for _, k := range l.snapshot.Parts {
		now |= k
	}
	for _, file := range slices.Sorted(maps.Keys(l.Before)) {
		_, here := l.snapshot.Parts[file]
		lost := l.Before[file] & requiredKinds &^ now
		switch {
		case lost == 0 || l.failed[file]:
		case l.now[file] != "":
			l.errs = append(l.errs, &FileError{Name{}, file, fmt.Errorf(
				"had %s at the last load and %s now; no other export has any. Write [] where there is none", lost, l.now[file])})
		case !here && l.names(file):
			l.errs = append(l.errs, &FileError{Name{}, file, fmt.Errorf(
				"was there at the last load; no other export has %s", lost)})
		}
	}
}

// names reports whether a path belongs to the source, even if the file does not exist.
func (e ExportFiles) names(file string) bool {
	return e.Folder != "" && filepath.Dir(file) == e.Folder ||
		slices.ContainsFunc(e.Names, func(name Name) bool { return name.Matches(file) })
}

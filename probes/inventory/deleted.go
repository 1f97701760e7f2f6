package inventory

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// listedFile is an export and the names of its records.
type listedFile struct {
	path  string
	at    time.Time // of its last modification
	names map[Kind]map[string]bool
}

// maxNamed bounds the names in one warning.
const maxNamed = 5

// warnOfDeleted warns of records that were probably deleted in Exchange Online between two exports to one folder: an
// older file has them, and a newer file has other records of that file, but not these. Each record is reported once,
// with the newest file that has it.
func (l *exportLoad) warnOfDeleted() {
	reported := map[recordKey]bool{}
	for _, older := range slices.SortedStableFunc(slices.Values(l.listed), func(a, b listedFile) int {
		return b.at.Compare(a.at)
	}) {
		for _, k := range kinds {
			if newer := l.successor(older, k); newer != nil {
				l.warnOfGone(older, newer, k, reported)
			}
		}
	}
}

// warnOfGone warns of the records of one kind that no newer file has.
func (l *exportLoad) warnOfGone(older listedFile, newer *listedFile, k Kind, reported map[recordKey]bool) {
	var gone []string
	for _, name := range slices.Sorted(maps.Keys(older.names[k])) {
		key := recordKey{kind: k, name: name, place: filepath.Dir(older.path)}
		if name != "" && !reported[key] && !l.hasNewer(older, k, name) {
			reported[key] = true
			gone = append(gone, fmt.Sprintf("%q", name))
		}
	}
	if len(gone) == 0 {
		return
	}
	more := ""
	if n := len(gone) - maxNamed; n > 0 {
		more = fmt.Sprintf(" and %d more", n)
	}
	l.snapshot.warn("%s: not in the newer export %s, and probably deleted since: %s%s. Remove the older file",
		older.path, filepath.Base(newer.path), strings.Join(gone[:min(len(gone), maxNamed)], ", "), more)
}

// successor returns the newest file of the same folder that is newer than the given one and has some of its records.
func (l *exportLoad) successor(older listedFile, k Kind) *listedFile {
	var newest *listedFile
	for i := range l.listed {
		f := &l.listed[i]
		if !f.newerThan(older) || newest != nil && !f.at.After(newest.at) {
			continue
		}
		for name := range older.names[k] {
			if name != "" && f.names[k][name] {
				newest = f
				break
			}
		}
	}
	return newest
}

// hasNewer reports whether a newer file of the same folder has a record.
func (l *exportLoad) hasNewer(older listedFile, k Kind, name string) bool {
	return slices.ContainsFunc(l.listed, func(f listedFile) bool { return f.newerThan(older) && f.names[k][name] })
}

func (f *listedFile) newerThan(older listedFile) bool {
	return filepath.Dir(f.path) == filepath.Dir(older.path) && f.at.After(older.at)
}

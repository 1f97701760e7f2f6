package inventory

import (
	"context"
	"crypto/sha256"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"m365_connector_exporter/probes/regularfile"
)

// maxFile is the largest file that is read, in bytes.
const maxFile = 64 << 20

// unanswered is the answer of a file or folder that cannot be read, for whatever reason.
const unanswered = "error"

// Observations are what a load has asked of the outside, such as the contents of a file or the names in a folder, and
// what it was answered. A later look asks the same again ([Observations.Changed]), and by that alone decides whether
// to load again. A look never changes what was answered to the load.
//
// The zero value is ready to use. It must not be used from several goroutines at a time.
type Observations struct {
	all map[string]*observation
}

// observation is one question with its answer.
type observation struct {
	ask    func(ctx context.Context) (answer string)
	parsed string // the answer that the load worked with
}

// Observe records what a load was answered, and how to ask again. Of two answers to one question the first counts: if
// they differ, the next look sees a change. A source that is not a file observes the revision of its records.
func (o *Observations) Observe(question, answer string, ask func(ctx context.Context) (answer string)) {
	if o.all == nil {
		o.all = map[string]*observation{}
	}
	if o.all[question] == nil {
		o.all[question] = &observation{ask, answer}
	}
}

// Changed reports whether any answer differs from the one that the load worked with.
func (o *Observations) Changed(ctx context.Context) bool {
	for _, one := range o.all {
		if one.ask(ctx) != one.parsed {
			return true
		}
	}
	return false
}

// Read reads a regular file of at most 64 MB. Its errors do not name the path.
func (o *Observations) Read(ctx context.Context, path string) (regularfile.Contents, error) {
	c, err := regularfile.Read(ctx, path, maxFile)
	seen := &look{path: path}
	seen.take(c, err)
	o.Observe("file "+path, seen.hash, seen.again)
	return c, err
}

// Glob lists the files and folders that match a pattern of [filepath.Match].
func (o *Observations) Glob(ctx context.Context, pattern string) ([]string, error) {
	ask := func(ctx context.Context) ([]string, error) { return regularfile.Glob(ctx, pattern) }
	return o.list(ctx, "pattern "+pattern, ask)
}

// JSONFiles lists the files in a folder whose names end in .json, in upper or lower case. It does not use a pattern,
// because the folder's name may contain the characters of one.
func (o *Observations) JSONFiles(ctx context.Context, folder string) ([]string, error) {
	return o.list(ctx, "folder "+folder, func(ctx context.Context) ([]string, error) {
		entries, err := regularfile.ReadDir(ctx, folder)
		var files []string
		for _, entry := range entries {
			if strings.EqualFold(filepath.Ext(entry.Name()), ".json") && !entry.IsDir() {
				files = append(files, filepath.Join(folder, entry.Name()))
			}
		}
		return files, err
	})
}

// list observes a list of names.
func (o *Observations) list(
	ctx context.Context, question string, ask func(context.Context) ([]string, error),
) ([]string, error) {
	names, err := ask(ctx)
	o.Observe(question, listAnswer(names, err), func(ctx context.Context) string { return listAnswer(ask(ctx)) })
	return names, err
}

func listAnswer(names []string, err error) string {
	if err != nil {
		return unanswered
	}
	return strings.Join(names, "\x00")
}

// look is the newest look at a file.
type look struct {
	path string
	hash string      // of its contents
	info fs.FileInfo // before they were read; nil where they could not be
	at   time.Time   // when they had been read
}

// take records what was read.
func (l *look) take(c regularfile.Contents, err error) {
	l.hash, l.info = unanswered, nil
	l.at = time.Now() //nolint:forbidigo // is compared with the clock of the file system, not with that of the program
	if err == nil {
		hash := sha256.Sum256(c.Data)
		l.hash, l.info = string(hash[:]), c.Info
	}
}

// again returns the hash of the file's contents as they are now.
func (l *look) again(ctx context.Context) string {
	if !l.unchanged(ctx) {
		l.take(regularfile.Read(ctx, l.path, maxFile))
	}
	return l.hash
}

// settled is how old the last change of a file must be, when it is read, for a later change to have a later time: the
// coarsest clock of a file system (FAT) has steps of two seconds.
const settled = 2 * time.Second

// unchanged reports, without reading the file, whether it must hold what it held: the same file, of the same size,
// not changed since. Only the time of the last status change proves that, because no program can set it back: mv,
// rsync -t and cp -p set the modification time. Where the system has no such time, every look reads the file.
func (l *look) unchanged(ctx context.Context) bool {
	if l.info == nil {
		return false
	}
	before, known := changeTime(l.info)
	if !known || l.at.Sub(before) < settled {
		return false
	}
	info, err := regularfile.Stat(ctx, l.path)
	if err != nil || !os.SameFile(info, l.info) || info.Size() != l.info.Size() {
		return false
	}
	now, _ := changeTime(info)
	return now.Equal(before)
}

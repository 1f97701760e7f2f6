package config

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"m365_connector_exporter/probes/regularfile"
)

// pattern is a name or pattern of the configuration, absolute. Of folders the exports in them count.
type pattern struct {
	glob    string
	folders bool
}

// files lists what the pattern leads to now.
func (p pattern) files(ctx context.Context) []string {
	found, _ := regularfile.Glob(ctx, p.glob) // Load has reported the error
	if !p.folders {
		return found
	}
	var names []string
	for _, folder := range found {
		inside, _ := exportsIn(ctx, folder) // likewise
		names = append(names, inside...)
	}
	return names
}

// exportsIn lists the exports in a folder. Not by a pattern: the folder's name may hold pattern characters.
func exportsIn(ctx context.Context, folder string) ([]string, error) {
	entries, err := regularfile.ReadDir(ctx, folder)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, entry := range entries {
		if strings.EqualFold(filepath.Ext(entry.Name()), ".json") && !entry.IsDir() {
			names = append(names, filepath.Join(folder, entry.Name()))
		}
	}
	return names, nil
}

func matches(glob, name string) bool {
	ok, err := filepath.Match(glob, name)
	return err == nil && ok
}

// contents are the files of one configuration as they were when they were last read: first by Load, then by CurrentFingerprint. What
// Load parsed is recorded in Config.fingerprint alone; nothing but CurrentFingerprint relies on contents once Load has returned. It may
// be called from several goroutines.
type contents struct {
	mu    sync.Mutex
	files map[string]content
}

// content is what a file held.
type content struct {
	hash string      // "" where it was found and not read
	info os.FileInfo // before it was read; nil where it could not be
	at   time.Time   // when it was read
}

// settled is how old the last change of a file must be, when it is read, for a later change to have a later time: the coarsest clock of
// a file system (FAT) has steps of two seconds.
const settled = 2 * time.Second

func newContent(c regularfile.Contents, err error) content {
	if err != nil {
		return content{hash: "unreadable"}
	}
	hash := sha256.Sum256(c.Data)
	return content{string(hash[:]), c.Info, time.Now()}
}

// same reports whether a file must hold what it held, without reading it: the same file, of the same size, not changed since. Only the
// time of the last status change proves that, because no program can set it back: mv, rsync -t and cp -p set the modification time.
func (c content) same(ctx context.Context, file string) bool {
	if c.info == nil {
		return false
	}
	before, known := changeTime(c.info)
	if !known || c.at.Sub(before) < settled {
		return false
	}
	info, err := regularfile.Stat(ctx, file)
	if err != nil || !os.SameFile(info, c.info) || info.Size() != c.info.Size() {
		return false
	}
	now, _ := changeTime(info)
	return now.Equal(before)
}

// hashOf is the hash of what the file holds now.
func (c *contents) hashOf(ctx context.Context, file string) string {
	known := c.files[file]
	if known.hash == "" || !known.same(ctx, file) {
		known = newContent(regularfile.Read(ctx, file, maxFile))
		c.files[file] = known
	}
	return known.hash
}

// read reads a file and remembers what was in it the first time.
func (c *contents) read(ctx context.Context, file string) (regularfile.Contents, error) {
	read, err := regularfile.Read(ctx, file, maxFile)
	if c.files[file].hash == "" {
		c.files[file] = newContent(read, err)
	}
	return read, err
}

// found remembers files, so that one which is not read does not look new later.
func (c *contents) found(files []string) {
	for _, file := range files {
		if _, known := c.files[file]; !known {
			c.files[file] = content{}
		}
	}
}

// finish gives the configuration what it needs to see changes.
func (l *loading) finish() {
	hashes := map[string]string{}
	for file, c := range l.contents.files {
		if hashes[file] = c.hash; c.hash == "" {
			hashes[file] = l.contents.hashOf(l.ctx, file)
		}
	}
	l.cfg.fingerprint = fingerprint(hashes)
	l.cfg.files = slices.Sorted(maps.Keys(hashes))
	l.cfg.patterns, l.cfg.contents = l.patterns, l.contents
}

func fingerprint(hashes map[string]string) string {
	all := sha256.New()
	for _, name := range slices.Sorted(maps.Keys(hashes)) {
		_, _ = fmt.Fprintf(all, "%q %x\n", name, hashes[name])
	}
	return hex.EncodeToString(all.Sum(nil))
}

// Fingerprint is a hash over the contents of every file that Load read, as it read them.
func (c *Config) Fingerprint() string { return c.fingerprint }

// CurrentFingerprint is that hash over what those files hold now, and over the files that Load would find now. It differs from
// Fingerprint when one of them changed, came or went since Load began, and not when only times changed. It reads only files whose
// size, identity or time of change differ from the last look, and all files where the system has no time of change.
func (c *Config) CurrentFingerprint(ctx context.Context) string {
	c.contents.mu.Lock()
	defer c.contents.mu.Unlock()
	hashes := map[string]string{}
	add := func(files []string) {
		for _, file := range files {
			if _, known := hashes[file]; !known {
				hashes[file] = c.contents.hashOf(ctx, file)
			}
		}
	}
	add(c.files)
	for _, p := range c.patterns {
		add(p.files(ctx))
	}
	return fingerprint(hashes)
}

package config

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// pattern is a name or pattern of the configuration, absolute. Of folders the exports in them count.
type pattern struct {
	glob    string
	folders bool
}

// files lists what the pattern leads to now.
func (p pattern) files() []string {
	found, _ := filepath.Glob(p.glob) // Load has told where it is no pattern
	if !p.folders {
		return found
	}
	var names []string
	for _, folder := range found {
		inside, _ := exportsIn(folder) // likewise
		names = append(names, inside...)
	}
	return names
}

// exportsIn lists the exports in a folder. Not by a pattern: the folder's name may hold pattern characters.
func exportsIn(folder string) ([]string, error) {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return nil, plainError(err)
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

// readFile reads a file and remembers what was in it the first time.
func (l *loading) readFile(file string) ([]byte, error) {
	data, err := readFile(file)
	if l.contents[file] == "" {
		l.contents[file] = sum(data, err)
	}
	return data, err
}

// remember keeps in mind files that were found, so that one which is not read does not look new later.
func (l *loading) remember(files []string) {
	for _, file := range files {
		if _, known := l.contents[file]; !known {
			l.contents[file] = ""
		}
	}
}

// sum is a hash of a file's content. It is never empty.
func sum(data []byte, err error) string {
	if err != nil {
		return "unreadable"
	}
	hash := sha256.Sum256(data)
	return string(hash[:])
}

// finish gives the configuration what it needs to see changes.
func (l *loading) finish() {
	for file, content := range l.contents {
		if content == "" {
			l.contents[file] = sum(readFile(file))
		}
	}
	l.cfg.fingerprint = fingerprint(l.contents)
	l.cfg.files = slices.Sorted(maps.Keys(l.contents))
	l.cfg.patterns = l.patterns
}

func fingerprint(contents map[string]string) string {
	hash := sha256.New()
	for _, name := range slices.Sorted(maps.Keys(contents)) {
		_, _ = fmt.Fprintf(hash, "%q %x\n", name, contents[name])
	}
	return hex.EncodeToString(hash.Sum(nil))
}

// Fingerprint is a hash over the contents of every file that Load read, as it read them.
func (c *Config) Fingerprint() string { return c.fingerprint }

// CurrentFingerprint is that hash over what those files hold now, and over the files that Load would find now. It differs from
// Fingerprint when one of them changed, came or went since Load began, and not when only times changed.
func (c *Config) CurrentFingerprint() string {
	contents := map[string]string{}
	add := func(files []string) {
		for _, file := range files {
			if _, known := contents[file]; !known {
				contents[file] = sum(readFile(file))
			}
		}
	}
	add(c.files)
	for _, p := range c.patterns {
		add(p.files())
	}
	return fingerprint(contents)
}

package inventory

import (
	"context"
	"path/filepath"
	"runtime"
	"strings"
)

// Name is the path of a file or a folder, or a pattern of [filepath.Match].
type Name struct {
	Path    string // absolute, or relative to the working directory
	Pattern bool
}

// NewName returns a name. A relative one is relative to folder. The error is [filepath.ErrBadPattern].
func NewName(folder, text string) (Name, error) {
	n := Name{text, strings.ContainsAny(text, "*?[")}
	if !filepath.IsAbs(text) {
		if n.Pattern && runtime.GOOS != "windows" { // patterns have no escapes on Windows
			folder = strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(folder)
		}
		n.Path = filepath.Join(folder, text)
	}
	_, err := filepath.Match(n.Path, "")
	if !n.Pattern {
		err = nil
	}
	return n, err
}

// Matches reports whether a path is the named one, or matches the pattern.
func (n Name) Matches(path string) bool {
	if !n.Pattern {
		return n.Path == path
	}
	ok, err := filepath.Match(n.Path, path)
	return ok && err == nil
}

// Expand returns the paths that match a name. A name that is not a pattern is returned whether it exists or not.
func (o *Observations) Expand(ctx context.Context, n Name) ([]string, error) {
	if !n.Pattern {
		return []string{n.Path}, nil
	}
	return o.Glob(ctx, n.Path)
}

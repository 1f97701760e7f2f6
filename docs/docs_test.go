// Package docs_test verifies that the tests, paths, identifiers and links in the documents exist.
package docs_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const root = ".."

// documents returns the text of every Markdown file of the repository, by its path from the root.
func documents(t *testing.T) map[string]string {
	t.Helper()
	all := map[string]string{}
	walk(t, func(path string) {
		if strings.HasSuffix(path, ".md") {
			all[path] = read(t, path)
		}
	})
	if len(all) < 30 {
		t.Fatalf("%d documents", len(all))
	}
	return all
}

// walk calls visit with the path of every file of the repository, except in hidden folders and testdata.
func walk(t *testing.T, visit func(path string)) {
	t.Helper()
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		name := d.Name()
		switch {
		case err != nil:
			return err
		case d.IsDir() && (name == "testdata" || name == "dist" || strings.HasPrefix(name, ".") && name != ".."):
			return filepath.SkipDir
		case !d.IsDir():
			visit(strings.TrimPrefix(filepath.ToSlash(path), root+"/"))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, path))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// declarations returns the functions, methods, types, variables and constants that Go files declare at top level, by
// the name of the file's folder.
func declarations(t *testing.T) map[string]map[string]bool {
	t.Helper()
	declared := map[string]map[string]bool{}
	name := regexp.MustCompile(`(?m)^(?:func (?:\([^)]*\) )?|type |var |const |\t)([A-Za-z_]\w*)`)
	walk(t, func(path string) {
		if !strings.HasSuffix(path, ".go") {
			return
		}
		folder := filepath.Base(filepath.Dir(path))
		if declared[folder] == nil {
			declared[folder] = map[string]bool{}
		}
		for _, m := range name.FindAllStringSubmatch(read(t, path), -1) {
			declared[folder][m[1]] = true
		}
	})
	return declared
}

func TestNamedTestsExist(t *testing.T) {
	tests := map[string]bool{}
	function := regexp.MustCompile(`(?m)^func ((?:Test|Fuzz|Benchmark)\w+)\(`)
	walk(t, func(path string) {
		if strings.HasSuffix(path, "_test.go") {
			for _, m := range function.FindAllStringSubmatch(read(t, path), -1) {
				tests[m[1]] = true
			}
		}
	})
	named := 0
	word := regexp.MustCompile("`(?:Test|Fuzz|Benchmark)[A-Z]\\w*`|-run '[^']+'")
	for path, text := range documents(t) {
		for _, span := range word.FindAllString(text, -1) {
			for _, name := range regexp.MustCompile(`(?:Test|Fuzz|Benchmark)\w+`).FindAllString(span, -1) {
				named++
				isPrefix := func(test string) bool { return strings.HasPrefix(test, name) }
				if exact := span[0] == '`'; exact && !tests[name] || !slices.ContainsFunc(keys(tests), isPrefix) {
					t.Errorf("%s names %s, which does not exist", path, name)
				}
			}
		}
	}
	if named < 60 {
		t.Errorf("%d tests named", named)
	}
}

func keys(set map[string]bool) []string {
	var all []string
	for key := range set {
		all = append(all, key)
	}
	return all
}

// Every path and every identifier that architecture.md and CONTRIBUTING.md name exists.
func TestNamedPathsAndIdentifiersExist(t *testing.T) {
	declared := declarations(t)
	span := regexp.MustCompile("`([^`\n]+)`")
	path := regexp.MustCompile(`^\.?[\w.-]+(/[\w.-]+)*/?$`)
	identifier := regexp.MustCompile(`^([a-z]\w*)\.([A-Za-z]\w*)$`)
	for _, document := range []string{"docs/architecture.md", "CONTRIBUTING.md"} {
		found := 0
		for _, m := range span.FindAllStringSubmatch(read(t, document), -1) {
			text := strings.TrimSuffix(m[1], "()")
			_, err := os.Stat(filepath.Join(root, text))
			qualified := identifier.FindStringSubmatch(text)
			switch {
			case err == nil:
				found++
			case qualified != nil && declared[qualified[1]] != nil:
				found++
				if !declared[qualified[1]][qualified[2]] {
					t.Errorf("%s names %s, which does not exist", document, text)
				}
			case strings.Contains(text, "/") && path.MatchString(text):
				t.Errorf("%s names %s, which does not exist", document, text)
			}
		}
		if found < 10 {
			t.Errorf("%s names %d paths and identifiers", document, found)
		}
	}
}

// Every relative link in a document leads to a file, and every anchor to a heading or an <a id>.
func TestLinksResolve(t *testing.T) {
	all := documents(t)
	link := regexp.MustCompile(`\]\(([^)\s]+)\)`)
	for document, text := range all {
		for _, m := range link.FindAllStringSubmatch(text, -1) {
			if strings.Contains(m[1], "://") {
				continue
			}
			target, anchor, _ := strings.Cut(m[1], "#")
			path := document
			if target != "" {
				path = filepath.ToSlash(filepath.Join(filepath.Dir(document), target))
			}
			if _, err := os.Stat(filepath.Join(root, path)); err != nil {
				t.Errorf("%s: broken link %s", document, m[1])
			} else if anchor != "" && !slices.Contains(anchors(all[path]), anchor) {
				t.Errorf("%s: link %s: no such anchor", document, m[1])
			}
		}
	}
}

// anchors returns the anchors of a document as GitHub derives them from its headings, and its explicit ones.
func anchors(text string) []string {
	var all []string
	for _, m := range regexp.MustCompile(`(?m)^#+ (.+)$`).FindAllStringSubmatch(text, -1) {
		slug := regexp.MustCompile(`[^\w\- ]`).ReplaceAllString(strings.ToLower(m[1]), "")
		all = append(all, strings.ReplaceAll(slug, " ", "-"))
	}
	for _, m := range regexp.MustCompile(`id="([^"]+)"`).FindAllStringSubmatch(text, -1) {
		all = append(all, m[1])
	}
	return all
}

// The documents and the alert texts use standard terms: none of these words has a technical meaning.
func TestPlainWords(t *testing.T) {
	avoided := regexp.MustCompile(
		`(?i)\b(?:nobody|somebody|whoever|strangers?|anew|likewise|foretells?|foretold|is told)\b`)
	texts := documents(t)
	walk(t, func(path string) {
		if strings.HasPrefix(path, "deploy/prometheus/rules/") {
			texts[path] = read(t, path)
		}
	})
	for path, text := range texts {
		for _, word := range avoided.FindAllString(text, -1) {
			t.Errorf("%s: %q", path, word)
		}
	}
}

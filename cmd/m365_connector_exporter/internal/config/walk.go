package config

import (
	"fmt"
	"sort"
	"strconv"

	"gopkg.in/yaml.v3"
)

// Bounds of one file's walk. Aliases can multiply a small file into a huge one.
const (
	maxNodes    = 5_000_000
	maxMistakes = 1000
	maxBroken   = 100 // files of one tenant
)

// reader collects mistakes while it walks the nodes of one file, so that all are told at once.
type reader struct {
	*loading
	file     string
	errs     Errors // in the file itself
	broken   Errors // in files that the present tenant names: they blind that tenant only
	previous Error
	failures int      // mistakes and warnings so far, those that are told once or not at all among them
	warnings []string // of an export
	outer    []place  // probe sections around the current one
	told     map[telling]bool
	nodes    int
	inTenant bool
	lenient  bool // an export: unknown keys are skipped, mistakes are warnings
}

func (r *reader) fail(n *yaml.Node, key, format string, args ...any) {
	r.failures++
	e := r.errorAt(n, key, format, args...)
	if key != "" && r.previous.Key == key && r.previous.Line == e.Line {
		return // one value, one mistake: the first is the cause
	}
	r.previous = e
	switch {
	case r.lenient && len(r.warnings) < maxMistakes:
		r.warnings = append(r.warnings, e.Error())
	case !r.lenient && len(r.errs) < maxMistakes:
		r.errs = append(r.errs, e)
	}
}

func (r *reader) errorAt(n *yaml.Node, key, format string, args ...any) Error {
	e := Error{File: r.file, Key: key, Message: fmt.Sprintf(format, args...)}
	if n != nil {
		e.Line = n.Line
	}
	return e
}

// fields maps the keys of a mapping to what reads them.
type fields map[string]func(n *yaml.Node, key string)

// enter follows an alias and counts; it says false when the file is too much to read.
func (r *reader) enter(n *yaml.Node) (*yaml.Node, bool) {
	n = behind(n)
	if r.nodes++; r.nodes == maxNodes {
		r.fail(n, "", "more than %d values", maxNodes)
	}
	return n, r.nodes < maxNodes
}

// mapping reads a mapping strictly: every key must be known and may stand once. Of an export it takes what it knows, and
// compares as Microsoft writes: UseMXRecord is use_mx_record.
func (r *reader) mapping(n *yaml.Node, path string, known fields) {
	n, ok := r.enter(n)
	if !ok || isNull(n) { // a section whose keys are all commented out
		return
	}
	if n.Kind != yaml.MappingNode {
		r.fail(n, path, "must be a mapping")
		return
	}
	seen := map[string]bool{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		k, v := n.Content[i], n.Content[i+1]
		key := join(path, k.Value)
		name := k.Value
		if r.lenient {
			name = properties()[name]
		}
		read, ok := known[name]
		switch {
		case !ok && r.lenient, r.merges(k, key):
		case !ok:
			r.fail(k, key, "unknown key; %s", hint(k.Value, sortedKeys(known)))
		case seen[name]:
			r.fail(k, key, "stands twice")
		default:
			seen[name] = true
			read(v, key)
		}
	}
}

// merges refuses YAML's merge key, which would have to be taken into account wherever keys are read.
func (r *reader) merges(k *yaml.Node, key string) bool {
	if k.Tag != "!!merge" {
		return false
	}
	r.fail(k, key, "merge keys are not read: write the keys out, or use an alias for a whole value")
	return true
}

func sortedKeys[T any](m map[string]T) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	return keys
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

func isNull(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.Tag == "!!null" }

// list reads a sequence, each item by read. In an export a single value stands for a list of one.
func (r *reader) list(n *yaml.Node, key string, read func(n *yaml.Node, key string)) {
	n, ok := r.enter(n)
	if !ok || isNull(n) {
		return
	}
	if r.lenient {
		n = asList(n)
	}
	if n.Kind != yaml.SequenceNode {
		r.fail(n, key, "must be a list")
		return
	}
	for i, item := range n.Content {
		if r.lenient && isNull(item) {
			continue
		}
		read(item, key+"["+strconv.Itoa(i)+"]")
	}
}

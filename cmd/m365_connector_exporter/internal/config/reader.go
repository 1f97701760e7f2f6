package config

import (
	"bytes"
	"errors"
	"io"
	"maps"
	"path/filepath"
	"slices"
	"strconv"

	"gopkg.in/yaml.v3"

	"m365_connector_exporter/probes/inventory"
)

// Bounds of one file.
const (
	// maxValues bounds the values in the text, each of which takes some 400 bytes while it is parsed, and the values
	// that are read, of which aliases can make many more.
	maxValues   = 1_000_000
	maxMistakes = 1000
	maxBroken   = 100 // files of one tenant
)

// reader reads the nodes of one YAML file and collects all mistakes in it, so that they are reported at once.
type reader struct {
	*loading
	file      string
	errs      Errors // in the file itself
	previous  Error
	failures  int           // mistakes so far, also those that are not kept
	outer     []layerSource // probe sections around the current one
	conflicts map[conflict]bool
	nodes     int
	current   *tenant // that is being read: mistakes in files that it names disable it alone; nil outside a tenant
}

// open parses a file with exactly one document. It returns nil after a mistake.
func (r *reader) open(path string) *yaml.Node {
	c, err := r.observed.Read(r.ctx, path)
	if err != nil {
		r.fail(nil, "", "%v", err)
		return nil
	}
	if countIndicators(c.Data) > maxValues {
		r.fail(nil, "", "more than %d values", maxValues)
		return nil
	}
	decoder := yaml.NewDecoder(bytes.NewReader(c.Data))
	var doc, second yaml.Node
	switch err := decoder.Decode(&doc); {
	case err != nil && !errors.Is(err, io.EOF):
		r.syntax(err, c.Data)
		return nil
	case len(doc.Content) == 0 || isNull(doc.Content[0]):
		r.fail(nil, "", "the file is empty")
		return nil
	}
	if err := decoder.Decode(&second); !errors.Is(err, io.EOF) {
		if err != nil {
			second.Line = lineOf(err, c.Data)
		}
		r.fail(&second, "", "a second document; only one is allowed")
	}
	return doc.Content[0]
}

// countIndicators counts the characters of a text that can separate two values in YAML: line breaks and the indicators
// of collections (YAML 1.2.2, sections 5.3 and 5.4). A text has at most twice as many values.
func countIndicators(text []byte) (n int) {
	for i, c := range text {
		switch c {
		case '\n', '\r', ',', ':', '[', '{':
			n++
		case '-', '?': // of a sequence and a key, if a blank follows
			if i+1 < len(text) && (text[i+1] == ' ' || text[i+1] == '\t') {
				n++
			}
		case 0x85, 0xa8, 0xa9: // the last bytes of NEL, LS and PS, which are line breaks too
			n++
		}
	}
	return n
}

// fields maps the keys of a mapping to what reads their values.
type fields map[string]func(n *yaml.Node, key string)

// mapping reads a mapping strictly: every key must be known, and none may occur twice.
func (r *reader) mapping(n *yaml.Node, path string, known fields) {
	r.keys(n, path, func(k, v *yaml.Node, key string) bool {
		read := known[k.Value]
		if read != nil {
			read(v, key)
		}
		return read != nil
	}, func() []string { return slices.Sorted(maps.Keys(known)) })
}

// keys calls read for each key of a mapping with its value and its path. If read returns false the key is unknown,
// and known lists those that are not.
func (r *reader) keys(n *yaml.Node, path string, read func(k, v *yaml.Node, key string) bool, known func() []string) {
	n, ok := r.enter(n)
	if !ok || isNull(n) { // a section whose keys are all commented out
		return
	}
	if n.Kind != yaml.MappingNode {
		r.failMapping(n, path, known)
		return
	}
	seen := map[string]int{} // the line of a key
	for i := 0; i+1 < len(n.Content); i += 2 {
		k, v := n.Content[i], n.Content[i+1]
		key := join(path, k.Value[:min(len(k.Value), maxQuoted)]) // no known key is longer
		switch {
		case k.Tag == "!!merge":
			r.fail(k, key, "merge keys are not supported: write the keys out, or use an alias for a whole value")
		case seen[k.Value] > 0:
			r.fail(k, key, "duplicate key: line %d has it too", seen[k.Value])
		case !read(k, v, key):
			r.failUnknown(k, key, known)
		default:
			seen[k.Value] = k.Line
		}
	}
}

// list reads a sequence, each item by read.
func (r *reader) list(n *yaml.Node, key string, read func(n *yaml.Node, key string)) {
	n, ok := r.enter(n)
	if !ok || isNull(n) {
		return
	}
	if n.Kind != yaml.SequenceNode {
		r.failValue(n, key, errors.New(`must be a list: [a, b], or "- " before each item`))
		return
	}
	for i, item := range n.Content {
		read(item, key+"["+strconv.Itoa(i)+"]")
	}
}

// first returns a list cut to its first n items: aliases can make a list of any length of a short text, and a record
// takes much more memory than its text.
func first(list *yaml.Node, n int) *yaml.Node {
	list = resolve(list)
	if list.Kind != yaml.SequenceNode || len(list.Content) <= n {
		return list
	}
	short := *list
	short.Content = list.Content[:n]
	return &short
}

// tenantList reads a list of tenants.
func (r *reader) tenantList(n *yaml.Node, key string, read func(n *yaml.Node, key string)) {
	if list := resolve(n); list.Kind == yaml.SequenceNode && len(list.Content) > maxTenants {
		r.fail(n, key, "%d tenants, more than the %d that a file may have", len(list.Content), maxTenants)
		return
	}
	r.list(n, key, read)
}

// enter follows an alias and counts values; it reports false if the file has too many.
func (r *reader) enter(n *yaml.Node) (*yaml.Node, bool) {
	n = resolve(n)
	if r.nodes++; r.nodes == maxValues {
		r.fail(n, "", "more than %d values, with those that aliases repeat", maxValues)
	}
	return n, r.nodes < maxValues
}

// resolve follows an alias.
func resolve(n *yaml.Node) *yaml.Node {
	if n.Kind == yaml.AliasNode && n.Alias != nil {
		return n.Alias
	}
	return n
}

func isNull(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.Tag == "!!null" }

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

// path reads the name of a file, relative to the folder of the file that names it.
func (r *reader) path(n *yaml.Node, key string) string {
	path := r.text(n, key)
	if path == "" || filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(filepath.Dir(r.file), path)
}

// name reads the name of a file or folder, or a pattern of them. It reports false if there is none.
func (r *reader) name(n *yaml.Node, key string) (inventory.Name, bool) {
	text := r.text(n, key)
	name, err := inventory.NewName(filepath.Dir(r.file), text)
	if err != nil {
		r.fail(n, key, "%s: not a pattern", text)
	}
	return name, text != "" && err == nil
}

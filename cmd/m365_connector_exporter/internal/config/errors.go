package config

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"

	"gopkg.in/yaml.v3"
)

// Error is one mistake and its place. Message never quotes the contents of exports, certificates, keys or passwords.
type Error struct {
	File    string
	Line    int // 0 if the mistake is not in a line
	Key     string
	Message string
}

// Error prints "file:line: key: message".
func (e Error) Error() string {
	var b strings.Builder
	b.WriteString(e.File)
	if e.Line > 0 {
		fmt.Fprintf(&b, ":%d", e.Line)
	}
	b.WriteString(": ")
	if e.Key != "" {
		b.WriteString(e.Key + ": ")
	}
	return b.String() + e.Message
}

// Errors are all mistakes of one run.
type Errors []Error

// sorted orders the mistakes by line.
func (e Errors) sorted() Errors {
	slices.SortStableFunc(e, func(a, b Error) int { return a.Line - b.Line })
	return e
}

// Error prints one mistake a line.
func (e Errors) Error() string {
	lines := make([]string, len(e))
	for i, one := range e {
		lines[i] = one.Error()
	}
	return strings.Join(lines, "\n")
}

// with returns the same place with another message.
func (e Error) with(format string, args ...any) Error {
	e.Message = fmt.Sprintf(format, args...)
	return e
}

// fail reports a mistake in the file itself.
func (r *reader) fail(n *yaml.Node, key, format string, args ...any) {
	r.failures++
	e := r.errorAt(n, key, format, args...)
	if key != "" && r.previous.Key == key && r.previous.Line == e.Line {
		return // one value, one mistake: the first is the cause
	}
	r.previous = e
	if len(r.errs) < maxMistakes {
		r.errs = append(r.errs, e)
	}
}

// failValue reports a value. It quotes a text if it is short, and names another kind of value.
func (r *reader) failValue(n *yaml.Node, key string, err error) {
	switch v := resolve(n); {
	case v.Kind == yaml.SequenceNode:
		r.fail(n, key, "a list: %v", err)
	case v.Kind == yaml.MappingNode:
		r.fail(n, key, "a mapping: %v", err)
	case isNull(v) || v.Value == "":
		r.fail(n, key, "no value: %v", err)
	case len(v.Value) > maxQuoted || strings.ContainsFunc(v.Value, func(c rune) bool { return !unicode.IsPrint(c) }):
		r.fail(n, key, "%v", err)
	default:
		r.fail(n, key, "%q: %v", v.Value, err)
	}
}

// maxQuoted is the longest value that a mistake quotes, in bytes.
const maxQuoted = 64

// failFile reports a file that is named at n. A tenant's files disable that tenant only; others are mistakes of the
// main file.
func (r *reader) failFile(n *yaml.Node, key, file, format string, args ...any) {
	e := r.errorAt(n, key, "%s: %s", file, fmt.Sprintf(format, args...))
	switch {
	case r.current == nil:
		r.errs = append(r.errs, e)
	case len(r.current.errs) < maxBroken:
		r.current.errs = append(r.current.errs, e)
	}
}

func (r *reader) errorAt(n *yaml.Node, key, format string, args ...any) Error {
	e := Error{File: r.file, Key: key, Message: fmt.Sprintf(format, args...)}
	if n != nil {
		e.Line = n.Line
	}
	return e
}

// failMapping reports a value that must be a mapping, with some of the keys that it may have.
func (r *reader) failMapping(n *yaml.Node, key string, known func() []string) {
	if len(r.errs) >= maxMistakes {
		r.failures++
		return
	}
	names := known()
	r.failValue(n, key, errors.New("must be a mapping with keys such as "+strings.Join(names[:min(len(names), 4)], ", ")))
}

// failUnknown reports an unknown key with the nearest known one. Finding that takes long: only for mistakes that are
// kept.
func (r *reader) failUnknown(k *yaml.Node, key string, known func() []string) {
	if len(r.errs) >= maxMistakes {
		r.failures++
		return
	}
	r.fail(k, key, "unknown key; %s", hint(k.Value, known()))
}

package config

import (
	"fmt"
	"testing"

	"gopkg.in/yaml.v3"
)

// TestUnknownKeysBeyondThoseReported: the nearest known key is searched only for mistakes that are kept.
func TestUnknownKeysBeyondThoseReported(t *testing.T) {
	n := &yaml.Node{Kind: yaml.MappingNode}
	for i := range maxMistakes + 500 {
		n.Content = append(n.Content, &yaml.Node{Value: fmt.Sprint("key", i), Line: i}, &yaml.Node{})
	}
	r, searches := &reader{}, 0
	r.keys(n, "", func(_, _ *yaml.Node, _ string) bool { return false }, func() []string { searches++; return nil })
	if searches != maxMistakes || len(r.errs) != maxMistakes || r.failures != maxMistakes+500 {
		t.Errorf("%d searches, %d of %d mistakes kept; want %d", searches, len(r.errs), r.failures, maxMistakes)
	}
}

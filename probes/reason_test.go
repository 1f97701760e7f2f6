package probes_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"strconv"
	"testing"

	"m365_connector_exporter/probes"
)

func TestEachReasonIsOneEntryOfTheCatalogue(t *testing.T) {
	entries := map[probes.Reason]int{}
	for _, r := range probes.Reasons {
		entries[r.Reason]++
		if r.Sentence == "" || r.Remedy == "" || r.Outcome != probes.Failed && r.Outcome != probes.Inconclusive {
			t.Errorf("incomplete entry %+v", r)
		}
	}
	declared := declaredReasons(t)
	for _, reason := range declared {
		if entries[reason] != 1 {
			t.Errorf("%s has %d entries, want 1", reason, entries[reason])
		}
	}
	if len(declared) != len(probes.Reasons) {
		t.Errorf("%d constants and %d entries", len(declared), len(probes.Reasons))
	}
}

// declaredReasons returns the values of all constants of type Reason.
func declaredReasons(t *testing.T) (all []probes.Reason) {
	t.Helper()
	files, err := filepath.Glob("reasons_*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			spec, ok := n.(*ast.ValueSpec)
			if !ok {
				return true
			}
			if of, ok := spec.Type.(*ast.Ident); ok && of.Name == "Reason" {
				text, _ := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
				all = append(all, probes.Reason(text))
			}
			return false
		})
	}
	return all
}

func TestUnknownReasonProvesNothing(t *testing.T) {
	if _, ok := probes.Reason("no_such_reason").Info(); ok {
		t.Error("an entry for a reason that does not exist")
	}
	if got := probes.Reason("no_such_reason").Outcome(); got != probes.Inconclusive {
		t.Errorf("outcome %s, want inconclusive", got)
	}
}

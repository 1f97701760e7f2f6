package deploy_test

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"
)

// valuesTable writes the values of the chart as rows of a Markdown table: key, default, and the comment at the key. A
// mapping in block style is described by its members, any other value by itself.
func valuesTable(t *testing.T, values string) string {
	t.Helper()
	var document yaml.Node
	if err := yaml.Unmarshal([]byte(values), &document); err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	b.WriteString("| value | default | |\n|---|---|---|\n")
	valueRows(t, &b, "", document.Content[0])
	return b.String()
}

func valueRows(t *testing.T, b *strings.Builder, prefix string, mapping *yaml.Node) {
	t.Helper()
	for i := 0; i < len(mapping.Content); i += 2 {
		key, value := mapping.Content[i], mapping.Content[i+1]
		name := prefix + key.Value
		text := comment(key.HeadComment, key.LineComment, value.LineComment)
		if prefix == "" && i == 0 { // the head comment of the document
			text = comment(key.LineComment, value.LineComment)
		}
		if value.Kind == yaml.MappingNode && value.Style&yaml.FlowStyle == 0 && name != "config" {
			if text != "" {
				fmt.Fprintf(b, "| **%s** | | %s |\n", name, text)
			}
			valueRows(t, b, name+".", value)
			continue
		}
		if text == "" {
			t.Errorf("values.yaml, line %d: %s has no comment", key.Line, name)
		}
		fmt.Fprintf(b, "| `%s` | `%s` | %s |\n", name, flow(t, value), text)
	}
}

// comment joins the comments of a value to one line.
func comment(parts ...string) string {
	all := strings.Join(parts, " ")
	all = regexp.MustCompile(`(?m)^\s*#\s?`).ReplaceAllString(all, "")
	all = strings.Join(strings.Fields(strings.ReplaceAll(all, "#", "")), " ")
	return strings.ReplaceAll(all, "|", `\|`)
}

// flow writes a value in one line, without its comments.
func flow(t *testing.T, value *yaml.Node) string {
	t.Helper()
	plain := *value
	plain.Style |= yaml.FlowStyle
	plain.HeadComment, plain.LineComment, plain.FootComment = "", "", ""
	return strings.TrimSpace(string(marshal(t, &plain)))
}

// The README of the chart lists every value with its default and its comment. -update writes the list.
func TestChartReadme(t *testing.T) {
	const begin, end = "<!-- values: written by make docs -->\n", "<!-- end of the values -->\n"
	const file = chart + "/README.md"
	readme := read(t, file)
	before, rest, found := strings.Cut(readme, begin)
	_, after, ended := strings.Cut(rest, end)
	if !found || !ended {
		t.Fatalf("%s has no part between %q and %q", file, begin, end)
	}
	want := before + begin + valuesTable(t, read(t, chart+"/values.yaml")) + end + after
	if *update {
		if err := os.WriteFile(file, []byte(want), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	if readme != want {
		t.Errorf("%s does not list the values of values.yaml: run make docs", file)
	}
}

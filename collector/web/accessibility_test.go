package web_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"
)

// TestPagesHaveStructure: screen readers find their way by one heading of the first level, headings without gaps, one
// main part, navigations with a name of their own, header cells with a scope, and fields with a label.
func TestPagesHaveStructure(t *testing.T) {
	pages := crawl(t, gallery().handler(), "/")
	empty := crawl(t, (&testSite{}).handler(), "/")
	for _, all := range []map[string]*html.Node{pages, empty} {
		for address, page := range all {
			if page == nil {
				continue
			}
			for _, problem := range structureProblems(page) {
				t.Errorf("%s: %s", address, problem)
			}
		}
	}
}

// structureProblems lists what a screen reader cannot use on a page.
func structureProblems(page *html.Node) (problems []string) {
	count := map[string]int{}
	var names []string
	level := 0
	for n := range page.Descendants() {
		if n.Type != html.ElementNode {
			continue
		}
		count[n.Data]++
		switch n.Data {
		case "h1", "h2", "h3", "h4":
			if next := int(n.Data[1] - '0'); next > level+1 {
				problems = append(problems, n.Data+" does not follow a heading of the level above: "+innerText(n))
			} else {
				level = next
			}
		case "th":
			if attribute(n, "scope") == "" {
				problems = append(problems, "header cell without scope: "+innerText(n))
			}
		case "table":
			if !slices.ContainsFunc(descendants(n), func(n *html.Node) bool { return n.Data == "th" }) {
				problems = append(problems, "table without header cell: "+innerText(n))
			}
		case "nav":
			names = append(names, attribute(n, "aria-label"))
		case "input", "select":
			if attribute(n, "type") != "hidden" && n.Parent.Data != "label" {
				problems = append(problems, "field without label: "+attribute(n, "name"))
			}
		case "a", "button", "summary":
			if strings.TrimSpace(innerText(n)) == "" {
				problems = append(problems, n.Data+" without text")
			}
		}
	}
	slices.Sort(names)
	if slices.Contains(names, "") || len(slices.Compact(names)) != count["nav"] {
		problems = append(problems, "navigations that share a name or have none: "+strings.Join(names, ", "))
	}
	if count["h1"] != 1 || count["main"] != 1 {
		problems = append(problems, fmt.Sprintf("%d h1, %d main", count["h1"], count["main"]))
	}
	return problems
}

func descendants(n *html.Node) []*html.Node { return slices.Collect(n.Descendants()) }

func innerText(n *html.Node) (text string) {
	for d := range n.Descendants() {
		if d.Type == html.TextNode {
			text += d.Data
		}
	}
	return text[:min(len(text), 80)]
}

func attribute(n *html.Node, key string) string {
	for _, a := range n.Attr {
		if a.Key == key {
			return a.Val
		}
	}
	return ""
}

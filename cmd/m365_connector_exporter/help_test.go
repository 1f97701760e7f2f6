package main

import (
	"strings"
	"testing"

	"github.com/alecthomas/kingpin/v2"
	"github.com/prometheus/common/promslog"
	promslogflag "github.com/prometheus/common/promslog/flag"
)

// TestExamplesOfHelp parses every example: each belongs to its command, and each command has one.
func TestExamplesOfHelp(t *testing.T) {
	for _, command := range []string{"serve", "validate", "audit", "attribute", "rehearse", "fetch", "demo"} {
		if len(examples[command]) == 0 {
			t.Errorf("%s has no example", command)
		}
		for _, example := range examples[command] {
			line, _, _ := strings.Cut(example, " >") // a redirection
			if got, err := applicationForTest().Parse(words(line)); got != command || err != nil {
				t.Errorf("%s: %q, %v; want %s", example, got, err, command)
			}
		}
	}
}

// applicationForTest returns the commands of this program, as run makes them.
func applicationForTest() *kingpin.Application {
	app := kingpin.New(program, "")
	app.Flag("config.file", "").String()
	promslogflag.AddFlags(app, &promslog.Config{})
	newServeCommand(app, true)
	newValidateCommand(app)
	newAuditCommand(app)
	newAttributeCommand(app)
	newRehearseCommand(app)
	newFetchCommand(app)
	newDemoCommand(app)
	return app
}

// words splits a line as a shell does, with single quotes only.
func words(line string) (all []string) {
	for i, part := range strings.Split(line, "'") {
		if i%2 == 1 {
			all = append(all, part)
			continue
		}
		all = append(all, strings.Fields(part)...)
	}
	return all
}

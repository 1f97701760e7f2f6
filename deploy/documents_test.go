package deploy_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var scrapes = regexp.MustCompile("(?s)```yaml\n(scrape_configs:\n.*?)```")

// promtool accepts the scrape configurations in the documents.
func TestScrapeExamples(t *testing.T) {
	found := 0
	for _, document := range append(glob(t, "../docs/*.md"), "../README.md") {
		for _, block := range scrapes.FindAllStringSubmatch(read(t, document), -1) {
			found++
			file := filepath.Join(t.TempDir(), "prometheus.yml")
			if err := os.WriteFile(file, []byte(block[1]), 0o600); err != nil {
				t.Fatal(err)
			}
			run(t, "promtool", "check", "config", file)
		}
	}
	if found < 2 {
		t.Errorf("%d examples", found)
	}
}

// The documented export commands write [] for a tenant without records. A pipeline into ConvertTo-Json writes an empty
// file instead (https://github.com/PowerShell/PowerShell/issues/23837).
func TestExportCommandsWriteAnArray(t *testing.T) {
	found := 0
	command := regexp.MustCompile(`(?:Get-\w+|\$Records).*ConvertTo-Json|ConvertTo-Json.*(?:Get-\w+|\$Records)`)
	for _, document := range append(glob(t, "../docs/*.md"), "../README.md", "powershell/Export-M365Connectors.ps1") {
		for line := range strings.Lines(read(t, document)) {
			if !command.MatchString(line) {
				continue
			}
			found++
			if !strings.Contains(line, "-InputObject @(") {
				t.Errorf("%s: %swant ConvertTo-Json -InputObject @(...)", document, line)
			}
		}
	}
	if found < 6 {
		t.Errorf("%d commands", found)
	}
}

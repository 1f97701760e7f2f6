package main

import (
	"bytes"
	"context"
	"html"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"m365_connector_exporter/probes/lab"
)

// shown matches the commands in documents: lines of a code block, and inline code.
var shown = regexp.MustCompile("(?m)^m365_connector_exporter\\b[^\n`]*|`m365_connector_exporter [^`]+`")

// instead replaces the placeholders of the documents with values of the example configuration.
var instead = strings.NewReplacer(
	"'TENANT/DIRECTION/CONNECTOR/PATH'", "contoso/outbound/To%20on-premises/mail.contoso.com",
	"'TENANT/DIRECTION/CONNECTOR'", "contoso/outbound/To%20on-premises",
	packagedConfig+" fetch", "fetch.yaml fetch",
	packagedConfig, "config.yaml", "NEW.pem", "certs/edge-1.pem", "new.pem", "certs/edge-1.pem",
	"ADDRESS", "198.51.100.10", "TARGET", "contoso",
	"--firewall=FILE", "--firewall=firewall.txt", "FILE", "certs/edge-1.pem", "SENDER", "a@contoso.com",
	"RECIPIENT", "b@stranger.example", "`", "", "_exporter fetch --check",
	"_exporter fetch --check --config.file=fetch.yaml",
)

// TestExampleCommands runs every command of the documents with the configuration of the README: none exits with bad
// usage. No resolver answers, so that no packet leaves this host. TestFirstTenantIsClean checks what audit finds.
func TestExampleCommands(t *testing.T) {
	documents, err := filepath.Glob("../../docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	runbooks, err := filepath.Glob("../../docs/runbooks/*.md")
	if err != nil {
		t.Fatal(err)
	}
	commands, readme := map[string]string{}, ""
	for _, document := range slices.Concat(documents, runbooks, []string{"../../README.md", "../../deploy/README.md"}) {
		text, err := os.ReadFile(document)
		if err != nil {
			t.Fatal(err)
		}
		if document == "../../README.md" {
			readme = string(configBlock.FindSubmatch(text)[1])
		}
		for _, command := range shown.FindAllString(string(text), -1) {
			command, _, _ = strings.Cut(command, " #")
			commands[strings.TrimSpace(instead.Replace(command))] = document
		}
	}
	for command, file := range alertCommands(t) {
		commands[instead.Replace(command)] = file
	}
	t.Chdir(filepath.Dir(exampleFiles(t, []byte("probe: { dns_servers: ['127.0.0.1:1'], timeout: 1s }\n"+readme))))
	if err := os.WriteFile("firewall.txt", []byte("40.92.0.0/15\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for command, document := range commands {
		t.Run(command, func(t *testing.T) { typeIn(t, document, strings.Fields(command)[1:]) })
	}
	if len(commands) < 10 {
		t.Errorf("%d commands: %v", len(commands), commands)
	}
}

var (
	quoted     = regexp.MustCompile(`"(m365_connector_exporter [^"]*)"`)
	labelValue = regexp.MustCompile(`\{\{ (?:\$labels\.(\w+)[^}]*|\.) \}\}`)
	condition  = regexp.MustCompile(`\{\{ (?:with|end)[^}]*\}\}`)
)

// alertCommands returns the commands in the texts of the alerts, with placeholders as in the runbooks, and their files.
func alertCommands(t *testing.T) map[string]string {
	t.Helper()
	files, err := filepath.Glob("../../deploy/prometheus/rules/*.yml")
	if err != nil {
		t.Fatal(err)
	}
	commands := map[string]string{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		plain := labelValue.ReplaceAllStringFunc(condition.ReplaceAllString(string(text), ""), func(value string) string {
			return strings.ToUpper(labelValue.FindStringSubmatch(value)[1])
		})
		for _, m := range quoted.FindAllStringSubmatch(plain, -1) {
			command := strings.Join(strings.Fields(m[1]), " ")
			command = strings.Replace(command, "fetch --check --config.file="+packagedConfig+" 'TENANT'",
				"--config.file="+packagedConfig+" fetch --check", 1) // fetch.yaml has no tenant that loads
			commands[strings.NewReplacer("'TENANT'", "contoso", "''", "contoso").Replace(command)] = file
		}
	}
	if len(commands) < 6 {
		t.Errorf("%d commands in alerts: %v", len(commands), commands)
	}
	return commands
}

func typeIn(t *testing.T, document string, args []string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var out bytes.Buffer
	var complaints io.Writer = &out
	if daemon := len(args) == 0; daemon {
		args, complaints = []string{"--web.listen-address=127.0.0.1:0"}, endAt{"Listening on", cancel}
	}
	if code := run(ctx, hangups{}, args, &out, complaints); code == exitUsage || ctx.Err() != nil && complaints == &out {
		t.Errorf("%s: exit code %d\n%s", document, code, out.String())
	}
}

// TestExampleMistakes: --config.check prints the errors that docs/configuration.md shows.
func TestExampleMistakes(t *testing.T) {
	page, err := os.ReadFile("../../docs/configuration.md")
	if err != nil {
		t.Fatal(err)
	}
	shownErrors := regexp.MustCompile("(?s)```text\n(.*?)```").FindSubmatch(page)
	if shownErrors == nil {
		t.Fatal("docs/configuration.md shows no error messages")
	}
	t.Chdir(filepath.Dir(exampleFiles(t, []byte(`tenants:
  - name: contoso
    inbound_connectors: [{ name: From on-premises, connector_type: OnPremises }]
    outbound_connectors:
      - name: To on-premises
        smart_hosts: [mail.contoso.com]
        UseMXRecord: false
    senders:
      - { name: edge-1, connector: From on-premises, certificate: { file: certs/edge-1.pem } }
`))))
	if err := os.Chmod("certs/edge-1.pem", 0o644); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	args := []string{"--config.check", "--config.file=config.yaml"}
	if code := run(t.Context(), hangups{}, args, &out, &out); code != exitUsage {
		t.Errorf("exit code %d", code)
	}
	for line := range strings.Lines(string(shownErrors[1])) {
		if !strings.Contains(out.String(), line) {
			t.Errorf("missing: %sin:\n%s", line, out.String())
		}
	}
}

// TestFirstTenantIsClean holds the README to its word: audit finds nothing in the first tenant.
func TestFirstTenantIsClean(t *testing.T) {
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	audit := []string{"audit", "--fail-on=info", "--config.file=" + exampleFiles(t, configBlock.FindSubmatch(readme)[1])}
	if code := run(t.Context(), hangups{}, audit, &out, &out); code != exitOK {
		t.Errorf("exit status %d, want %d\n%s", code, exitOK, out.String())
	}
}

// varies matches what differs from run to run in the output of validate: ports, durations and their padding.
var varies = regexp.MustCompile(`:\d{4,5}\]|[\d.]+(?:µs|ms|s)\b| +`)

// TestScreenshotOfValidate holds the picture in the README to what validate prints in the embedded world.
func TestScreenshotOfValidate(t *testing.T) {
	picture, err := os.ReadFile("../../docs/screenshots/validate.svg")
	if err != nil {
		t.Fatal(err)
	}
	var want []string
	for _, line := range regexp.MustCompile(`<text [^>]*>(.*)</text>`).FindAllSubmatch(picture, -1) {
		want = append(want, html.UnescapeString(regexp.MustCompile(`<[^>]*>`).ReplaceAllString(string(line[1]), "")))
	}
	if len(want) < 5 {
		t.Fatalf("docs/screenshots/validate.svg: %d lines of text", len(want))
	}
	world, err := lab.StartWorld(lab.WorldOptions{Now: time.Now()})
	if err != nil {
		t.Fatal(err)
	}
	defer world.Close()
	file, err := world.WriteConfig(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	_, target, _ := strings.Cut(strings.ReplaceAll(want[0], "'", ""), " validate ")
	var out bytes.Buffer
	args := []string{"validate", "--config.file=" + file, target}
	if code := run(t.Context(), hangups{}, args, &out, io.Discard); code != exitFailed {
		t.Errorf("validate %s: exit status %d", target, code)
	}
	plain := func(s string) string { return varies.ReplaceAllString(s, " ") }
	if got, want := plain(out.String()), plain(strings.Join(want[1:], "\n")); !strings.Contains(got, want) {
		t.Errorf("validate prints\n%s\nthe picture shows\n%s\nrun docs/screenshots/make.sh validate", got, want)
	}
}

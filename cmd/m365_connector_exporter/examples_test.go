package main

import (
	"bytes"
	"context"
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

// shown are the commands that documents show: lines of a block, and code between words.
var shown = regexp.MustCompile("(?m)^m365_connector_exporter\\b[^\n`]*|`m365_connector_exporter [^`]+`")

// instead is what stands in for the documents' placeholders.
var instead = strings.NewReplacer(
	"'TENANT/DIRECTION/CONNECTOR/PATH'", "contoso/outbound/To%20on-premises/mail.contoso.com", "'TENANT/DIRECTION/CONNECTOR'", "contoso/outbound/To%20on-premises",
	packagedConfig, "config.yaml", "NEW.pem", "certs/edge-1.pem", "new.pem", "certs/edge-1.pem",
	"ADDRESS", "198.51.100.10", "FILE", "certs/edge-1.pem", "SENDER", "a@contoso.com", "RECIPIENT", "b@stranger.example", "`", "",
)

// TestExampleCommands types every command of the documents beside the configuration of the README. None is bad usage; what each has to
// say of it is for other tests. No resolver answers: nothing leaves this host.
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
	t.Chdir(filepath.Dir(exampleFiles(t, []byte("probe: { dns_servers: ['127.0.0.1:1'], timeout: 1s }\n"+readme))))
	for command, document := range commands {
		t.Run(command, func(t *testing.T) { typeIn(t, document, strings.Fields(command)[1:]) })
	}
	if len(commands) < 10 {
		t.Errorf("%d commands: %v", len(commands), commands)
	}
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

// TestExampleMistakes: the mistakes that docs/configuration.md shows are told like that.
func TestExampleMistakes(t *testing.T) {
	page, err := os.ReadFile("../../docs/configuration.md")
	if err != nil {
		t.Fatal(err)
	}
	told := regexp.MustCompile("(?s)```text\n(.*?)```").FindSubmatch(page)
	if told == nil {
		t.Fatal("docs/configuration.md shows no mistakes")
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
	if code := run(t.Context(), hangups{}, []string{"--config.check", "--config.file=config.yaml"}, &out, &out); code != exitUsage {
		t.Errorf("exit code %d", code)
	}
	for line := range strings.Lines(string(told[1])) {
		if !strings.Contains(out.String(), line) {
			t.Errorf("not told: %sbut:\n%s", line, out.String())
		}
	}
}

// varies is what differs from run to run in what validate prints: ports, durations and the room for them.
var varies = regexp.MustCompile(`:\d{4,5}\]|[\d.]+(?:µs|ms|s)\b| +`)

// TestExampleValidate: what the README says that validate prints is what it prints in the embedded world.
func TestExampleValidate(t *testing.T) {
	page, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	want := regexp.MustCompile("(?s)```text\n(.*?)```").FindSubmatch(page)
	if want == nil {
		t.Fatal("README.md shows no output")
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
	var out bytes.Buffer
	if code := run(t.Context(), hangups{}, []string{"validate", "--config.file=" + file, "tailspin/Unknown%20recipient"}, &out, io.Discard); code != exitFailed {
		t.Errorf("exit code %d", code)
	}
	plain := func(s []byte) string { return varies.ReplaceAllString(string(s), " ") }
	if got := plain(out.Bytes()); !strings.Contains(got, plain(want[1])) {
		t.Errorf("validate prints\n%s\nREADME.md says\n%s", out.Bytes(), want[1])
	}
}

package deploy_test

import (
	"compress/gzip"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// builds is the folder of all sharedBuilds.
var builds string

func TestMain(m *testing.M) {
	var err error
	if builds, err = os.MkdirTemp("", "deploy-test"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	status := m.Run()
	_ = os.RemoveAll(builds)
	os.Exit(status)
}

// sharedBuild is a folder that the first test builds and others use.
type sharedBuild struct {
	sync.Mutex
	folder string
}

func (b *sharedBuild) get(t *testing.T, build func(folder string)) string {
	t.Helper()
	b.Lock()
	defer b.Unlock()
	if b.folder == "" {
		folder, err := os.MkdirTemp(builds, "") //nolint:usetesting // it outlives this test
		if err != nil {
			t.Fatal(err)
		}
		build(folder)
		b.folder = folder
	}
	return b.folder
}

var (
	builtProgram  sharedBuild
	builtVersions = map[string]*sharedBuild{"1.2.3": {}, "1.2.4": {}}
)

// program returns the file name of the exporter.
func program(t *testing.T) string {
	t.Helper()
	folder := builtProgram.get(t, func(folder string) {
		run(t, "go", "build", "-o", folder+"/", "../cmd/m365_connector_exporter")
	})
	return filepath.Join(folder, "m365_connector_exporter")
}

// builtPackages returns a folder with the deb and rpm of a version.
func builtPackages(t *testing.T, version string) string {
	t.Helper()
	return builtVersions[version].get(t, func(folder string) {
		run(t, "bash", "packages/build.sh", version, "amd64", folder)
	})
}

func TestPackages(t *testing.T) {
	t.Parallel()
	need(t, "nfpm")
	need(t, "dpkg-deb")
	dir := builtPackages(t, "1.2.3")
	if rpm := glob(t, dir+"/*.rpm"); !strings.HasSuffix(rpm[0], "/m365-connector-exporter-1.2.3-1.x86_64.rpm") {
		t.Errorf("rpm: %v", rpm)
	}
	root := t.TempDir()
	run(t, "dpkg-deb", "-x", dir+"/m365-connector-exporter_1.2.3_amd64.deb", root)
	version := run(t, root+"/usr/bin/m365_connector_exporter", "--version")
	if !strings.Contains(version, "version 1.2.3") {
		t.Errorf("version: %s", version)
	}
	run(t, root+"/usr/bin/m365_connector_exporter", "--config.check",
		"--config.file="+root+"/etc/m365_connector_exporter/config.yaml")
	run(t, "bash", "-n", root+"/usr/share/bash-completion/completions/m365_connector_exporter")
	man := gunzip(t, root+"/usr/share/man/man1/m365_connector_exporter.1.gz")
	if !strings.HasPrefix(man, `.TH m365_connector_exporter 1 "" "1.2.3"`) ||
		!strings.Contains(man, "\nm365_connector_exporter \\- Prometheus exporter for") ||
		!strings.Contains(man, `\fBvalidate`) || !strings.Contains(man, `.SH "FILES"`) {
		t.Errorf("man page: %.200s", man)
	}
	for _, path := range []string{
		"/usr/share/zsh/vendor-completions/_m365_connector_exporter",
		"/usr/share/fish/vendor_completions.d/m365_connector_exporter.fish",
		"/usr/lib/systemd/system/m365_connector_exporter.service",
		"/usr/lib/systemd/system/m365_connector_fetch.service", "/usr/lib/systemd/system/m365_connector_fetch.timer",
		"/usr/share/doc/m365-connector-exporter/copyright", "/usr/share/doc/m365-connector-exporter/changelog.gz",
		"/usr/share/doc/m365-connector-exporter/LICENCES-THIRD-PARTY.txt",
		"/usr/share/doc/m365-connector-exporter/Export-M365Connectors.ps1",
		"/usr/share/doc/m365-connector-exporter/prometheus/mailflow.yml",
		"/usr/share/doc/m365-connector-exporter/dashboards/m365-connectors-overview.json",
		"/usr/share/doc/m365-connector-exporter/runbooks/M365ConnectorDown.md",
		"/usr/share/doc/m365-connector-exporter/alertmanager.yml",
	} {
		if _, err := os.Stat(root + path); err != nil {
			t.Error(err)
		}
	}
}

// lintian finds no error and no warning in the deb.
func TestLintian(t *testing.T) {
	t.Parallel()
	need(t, "nfpm")
	deb := glob(t, builtPackages(t, "1.2.3")+"/*.deb")[0]
	out := run(t, "lintian", "--no-cfg", "--allow-root", "--fail-on=error,warning", deb)
	if strings.Contains(out, "E: ") || strings.Contains(out, "W: ") {
		t.Error(out)
	}
}

// An upgrade and a removal keep the administrator's configuration and the state. A purge deletes the state and
// config.yaml, and keeps other files beside it.
func TestDebKeepsConfigurationAndState(t *testing.T) {
	t.Parallel()
	if os.Getuid() != 0 {
		t.Skip("dpkg needs root")
	}
	need(t, "nfpm")
	const (
		config  = "/etc/m365_connector_exporter/config.yaml"
		exports = "/etc/m365_connector_exporter/exports/contoso/o.json"
		state   = "/var/lib/private/m365_connector_exporter/state"
		binary  = "/usr/bin/m365_connector_exporter"
		doc     = "/usr/share/doc/m365-connector-exporter"
	)
	i := installation{t, t.TempDir()}
	i.make("/var/lib/dpkg/status", "")
	dpkg := func(args ...string) {
		t.Helper()
		flags := []string{
			"--root=" + i.root, "--force-script-chrootless", "--force-depends", "--force-confold", "--no-triggers",
		}
		run(t, "dpkg", append(flags, args...)...)
	}
	dpkg("-i", glob(t, builtPackages(t, "1.2.3")+"/*.deb")[0])
	for _, file := range []string{config, exports, state} {
		i.make(file, "mine\n")
	}
	dpkg("-i", glob(t, builtPackages(t, "1.2.4")+"/*.deb")[0])
	if version := run(t, i.root+binary, "--version"); !strings.Contains(version, "version 1.2.4") {
		t.Errorf("after the upgrade: %s", version)
	}
	i.has("upgrade", map[string]string{config: "mine\n", exports: "mine\n", state: "mine\n"})
	dpkg("-r", "m365-connector-exporter")
	i.has("removal", map[string]string{config: "mine\n", exports: "mine\n", state: "mine\n", binary: ""})
	dpkg("--purge", "m365-connector-exporter")
	i.has("purge", map[string]string{config: "", exports: "mine\n", state: "", doc: ""})
}

// An upgrade of the rpm keeps the configuration, and puts the new one beside it. Scripts do not run here.
func TestRPMKeepsConfiguration(t *testing.T) {
	t.Parallel()
	if os.Getuid() != 0 {
		t.Skip("rpm needs root")
	}
	need(t, "nfpm")
	const config = "/etc/m365_connector_exporter/config.yaml"
	i := installation{t, t.TempDir()}
	rpm := func(args ...string) {
		t.Helper()
		run(t, "rpm", append([]string{"--root=" + i.root, "--nodeps", "--noscripts"}, args...)...)
	}
	rpm("--ignorearch", "-i", glob(t, builtPackages(t, "1.2.3")+"/*.rpm")[0])
	i.make(config, "mine\n")
	rpm("--ignorearch", "-U", glob(t, builtPackages(t, "1.2.4")+"/*.rpm")[0])
	i.has("upgrade", map[string]string{config: "mine\n"})
	rpm("-e", "m365-connector-exporter")
	i.has("removal", map[string]string{config + ".rpmsave": "mine\n", "/usr/bin/m365_connector_exporter": ""})
}

// installation is a root folder for a package manager.
type installation struct {
	t    *testing.T
	root string
}

func (i installation) make(file, text string) {
	i.t.Helper()
	path := filepath.Join(i.root, file)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		i.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		i.t.Fatal(err)
	}
}

// has fails the test for a file that has another text, or that exists although its text is "".
func (i installation) has(after string, files map[string]string) {
	i.t.Helper()
	for file, want := range files {
		path := filepath.Join(i.root, file)
		if want == "" {
			if _, err := os.Lstat(path); err == nil {
				i.t.Errorf("after the %s, %s is still there", after, file)
			}
			continue
		}
		if text, err := os.ReadFile(path); err != nil || string(text) != want {
			i.t.Errorf("after the %s, %s has the text %q (%v), want %q", after, file, text, err, want)
		}
	}
}

func gunzip(t *testing.T, path string) string {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

package deploy_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestCompletion verifies the completions of real shells.
func TestCompletion(t *testing.T) {
	t.Parallel()
	const name = "m365_connector_exporter"
	dir := t.TempDir()
	// the shells run the program by its name
	environment := []string{"PATH=" + filepath.Dir(program(t)) + ":" + os.Getenv("PATH"), "HOME=" + dir}
	in := func(t *testing.T, args ...string) string {
		t.Helper()
		return run(t, "env", append(environment, args...)...)
	}
	for path, script := range map[string]string{
		"bash":     run(t, program(t), "--completion-script-bash"),
		"_" + name: read(t, "packages/completion.zsh"),
	} {
		if err := os.WriteFile(filepath.Join(dir, path), []byte(script), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	ask := map[string]func(t *testing.T, line string) string{
		"bash": func(t *testing.T, line string) string {
			t.Helper()
			const script = `source "$0"; read -ra COMP_WORDS <<<"$1"; COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
				_m365_connector_exporter_bash_autocomplete; printf '%s' "${COMPREPLY[*]}"`
			return in(t, "bash", "--norc", "-c", script, dir+"/bash", line)
		},
		"zsh": func(t *testing.T, line string) string {
			t.Helper()
			typed := strings.TrimSpace(in(t, "zsh", "-f", "testdata/complete.zsh", dir, line))
			return typed[strings.LastIndex(typed, " ")+1:]
		},
		"fish": func(t *testing.T, line string) string {
			t.Helper()
			return in(t, "fish", "--no-config", "-c", `source $argv[1]; complete -C $argv[2]`, "packages/completion.fish", line)
		},
	}
	for shell, complete := range ask {
		t.Run(shell, func(t *testing.T) {
			need(t, shell)
			for line, want := range map[string]string{
				"val":                              "validate",
				"--log.level debug dem":            "demo",
				"--config.f":                       "--config.file",
				"validate --unt":                   "--until",
				"validate --until reci":            "recipient",
				"--log.level debug serve --web.ro": "--web.route-prefix",
				"audit --fail-on=info --output j":  "json",
			} {
				if got := strings.TrimSpace(complete(t, name+" "+line)); got != want {
					t.Errorf("%s: %q, want %q", line, got, want)
				}
			}
		})
	}
}

func TestUnit(t *testing.T) {
	folder := t.TempDir()
	for _, name := range []string{
		"m365_connector_exporter.service", "m365_connector_fetch.service", "m365_connector_fetch.timer",
	} {
		unit := strings.ReplaceAll(read(t, "systemd/"+name), "/usr/bin/m365_connector_exporter", "/bin/true")
		if err := os.WriteFile(filepath.Join(folder, name), []byte(unit), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, path := range glob(t, filepath.Join(folder, "*")) {
		if out := run(t, "systemd-analyze", "verify", "--man=no", path); out != "" {
			t.Errorf("verify %s: %s", filepath.Base(path), out)
		}
		if strings.HasSuffix(path, ".service") {
			run(t, "systemd-analyze", "security", "--offline=true", "--threshold=15", path) // 1.5 of 10
		}
	}
}

func TestShellScripts(t *testing.T) {
	for _, path := range append(glob(t, "*/*.sh"), "tools.sh", "../docs/screenshots/make.sh") {
		if out, err := exec.Command(need(t, "bash"), "-n", path).CombinedOutput(); err != nil {
			t.Errorf("%s: %s", path, out)
		}
	}
}

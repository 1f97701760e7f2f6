package deploy_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"
)

// actionlint accepts the workflows, and every action is pinned to a commit.
func TestWorkflows(t *testing.T) {
	files := glob(t, "../.github/workflows/*.yml")
	uses := regexp.MustCompile(`uses: (\S+)`)
	commit := regexp.MustCompile(`^[a-z0-9-]+/[a-z0-9-]+@[0-9a-f]{40}$`)
	script := regexp.MustCompile(`(?:\.ci|deploy)/[a-z/]+\.?[a-z]*|make ([a-z]+)`)
	makefile := read(t, "../Makefile")
	for _, file := range files {
		text := read(t, file)
		for _, m := range uses.FindAllStringSubmatch(text, -1) {
			if !commit.MatchString(m[1]) {
				t.Errorf("%s: the action %s is not pinned to a commit", file, m[1])
			}
		}
		for _, m := range script.FindAllStringSubmatch(text, -1) {
			if _, err := os.Stat("../" + m[0]); m[1] == "" && err != nil {
				t.Errorf("%s: %v", file, err)
			}
			if m[1] != "" && !strings.Contains(makefile, "\n"+m[1]+":") {
				t.Errorf("%s: Makefile has no target %s", file, m[1])
			}
		}
	}
	run(t, "actionlint", append([]string{"-shellcheck=", "-pyflakes="}, files...)...)
}

// The packages that the release workflow and .ci/run install contain the tools of a release.
func TestReleasePackagesAreInstalled(t *testing.T) {
	for _, file := range []string{"../.github/workflows/release.yml", "../.ci/run", "../CONTRIBUTING.md"} {
		text := read(t, file)
		for _, name := range []string{"zip", "wixl", "msitools", "faketime"} {
			if !regexp.MustCompile(`\b` + name + `\b`).MatchString(text) {
				t.Errorf("%s does not install %s", file, name)
			}
		}
	}
}

// Issue forms have the keys that GitHub requires, and ask for no secrets.
func TestIssueForms(t *testing.T) {
	type form struct {
		Name, Description string
		Labels            []string
		Body              []struct {
			Type, ID   string
			Attributes struct {
				Label, Value, Description, Render string
			}
			Validations struct{ Required bool }
		}
	}
	for _, file := range glob(t, "../.github/ISSUE_TEMPLATE/*.yml") {
		if filepath.Base(file) == "config.yml" {
			continue
		}
		var f form
		decoder := yaml.NewDecoder(strings.NewReader(read(t, file)))
		decoder.KnownFields(true)
		if err := decoder.Decode(&f); err != nil {
			t.Errorf("%s: %v", file, err)
		}
		if f.Name == "" || f.Description == "" || len(f.Body) == 0 {
			t.Errorf("%s: %+v", file, f)
		}
		var ids []string
		for _, item := range f.Body {
			switch item.Type {
			case "markdown":
				if item.Attributes.Value == "" {
					t.Errorf("%s: an empty text", file)
				}
			case "textarea", "input":
				if item.ID == "" || item.Attributes.Label == "" || slices.Contains(ids, item.ID) {
					t.Errorf("%s: %+v", file, item)
				}
				ids = append(ids, item.ID)
			default:
				t.Errorf("%s: type %q", file, item.Type)
			}
		}
	}
}

// Dependabot watches every module, and the ecosystems of this repository.
func TestDependabot(t *testing.T) {
	var config struct {
		Updates []struct {
			Ecosystem   string `yaml:"package-ecosystem"`
			Directory   string
			Directories []string
		}
	}
	if err := yaml.Unmarshal([]byte(read(t, "../.github/dependabot.yml")), &config); err != nil {
		t.Fatal(err)
	}
	watched := map[string][]string{}
	for _, u := range config.Updates {
		watched[u.Ecosystem] = append(u.Directories, u.Directory)
	}
	for _, module := range append(glob(t, "testdata/*/go.mod"), "../go.mod") {
		folder := filepath.ToSlash(filepath.Clean(filepath.Join("/deploy", filepath.Dir(module))))
		if !slices.Contains(watched["gomod"], folder) {
			t.Errorf("Dependabot does not watch the module in %s", folder)
		}
	}
	for ecosystem, folder := range map[string]string{
		"docker": "/", "docker-compose": "/deploy/compose", "github-actions": "/",
	} {
		if !slices.Contains(watched[ecosystem], folder) {
			t.Errorf("Dependabot does not watch %s in %s", ecosystem, folder)
		}
	}
}

// The base image has a digest, and the workflows use the same version of Go.
func TestBaseImage(t *testing.T) {
	from := regexp.MustCompile(`FROM --platform=\$BUILDPLATFORM docker\.io/library/golang:` +
		`(1\.\d+\.\d+)@sha256:[0-9a-f]{64} AS build`)
	m := from.FindStringSubmatch(read(t, "../Dockerfile"))
	if m == nil {
		t.Fatal("the base image has no version and digest")
	}
	for _, file := range glob(t, "../.github/workflows/*.yml") {
		for _, image := range regexp.MustCompile(`golang:([^\s}]+)`).FindAllStringSubmatch(read(t, file), -1) {
			if image[1] != m[1]+"-bookworm" {
				t.Errorf("%s uses Go %s, and the Dockerfile %s", file, image[1], m[1])
			}
		}
	}
}

func TestReleaseNotes(t *testing.T) {
	changelog := filepath.Join(t.TempDir(), "CHANGELOG.md")
	text := "# Changelog\n\n## Unreleased\n\n- Next.\n\n## 1.2.3 (2027-01-31)\n\n### Added\n\n- A check.\n\n" +
		"## 1.2.2 (2027-01-01)\n\n- Old.\n"
	if err := os.WriteFile(changelog, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	for version, want := range map[string]string{
		"1.2.3": "### Added\n\n- A check.\n", "1.2.2": "- Old.\n",
		"1.2.3-rc1": "### Added\n\n- A check.\n", "1.3.0-rc1": "- Next.\n",
	} {
		if got := run(t, "bash", "packages/notes.sh", version, changelog); got != want {
			t.Errorf("%s: %q, want %q", version, got, want)
		}
	}
}

//go:build e2e

package e2e

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
)

// Environment variables of the process that runs tests.
const (
	namespaced = "E2E_NAMESPACED" // set in new namespaces
	programVar = "E2E_PROGRAM"    // file name of the binary under test
)

// TestMain builds the binary and runs each test in a process and namespaces of its own, several side by side. Where the
// kernel does not allow namespaces (a container without CAP_SYS_ADMIN), all tests run in this process, one after
// another, and only one run at a time is possible.
func TestMain(m *testing.M) {
	flag.Parse()
	if args := flag.Args(); len(args) > 0 && roles[args[0]] != nil {
		exitOn(args[0], roles[args[0]](args[1:]))
		os.Exit(0)
	}
	if flag.Lookup("test.list").Value.String() != "" {
		os.Exit(m.Run())
	}
	if os.Geteuid() != 0 {
		fmt.Fprintln(os.Stderr, "the suite starts mail servers and must run as root")
		os.Exit(1)
	}
	if os.Getenv(namespaced) != "" {
		exitOn("namespaces", prepareNamespaces())
		os.Exit(m.Run())
	}
	dir, err := os.MkdirTemp("", "e2e-program-")
	exitOn("the binary", err)
	exitOn("the binary", buildProgram(filepath.Join(dir, "m365_connector_exporter")))
	passed, err := runTests()
	if errors.Is(err, syscall.EPERM) {
		fmt.Fprintln(os.Stderr, "no namespaces: do not start a second run at the same time")
		passed, err = m.Run() == 0, nil
	}
	_ = os.RemoveAll(dir)
	exitOn("tests", err)
	if !passed {
		os.Exit(1)
	}
}

// exitOn ends this process if err is not nil.
func exitOn(what string, err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, what+":", err)
		os.Exit(1)
	}
}

// buildProgram builds the binary that all tests run.
func buildProgram(file string) error {
	if out, err := exec.Command("go", "build", "-o", file, "..").CombinedOutput(); err != nil {
		return fmt.Errorf("go build: %w\n%s", err, out)
	}
	return os.Setenv(programVar, file)
}

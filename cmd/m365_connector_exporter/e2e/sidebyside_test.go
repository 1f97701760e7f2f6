//go:build e2e

package e2e

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
)

// sideBySide is the number of tests that run at once: most wait for intervals and time limits.
const sideBySide = 4

// longest are the tests that start first, so that none of them is left at the end.
var longest = []string{"TestManyPathsAtRest", "TestAlerts", "TestSoak", "TestResolverCutOff", "TestFaults"}

// alone are tests that measure latency, or compare the CPU time of programs. They run after the others, one by one.
var alone = []string{
	"TestComparison", "TestCostOfDANEAndMTASTS", "TestHostileTenant", "TestOneTenantDoesNotDelayAnother",
}

// runTests runs the tests that the flags select and reports whether all have passed. The error is that of the first
// process, EPERM where namespaces are not allowed.
func runTests() (passed bool, err error) {
	started := time.Now()
	names, err := selectedTests()
	if err != nil {
		return false, err
	}
	passed = true
	var mu sync.Mutex // of the output and the results
	run := func(name string) {
		var output bytes.Buffer // of one test, written in one piece
		ok, failure := runTest(name, started, &output)
		mu.Lock()
		defer mu.Unlock()
		_, _ = output.WriteTo(os.Stdout)
		passed = passed && ok
		err = errors.Join(err, failure)
	}
	if len(names) == 1 {
		return runTest(names[0], started, os.Stdout)
	}
	queue := make(chan string)
	var lanes sync.WaitGroup
	for range sideBySide {
		lanes.Go(func() {
			for name := range queue {
				run(name)
			}
		})
	}
	for _, name := range names {
		if !slices.Contains(alone, name) {
			queue <- name
		}
	}
	close(queue)
	lanes.Wait()
	for _, name := range names {
		if slices.Contains(alone, name) {
			run(name)
		}
	}
	return passed, err
}

// selectedTests returns the arguments of -test.run for one process each: a test, or a pattern that selects subtests.
func selectedTests() ([]string, error) {
	pattern := flag.Lookup("test.run").Value.String()
	if strings.Contains(pattern, "/") {
		return []string{pattern}, nil
	}
	if pattern == "" {
		pattern = "."
	}
	out, err := exec.Command("/proc/self/exe", "-test.list="+pattern).Output()
	if err != nil {
		return nil, fmt.Errorf("list of tests: %w", err)
	}
	names := strings.Fields(string(out))
	if len(names) == 0 {
		return nil, fmt.Errorf("no test matches %q", pattern)
	}
	slices.SortStableFunc(names, func(a, b string) int { return startOrder(a) - startOrder(b) })
	return names, nil
}

// startOrder returns the position of a test in longest, or a higher one for all others.
func startOrder(name string) int {
	if i := slices.Index(longest, name); i >= 0 {
		return i
	}
	return len(longest)
}

// runTest runs this program again for one test, in new network, mount and process namespaces. There, only loopback is
// reachable, every port is free, the fixed path of OpenSMTPD's control socket is private, and leftover processes end
// with the test.
func runTest(name string, started time.Time, output io.Writer) (passed bool, err error) {
	runtime.LockOSThread() // Pdeathsig: the child dies with the thread that started it
	defer runtime.UnlockOSThread()
	if !strings.Contains(name, "/") {
		name = "^" + regexp.QuoteMeta(name) + "$"
	}
	args := append(slices.Clone(os.Args[1:]), "-test.run="+name)
	if limit := flag.Lookup("test.timeout").Value.(flag.Getter).Get().(time.Duration); limit > 0 {
		left := max(limit-time.Since(started), time.Second) // zero or less would be no limit
		args = append(args, "-test.timeout="+left.String())
	}
	cmd := exec.Command("/proc/self/exe", args...) // the test timeout ends it
	cmd.Env = append(os.Environ(), namespaced+"=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags: syscall.CLONE_NEWNET | syscall.CLONE_NEWNS | syscall.CLONE_NEWPID,
		Pdeathsig:  syscall.SIGKILL,
	}
	cmd.Stdout, cmd.Stderr = output, output
	err = cmd.Run()
	if _, ok := errors.AsType[*exec.ExitError](err); ok {
		return false, nil
	}
	return err == nil, err
}

//go:build e2e

package e2e

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// patience is the time limit for a server to start or to stop.
const patience = 20 * time.Second

// process is a server in the foreground. Its output is printed when the test fails.
type process struct {
	t    testing.TB
	cmd  *exec.Cmd
	out  output
	done chan struct{} // closed when it has ended
}

// start runs a program until the test ends. It is then stopped by SIGTERM, and by SIGKILL after a time limit.
func start(t testing.TB, program string, args ...string) *process {
	t.Helper()
	p := &process{t: t, cmd: exec.Command(program, args...), done: make(chan struct{})} // ended by stop
	p.cmd.Stdout, p.cmd.Stderr = &p.out, &p.out
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := p.cmd.Start(); err != nil {
		t.Fatalf("%s: %v", program, err)
	}
	go func() {
		_ = p.cmd.Wait() // its state is read by stop
		close(p.done)
	}()
	t.Cleanup(func() {
		p.stop()
		if t.Failed() {
			t.Logf("%s:\n%s", program, p.out.String())
		}
	})
	return p
}

// stop stops the process and returns its exit code, or -1 if a signal ended it. It may be called again.
func (p *process) stop() int {
	_ = p.cmd.Process.Signal(syscall.SIGTERM) // it may have ended already
	select {
	case <-p.done:
	case <-time.After(patience):
		_ = syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL)
		<-p.done
	}
	return p.cmd.ProcessState.ExitCode()
}

// kill ends the process by SIGKILL, which leaves it no time to clean up.
func (p *process) kill() {
	p.t.Helper()
	if err := p.cmd.Process.Kill(); err != nil {
		p.t.Fatal(err)
	}
	<-p.done
}

// output is a buffer that a process writes and a test reads.
type output struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.Write(b)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.String()
}

// run runs a program in dir, waits for it, and fails the test if it fails.
func run(t testing.TB, dir, program string, args ...string) string {
	t.Helper()
	return runWithin(t, 2*time.Minute, dir, program, args...)
}

func runWithin(t testing.TB, limit time.Duration, dir, program string, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Dir = dir
	cmd.WaitDelay = 10 * time.Second // a daemon that it started may keep the pipe open
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s %q: %v\n%s", program, args, err, out)
	}
	return string(out)
}

// listens returns when the process accepts connections at addr. If the process ends instead, the test fails.
func (p *process) listens(addr string) {
	p.t.Helper()
	awaitListener(p.t, addr, p.done)
}

// awaitListener returns when connections to addr are accepted. It fails the test when ended is closed or after a time
// limit; ended may be nil.
func awaitListener(t testing.TB, addr string, ended <-chan struct{}) {
	t.Helper()
	limit := time.After(patience)
	for {
		conn, err := (&net.Dialer{Timeout: time.Second}).Dial("tcp", addr)
		if err == nil {
			_ = conn.Close()
			return
		}
		select {
		case <-ended:
			t.Fatalf("the server has exited: %v", err)
		case <-limit:
			t.Fatalf("nothing listens: %v", err)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// lastPort is the last port that freePort has returned. The first is above those of services, and all are below
// ip_local_port_range, from which the kernel takes the ports of connections and of listeners that name none.
var lastPort atomic.Int32

const firstPort, portEnd = 10240, 32768

// freePort returns a TCP port that is free at every address. No other call in this process returns it, so it stays
// free until the program for which it is meant listens.
func freePort(t testing.TB) int {
	t.Helper()
	for {
		port := firstPort + int(lastPort.Add(1))
		if port >= portEnd {
			t.Fatal("no free port")
		}
		if l, err := net.Listen("tcp4", fmt.Sprintf(":%d", port)); err == nil { // all of 127.0.0.0/8 must be free
			_ = l.Close()
			return port
		}
	}
}

func writeFile(t testing.TB, name, text string, mode os.FileMode) {
	t.Helper()
	if err := os.WriteFile(name, []byte(text), mode); err != nil {
		t.Fatal(err)
	}
}

func read(t testing.TB, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// server is one listening mail server: its name in DNS is NAME.contoso.test.
type server struct {
	name string
	addr string // 127.0.1.N, one per server, so that a fault at one address does not delay the others
	port int
}

func (s server) host() string   { return s.name + "." + zone }
func (s server) listen() string { return net.JoinHostPort(s.addr, strconv.Itoa(s.port)) }

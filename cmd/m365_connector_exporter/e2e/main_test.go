//go:build e2e

package e2e

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"unsafe"
)

// namespaced marks the process that runs the tests, inside namespaces of its own.
const namespaced = "E2E_ENCLOSED"

// TestMain runs the tests again in network, mount and process namespaces of their own. There, only loopback can be
// reached, every port is free, OpenSMTPD's control socket, of which a machine has one, belongs to this run, and
// whatever a test leaves behind ends with it. Where the kernel does not allow that (a container without
// CAP_SYS_ADMIN), the tests share the machine, and only one run at a time is possible.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && roles[os.Args[1]] != nil {
		if err := roles[os.Args[1]](os.Args[2:]); err != nil {
			fmt.Fprintln(os.Stderr, os.Args[1], err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	if os.Geteuid() != 0 {
		fmt.Fprintln(os.Stderr, "the suite starts mail servers and must run as root")
		os.Exit(1)
	}
	if os.Getenv(namespaced) == "" {
		code, err := runInNamespaces()
		if err == nil {
			os.Exit(code)
		}
		if !errors.Is(err, syscall.EPERM) {
			fmt.Fprintln(os.Stderr, "namespaces:", err)
			os.Exit(1)
		}
		fmt.Fprintln(os.Stderr, "no namespaces here: no second run may go on at the same time")
	} else if err := prepareNamespaces(); err != nil {
		fmt.Fprintln(os.Stderr, "namespaces:", err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// runInNamespaces runs this program again in new namespaces and returns its exit code.
func runInNamespaces() (int, error) {
	runtime.LockOSThread()                                // the child dies with the thread that made it
	cmd := exec.Command("/proc/self/exe", os.Args[1:]...) // the test timeout ends it
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.Env = append(os.Environ(), namespaced+"=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags: syscall.CLONE_NEWNET | syscall.CLONE_NEWNS | syscall.CLONE_NEWPID,
		Pdeathsig:  syscall.SIGKILL,
	}
	err := cmd.Run()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return max(exit.ExitCode(), 1), nil
	}
	return 0, err
}

// logQueue is how many messages may wait in a datagram socket of the namespace. With the kernel's 10, Postfix's
// master blocks on the log socket that it alone can start a reader for, and the instance never answers. systemd sets
// 512 on every host for the same reason.
const logQueue = "/proc/sys/net/unix/max_dgram_qlen"

// prepareNamespaces brings loopback up and gives this run the folders that servers share by a fixed name.
func prepareNamespaces() error {
	if err := setLoopback(true); err != nil {
		return err
	}
	if err := privateMounts(); err != nil {
		return fmt.Errorf("private mounts: %w", err)
	}
	if err := syscall.Mount("proc", "/proc", "proc", 0, ""); err != nil {
		return fmt.Errorf("/proc: %w", err)
	}
	if err := os.WriteFile(logQueue, []byte("512"), 0o644); err != nil {
		return err
	}
	for dir, mode := range map[string]string{"/run": "755", "/var/spool/smtpd": "711", "/etc/exim4": "755"} {
		if err := os.MkdirAll(dir, 0o711); err != nil {
			return err
		}
		if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "mode="+mode); err != nil {
			return fmt.Errorf("%s: %w", dir, err)
		}
	}
	return nil
}

// privateMounts separates this namespace's mounts from those of the machine. Only a mount point can be made private,
// and inside a chroot "/" often is not one: then it is the namespace's own root, which a process finds above a folder
// that it has made its root.
func privateMounts() error {
	err := syscall.Mount("", "/", "", syscall.MS_REC|syscall.MS_PRIVATE, "")
	if !errors.Is(err, syscall.EINVAL) {
		return err
	}
	root, err := os.Open("/")
	if err != nil {
		return err
	}
	defer func() { _ = root.Close() }()
	here, err := os.Open(".")
	if err != nil {
		return err
	}
	defer func() { _ = here.Close() }()
	if err := errors.Join(syscall.Chroot("/proc"), root.Chdir(), syscall.Chdir(strings.Repeat("../", 64))); err != nil {
		return err
	}
	err = syscall.Mount("", ".", "", syscall.MS_REC|syscall.MS_PRIVATE, "")
	return errors.Join(err, root.Chdir(), syscall.Chroot("."), here.Chdir())
}

// setLoopback does what `ip link set lo up` does, or down, netdevice(7).
func setLoopback(up bool) error {
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_DGRAM, 0)
	if err != nil {
		return err
	}
	defer func() { _ = syscall.Close(fd) }()
	request := struct {
		name  [syscall.IFNAMSIZ]byte
		flags uint16
		_     [22]byte
	}{}
	if up {
		request.flags = syscall.IFF_UP
	}
	copy(request.name[:], "lo")
	_, _, errno := syscall.Syscall(syscall.SYS_IOCTL, uintptr(fd), syscall.SIOCSIFFLAGS,
		uintptr(unsafe.Pointer(&request)))
	if errno != 0 {
		return fmt.Errorf("loopback: %w", errno)
	}
	return nil
}

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

// namespaced is an environment variable that marks the process in the new namespaces, which runs the tests.
const namespaced = "E2E_NAMESPACED"

// TestMain runs this program again in new network, mount and process namespaces. There, only loopback is reachable,
// every port is free, the fixed path of OpenSMTPD's control socket is private, and leftover processes end with the run.
// Where the kernel does not allow namespaces (a container without CAP_SYS_ADMIN), the tests use those of the machine,
// and only one run at a time is possible.
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
		fmt.Fprintln(os.Stderr, "no namespaces: do not start a second run at the same time")
	} else if err := prepareNamespaces(); err != nil {
		fmt.Fprintln(os.Stderr, "namespaces:", err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// runInNamespaces runs this program again in new namespaces and returns its exit code.
func runInNamespaces() (int, error) {
	runtime.LockOSThread()                                // Pdeathsig: the child dies with the thread that started it
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

// logQueue limits the messages that wait in a datagram socket of the namespace. With the kernel's default of 10, the
// Postfix master process blocks on the log socket before it has started postlogd, its reader, and Postfix never
// responds. systemd sets 512 for the same reason.
const logQueue = "/proc/sys/net/unix/max_dgram_qlen"

// prepareNamespaces brings loopback up and mounts private directories where servers use a fixed path.
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

// privateMounts separates the mounts of this namespace from those of the machine. Only a mount point can be made
// private, and inside a chroot "/" often is not a mount point. In this case the root of the namespace is made private;
// it is reached by a chroot to a subdirectory and ".." from outside of it.
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

// setLoopback sets the loopback interface up or down, as `ip link set lo up` description: netdevice(7).
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

//go:build e2e

package e2e

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"
	"unsafe"
)

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

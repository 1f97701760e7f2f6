//go:build unix

package daemon

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
)

// checkOwner returns an error if root would write files into the folder of another user: a daemon that runs as that
// user could not read them.
func checkOwner(file string) error {
	info, err := os.Stat(filepath.Dir(file))
	if err != nil {
		return err //nolint:wrapcheck // it names the folder
	}
	s, ok := info.Sys().(*syscall.Stat_t)
	if uid := os.Geteuid(); !ok || uid != 0 || s.Uid == 0 {
		return nil
	}
	owner := "#" + strconv.Itoa(int(s.Uid))
	return fmt.Errorf("%s belongs to the user of the daemon: start the daemon, or use sudo -u '%s'",
		filepath.Dir(file), owner)
}

package inventory

import (
	"os"
	"syscall"
	"time"
)

// changeTime returns when the file's content or its attributes last changed (st_ctime), and whether the system says so.
func changeTime(info os.FileInfo) (at time.Time, known bool) {
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return time.Time{}, false
	}
	return time.Unix(stat.Ctim.Unix()), true
}

package inventory

import (
	"os"
	"syscall"
	"time"
)

// changeTime returns when the content or the attributes of the file last changed (st_ctime), and whether that is known.
func changeTime(info os.FileInfo) (at time.Time, known bool) {
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return time.Time{}, false
	}
	return time.Unix(stat.Ctim.Unix()), true
}

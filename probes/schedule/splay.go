package schedule

import (
	"hash/fnv"
	"time"

	"m365_connector_exporter/probes"
)

// First rounds are spread over a short time, so that the pages soon show results. Later rounds are spread over a longer
// time, so that thousands of paths do not queue at the limiter in every interval.
const (
	minSplay   = 10 * time.Second
	firstShare = 10 * time.Millisecond // per path, of the time that first rounds are spread over
	laterShare = 20 * time.Millisecond // per path, of the time that later rounds are spread over
)

// splay returns the delay of the first round of a path, and by how much the second round comes earlier than an interval
// after it. together is the number of paths that start together. First rounds start within half an interval, before any
// first failure is confirmed, because by then it must be known whether any path can connect. The result depends only on
// the arguments.
func splay(p probes.Path, interval time.Duration, together int) (first, advance time.Duration) {
	window := min(interval/2, max(minSplay, time.Duration(together)*firstShare))
	later := max(window, min(interval, time.Duration(together)*laterShare))
	position := float64(hash(p.ID)>>11) / (1 << 53) // 0 to 1
	return time.Duration(position * float64(window)), time.Duration((1 - position) * float64(later-window))
}

func hash(id probes.PathID) uint64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte(id.String()))
	sum := h.Sum64()
	sum ^= sum >> 33 // FNV alone gives similar names similar values
	sum *= 0xff51afd7ed558ccd
	return sum ^ sum>>33
}

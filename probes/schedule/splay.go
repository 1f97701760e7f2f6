package schedule

import (
	"hash/fnv"
	"time"

	"m365_connector_exporter/probes"
)

// First rounds are spread so that pages fill soon, and later ones farther: thousands that come at once, interval after interval,
// would wait for each other at the limiter, each with its memory.
const (
	minSplay   = 10 * time.Second
	firstShare = 10 * time.Millisecond // of each path that starts, in the time that first rounds are spread over
	laterShare = 20 * time.Millisecond // the same of later rounds
)

// splay spreads the rounds of a path that starts together with others: first is the wait before its first round, and its second
// comes early by that much. First rounds begin within half the interval, before any first failure is repeated: until then this host's
// place in the network cannot be judged. It is always the same for the same path among as many.
func splay(p probes.Path, interval time.Duration, together int) (first, early time.Duration) {
	window := min(interval/2, max(minSplay, time.Duration(together)*firstShare))
	later := max(window, min(interval, time.Duration(together)*laterShare))
	place := float64(spread(p.ID)>>11) / (1 << 53) // 0 to 1
	return time.Duration(place * float64(window)), time.Duration((1 - place) * float64(later-window))
}

func spread(id probes.PathID) uint64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte(id.String()))
	sum := h.Sum64()
	sum ^= sum >> 33 // FNV alone leaves similar names close together
	sum *= 0xff51afd7ed558ccd
	return sum ^ sum>>33
}

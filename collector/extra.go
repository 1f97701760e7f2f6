package collector

import "sync"

// maxExtra is the most labels that a series has beside its group's identity.
const maxExtra = 5

// extras are the label values that many series share: of a dozen stages and verdicts, thousands of endpoints have each.
var extras = sharedExtras{known: map[[maxExtra]string]*[]string{}}

type sharedExtras struct {
	mu    sync.Mutex
	known map[[maxExtra]string]*[]string
}

// of is the first n words, where they are known.
func (s *sharedExtras) of(words [maxExtra]string, n int) *[]string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if known, ok := s.known[words]; ok && len(*known) == n {
		return known
	}
	own := append(make([]string, 0, n), words[:n]...)
	if n < maxExtra { // what names a certificate is its own
		remember(s.known, words, &own)
	}
	return &own
}

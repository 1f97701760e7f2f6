package schedule

import (
	"container/list"
	"context"
	"sync"
)

// line is a first-come, first-served queue for a limited number of places. Its limit may change at any time. Every field is
// guarded by the mutex of its owner, which the methods expect held, except enter, which takes it.
type line struct {
	limit, held int
	waiting     list.List // of chan struct{}, closed on admission
}

// enter waits for a place and returns the context's error when ctx ends first; then no place is held.
func (l *line) enter(ctx context.Context, mu *sync.Mutex) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	mu.Lock()
	if l.held < l.limit && l.waiting.Len() == 0 {
		l.held++
		mu.Unlock()
		return nil
	}
	ticket := make(chan struct{})
	place := l.waiting.PushBack(ticket)
	mu.Unlock()
	select {
	case <-ticket:
		return nil
	case <-ctx.Done():
	}
	mu.Lock()
	defer mu.Unlock()
	select {
	case <-ticket: // admitted at the very moment ctx ended: the place goes to the next
		l.leave()
	default:
		l.waiting.Remove(place)
	}
	return ctx.Err()
}

func (l *line) leave() {
	l.held--
	l.admit()
}

func (l *line) setLimit(n int) {
	l.limit = n
	l.admit()
}

func (l *line) admit() {
	for l.held < l.limit && l.waiting.Len() > 0 {
		l.held++
		close(l.waiting.Remove(l.waiting.Front()).(chan struct{}))
	}
}

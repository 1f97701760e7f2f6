package schedule

import (
	"container/list"
	"context"
	"sync"
)

// fifoSemaphore is a first-come, first-served queue for a limited number of places. Its limit may change at any time. Every field is
// guarded by the mutex of its owner, which the methods expect held, except acquire, which takes it.
type fifoSemaphore struct {
	limit, held int
	waiters     list.List // of chan struct{}, closed on admission
}

// acquire waits for a place and returns the context's error when ctx ends first; then no place is held.
func (s *fifoSemaphore) acquire(ctx context.Context, mu *sync.Mutex) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	mu.Lock()
	if s.held < s.limit && s.waiters.Len() == 0 {
		s.held++
		mu.Unlock()
		return nil
	}
	ticket := make(chan struct{})
	place := s.waiters.PushBack(ticket)
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
		s.release()
	default:
		s.waiters.Remove(place)
	}
	return ctx.Err()
}

func (s *fifoSemaphore) release() {
	s.held--
	s.admit()
}

func (s *fifoSemaphore) setLimit(n int) {
	s.limit = n
	s.admit()
}

func (s *fifoSemaphore) admit() {
	for s.held < s.limit && s.waiters.Len() > 0 {
		s.held++
		close(s.waiters.Remove(s.waiters.Front()).(chan struct{}))
	}
}

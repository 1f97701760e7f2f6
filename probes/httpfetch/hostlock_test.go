package httpfetch

import (
	"context"
	"net/netip"
	"testing"
)

func TestOneConnectionAtATimeToOneAddress(t *testing.T) {
	locks := newHostLocks()
	here, there := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.2")
	unlock, err := locks.lock(t.Context(), here)
	if err != nil {
		t.Fatal(err)
	}
	other, err := locks.lock(t.Context(), there)
	if err != nil {
		t.Fatal("another address waits too")
	}
	other()
	late, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := locks.lock(late, here); err == nil {
		t.Error("two connections to one address")
	}
	next := make(chan error)
	go func() {
		unlock, err := locks.lock(t.Context(), here)
		if err == nil {
			unlock()
		}
		next <- err
	}()
	unlock()
	unlock() // twice does no harm
	if err := <-next; err != nil {
		t.Error(err)
	}
	if len(locks.held) != 0 {
		t.Errorf("%d locks are held", len(locks.held))
	}
}

package schedule_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"net/netip"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"m365_connector_exporter/probes/schedule"
)

func host(n byte) netip.Addr { return netip.AddrFrom4([4]byte{192, 0, 2, n}) }

// acquire acquires a connection or fails the test.
func acquire(t *testing.T, g *schedule.Limiter, addr netip.Addr) func(bool) {
	t.Helper()
	release, err := g.Acquire(t.Context(), "contoso", addr)
	if err != nil {
		t.Fatal(err)
	}
	return release
}

func TestLimiterKeepsTheGap(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := schedule.NewLimiter(schedule.LimiterOptions{MaxConcurrent: 10, MaxPerAddress: 3, MinGap: time.Second})
		begun := time.Now()
		var mu sync.Mutex
		var group sync.WaitGroup
		var order []int
		var starts []time.Duration
		for i := range 5 {
			group.Go(func() {
				release := acquire(t, g, host(1))
				mu.Lock()
				order, starts = append(order, i), append(starts, time.Since(begun))
				mu.Unlock()
				time.Sleep(5 * time.Second)
				release(false)
			})
			synctest.Wait()
		}
		group.Wait()
		s := time.Second
		if diff := cmp.Diff([]int{0, 1, 2, 3, 4}, order); diff != "" {
			t.Error(diff)
		}
		if diff := cmp.Diff([]time.Duration{0, s, 2 * s, 5 * s, 6 * s}, starts); diff != "" {
			t.Error(diff)
		}
	})
}

// TestLimiterServesTenantsInTurn queues callers while the only slot is taken, in the order given, and reads the order
// of admission.
func TestLimiterServesTenantsInTurn(t *testing.T) {
	type caller struct {
		tenant string
		addr   byte
	}
	for name, c := range map[string]struct {
		queued, want []caller
	}{
		"one tenant, one address": {
			[]caller{{"a", 1}, {"a", 1}, {"a", 1}},
			[]caller{{"a", 1}, {"a", 1}, {"a", 1}},
		},
		"one address": {
			[]caller{{"a", 1}, {"a", 1}, {"a", 1}, {"b", 1}, {"c", 1}, {"b", 1}},
			[]caller{{"a", 1}, {"b", 1}, {"c", 1}, {"a", 1}, {"b", 1}, {"a", 1}},
		},
		"all addresses": {
			[]caller{{"a", 1}, {"a", 2}, {"a", 3}, {"b", 4}, {"c", 5}, {"b", 6}},
			[]caller{{"a", 1}, {"b", 4}, {"c", 5}, {"a", 2}, {"b", 6}, {"a", 3}},
		},
		"a tenant's addresses in turn": {
			[]caller{{"a", 1}, {"a", 1}, {"a", 1}, {"a", 2}},
			[]caller{{"a", 1}, {"a", 2}, {"a", 1}, {"a", 1}},
		},
		"b names address 1, where it is a's turn": {
			[]caller{{"b", 2}, {"a", 3}, {"b", 2}, {"a", 1}, {"b", 1}, {"a", 3}},
			[]caller{{"b", 2}, {"a", 3}, {"a", 1}, {"b", 2}, {"a", 3}, {"b", 1}},
		},
	} {
		synctest.Test(t, func(t *testing.T) {
			l := schedule.NewLimiter(schedule.LimiterOptions{MaxConcurrent: 1})
			first, err := l.Acquire(t.Context(), "first", host(9))
			if err != nil {
				t.Fatal(err)
			}
			var group sync.WaitGroup
			var got []caller
			for _, q := range c.queued {
				group.Go(func() {
					release, err := l.Acquire(t.Context(), q.tenant, host(q.addr))
					if err != nil {
						t.Error(err)
						return
					}
					got = append(got, q) // one at a time
					release(false)
				})
				synctest.Wait()
			}
			first(false)
			group.Wait()
			if diff := cmp.Diff(c.want, got, cmp.AllowUnexported(caller{})); diff != "" {
				t.Errorf("%s:\n%s", name, diff)
			}
		})
	}
}

func TestLimiterWaiterAtAnAddressHoldsNoSlot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := schedule.NewLimiter(schedule.LimiterOptions{MaxConcurrent: 1, MinGap: time.Hour})
		acquire(t, g, host(1))(false)
		var group sync.WaitGroup
		group.Go(func() { acquire(t, g, host(1))(false) })
		synctest.Wait()
		begun := time.Now()
		acquire(t, g, host(2))(false)
		if waited := time.Since(begun); waited != 0 {
			t.Errorf("another address waited %s", waited)
		}
		group.Wait()
	})
}

func TestLimiterBackOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := schedule.NewLimiter(schedule.LimiterOptions{})
		for i, c := range []struct {
			throttled bool
			want      time.Duration // waited before
		}{
			{true, 0},
			{true, 1 * time.Minute},
			{true, 2 * time.Minute},
			{true, 4 * time.Minute},
			{true, 8 * time.Minute},
			{true, 15 * time.Minute},
			{false, 15 * time.Minute},
			{true, 0},
			{false, time.Minute},
			{false, 0},
		} {
			begun := time.Now()
			release := acquire(t, g, host(1))
			if waited := time.Since(begun); waited != c.want {
				t.Errorf("%d: waited %s, want %s", i, waited, c.want)
			}
			release(c.throttled)
			release(true) // a second call does nothing
		}
		if got := g.Throttled(); got != 7 {
			t.Errorf("throttled %d", got)
		}
	})
}

func TestLimiterWaitEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := schedule.NewLimiter(schedule.LimiterOptions{MaxConcurrent: 1})
		release := acquire(t, g, host(1))
		for _, addr := range []netip.Addr{host(1), host(2)} { // waits for the address, waits for a slot
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			if _, err := g.Acquire(ctx, "contoso", addr); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("%s: %v", addr, err)
			}
			cancel()
		}
		release(true)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := g.Acquire(ctx, "contoso", host(1)); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("in the back-off: %v", err)
		}
		acquire(t, g, host(2))(false) // no slot was lost
		if got := g.InFlight(); got != 0 {
			t.Errorf("in flight %d", got)
		}
	})
}

func TestLimiterSetOptionsAdmitsWaiters(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := schedule.NewLimiter(schedule.LimiterOptions{MaxConcurrent: 1, MaxPerAddress: 1})
		first := acquire(t, g, host(1))
		var group sync.WaitGroup
		group.Go(func() { acquire(t, g, netip.AddrFrom16(host(1).As16()))(false) })
		synctest.Wait()
		g.SetOptions(schedule.LimiterOptions{MaxConcurrent: 2, MaxPerAddress: 2})
		group.Wait()
		first(false)
	})
}

// TestLimiterInvariants lets many callers wait for random times and checks every limit at every start.
func TestLimiterInvariants(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const all, each, gap = 6, 2, 100 * time.Millisecond
		g := schedule.NewLimiter(schedule.LimiterOptions{MaxConcurrent: all, MaxPerAddress: each, MinGap: gap})
		var mu sync.Mutex
		var group sync.WaitGroup
		inside, total, last := map[netip.Addr]int{}, 0, map[netip.Addr]time.Time{}
		random := rand.New(rand.NewPCG(1, 2))
		for range 2000 {
			addr, stay := host(byte(random.IntN(8))), time.Duration(random.IntN(1000))*time.Millisecond
			patience, throttled := time.Duration(random.IntN(600))*time.Second, random.IntN(50) == 0
			group.Go(func() {
				ctx, cancel := context.WithTimeout(t.Context(), patience)
				defer cancel()
				release, err := g.Acquire(ctx, "contoso", addr)
				if err != nil {
					return
				}
				mu.Lock()
				inside[addr]++
				total++
				since := time.Since(last[addr])
				if inside[addr] > each || total > all || !last[addr].IsZero() && since < gap {
					t.Errorf("%s: %d here, %d in total, %s since the last", addr, inside[addr], total, since)
				}
				last[addr] = time.Now()
				mu.Unlock()
				time.Sleep(stay)
				mu.Lock()
				inside[addr]--
				total--
				mu.Unlock()
				release(throttled)
			})
		}
		group.Wait()
		if got := g.InFlight(); got != 0 {
			t.Errorf("in flight %d", got)
		}
	})
}

// TestLimiterKeepsASlotForATenantWhoseTurnComes: all slots are freed at the same moment, and other servers of the
// tenant with many connections wait for them. The other tenant, whose turn at a shared address comes after the gap,
// does not wait until slots are freed again.
func TestLimiterKeepsASlotForATenantWhoseTurnComes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := schedule.NewLimiter(schedule.LimiterOptions{MaxConcurrent: 4, MinGap: time.Second})
		var group sync.WaitGroup
		connect := func(tenant string, n byte, length time.Duration) {
			group.Go(func() {
				release, err := l.Acquire(t.Context(), tenant, host(n))
				if err != nil {
					t.Error(err)
					return
				}
				time.Sleep(length)
				release(false)
			})
			synctest.Wait()
		}
		for n := range byte(8) { // four are open for a minute, four wait for their slots
			connect("large", 10+n, time.Minute)
		}
		connect("large", 1, 0) // its turn is first at the shared address
		begun := time.Now()
		release, err := l.Acquire(t.Context(), "small", host(1))
		if err != nil {
			t.Fatal(err)
		}
		release(false)
		if waited := time.Since(begun); waited != time.Minute+time.Second {
			t.Errorf("admitted after %v, want when the slots are freed and the gap has passed", waited)
		}
		group.Wait()
	})
}

package schedule

import "container/list"

// roundRobin is a queue that serves its tenants in turn, and the items of each tenant oldest first. However many items
// one tenant has, another tenant waits for at most one of them before its own next item. An item can be queued once per
// tenant.
//
// The mutex of its owner guards it. The zero value is an empty queue.
type roundRobin[T comparable] struct {
	turns   list.List // of *tenantQueue[T], the next one to be served first
	tenants map[string]*list.Element
}

type tenantQueue[T comparable] struct {
	tenant string
	items  list.List // of T, oldest first
	places map[T]*list.Element
}

// add queues an item of a tenant, unless it is queued already. A tenant without other items is served last.
func (q *roundRobin[T]) add(tenant string, item T) {
	turn := q.tenants[tenant]
	if turn == nil {
		if q.tenants == nil {
			q.tenants = map[string]*list.Element{}
		}
		turn = q.turns.PushBack(&tenantQueue[T]{tenant: tenant, places: map[T]*list.Element{}})
		q.tenants[tenant] = turn
	}
	own := turn.Value.(*tenantQueue[T])
	if own.places[item] == nil {
		own.places[item] = own.items.PushBack(item)
	}
}

// remove drops an item of a tenant, if it is queued, and the tenant's turn with its last item.
func (q *roundRobin[T]) remove(tenant string, item T) {
	turn := q.tenants[tenant]
	if turn == nil {
		return
	}
	own := turn.Value.(*tenantQueue[T])
	if place := own.places[item]; place != nil {
		own.items.Remove(place)
		delete(own.places, item)
	}
	if own.items.Len() == 0 {
		q.turns.Remove(turn)
		delete(q.tenants, tenant)
	}
}

// next returns the oldest item of the tenant whose turn it is, without removing it. ok is false if the queue is empty.
func (q *roundRobin[T]) next() (tenant string, item T, ok bool) {
	turn := q.turns.Front()
	if turn == nil {
		return "", item, false
	}
	own := turn.Value.(*tenantQueue[T])
	return own.tenant, own.items.Front().Value.(T), true
}

// lightest returns the oldest item of the tenant with the smallest weight; among several, of the one whose turn is
// first. Weights must not be negative.
func (q *roundRobin[T]) lightest(weight func(tenant string) int) (tenant string, item T, ok bool) {
	var best *tenantQueue[T]
	least := 0
	for turn := q.turns.Front(); turn != nil; turn = turn.Next() {
		own := turn.Value.(*tenantQueue[T])
		if w := weight(own.tenant); best == nil || w < least {
			best, least = own, w
		}
		if least == 0 {
			break
		}
	}
	if best == nil {
		return "", item, false
	}
	return best.tenant, best.items.Front().Value.(T), true
}

// served ends the turn of a tenant: it is served again after all others.
func (q *roundRobin[T]) served(tenant string) {
	if turn := q.tenants[tenant]; turn != nil {
		q.turns.MoveToBack(turn)
	}
}

// empty reports whether no tenant has items.
func (q *roundRobin[T]) empty() bool { return q.turns.Len() == 0 }

// has reports whether a tenant has items.
func (q *roundRobin[T]) has(tenant string) bool { return q.tenants[tenant] != nil }

// names returns the tenants that have items, in the order of their turns.
func (q *roundRobin[T]) names() []string {
	names := make([]string, 0, q.turns.Len())
	for turn := q.turns.Front(); turn != nil; turn = turn.Next() {
		names = append(names, turn.Value.(*tenantQueue[T]).tenant)
	}
	return names
}

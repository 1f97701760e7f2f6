package mailflow

import (
	"cmp"
	"slices"
	"strings"
)

// usage is one place where a tenant uses a key: an address, a certificate or a name.
type usage struct {
	OverlapPeer
	key    string
	covers bool // includes all keys that begin with this one
	tenant int
}

// overlapTree is a node of the tree of keys: its children are the keys that it covers. The root has no usages and
// covers everything.
type overlapTree struct {
	usages   []usage // of one key, by tenant
	first    firstUsages
	children []*overlapTree
}

// build sorts the usages and nests every key in the longest key that covers it.
func build(usages []usage) *overlapTree {
	slices.SortStableFunc(usages, func(a, b usage) int {
		return cmp.Or(strings.Compare(a.key, b.key), toInt(b.covers)-toInt(a.covers), a.tenant-b.tenant)
	})
	root := &overlapTree{}
	path := []*overlapTree{root} // from the root to the newest node
	for start := 0; start < len(usages); {
		end := start + 1
		for end < len(usages) && usages[end].key == usages[start].key && usages[end].covers == usages[start].covers {
			end++
		}
		for !path[len(path)-1].includes(usages[start].key) {
			path = path[:len(path)-1]
		}
		parent, node := path[len(path)-1], &overlapTree{usages: usages[start:end]}
		for u := range node.tenants {
			node.first.add(u)
		}
		parent.children = append(parent.children, node)
		path = append(path, node)
		start = end
	}
	return root
}

// includes reports whether the node covers a key.
func (t *overlapTree) includes(key string) bool {
	return len(t.usages) == 0 || t.usages[0].covers && strings.HasPrefix(key, t.usages[0].key)
}

// tenants yields the first usage of each tenant at the node.
func (t *overlapTree) tenants(yield func(usage) bool) {
	for i, u := range t.usages {
		if (i == 0 || u.tenant != t.usages[i-1].tenant) && !yield(u) {
			return
		}
	}
}

// firstUsages are usages of different tenants, at most one more than an [Overlap] lists.
type firstUsages []usage

func (f *firstUsages) add(u usage) {
	if !f.full() && f.index(u.tenant) < 0 {
		*f = append(*f, u)
	}
}

func (f firstUsages) full() bool { return len(f) > MaxOthers }

func (f firstUsages) index(tenant int) int {
	return slices.IndexFunc(f, func(u usage) bool { return u.tenant == tenant })
}

// tenantSet is a set of tenants, with a usage of each of the first few.
type tenantSet struct {
	all   map[int]bool
	first firstUsages
}

func (s *tenantSet) add(u usage) {
	if s.all == nil {
		s.all = map[int]bool{}
	}
	s.all[u.tenant] = true
	s.first.add(u)
}

// merge adds the tenants of another set. It moves the smaller set into the larger one, so that all merges of a tree
// with n usages move at most n log n tenants.
func (s *tenantSet) merge(other tenantSet) {
	if len(s.all) < len(other.all) {
		s.all, other.all = other.all, s.all
	}
	for tenant := range other.all {
		s.all[tenant] = true
	}
	for _, u := range other.first {
		s.first.add(u)
	}
}

// overlapWalk visits the nodes of a tree and collects the overlaps of one kind.
type overlapWalk struct {
	kind     OverlapKind
	path     []*overlapTree // from the root to the node being visited
	uses     []int          // of each tenant, how many nodes of the path it uses
	distinct int            // tenants that use a node of the path
	found    []Overlap
}

// visit returns the tenants that use the node or one below it, but none above it.
func (w *overlapWalk) visit(node *overlapTree) tenantSet {
	w.path = append(w.path, node)
	for u := range node.tenants {
		if w.uses[u.tenant]++; w.uses[u.tenant] == 1 {
			w.distinct++
		}
	}
	var below tenantSet
	for _, child := range node.children {
		below.merge(w.visit(child))
	}
	w.report(node, below)
	var here tenantSet
	for u := range node.tenants {
		if w.uses[u.tenant]--; w.uses[u.tenant] == 0 {
			w.distinct--
			here.add(u)
		}
	}
	w.path = w.path[:len(w.path)-1]
	here.merge(below)
	return here
}

// report adds an overlap for each usage of the node, if other tenants use it, a node above or one below.
func (w *overlapWalk) report(node *overlapTree, below tenantSet) {
	count := w.distinct + len(below.all)
	if count < 2 {
		return
	}
	near := w.nearest(below)
	all := make([]OverlapPeer, len(near)) // shared by the tenants that are not among them
	for i, u := range near {
		all[i] = u.OverlapPeer
	}
	var others []OverlapPeer
	for i, u := range node.usages {
		if i == 0 || u.tenant != node.usages[i-1].tenant {
			others = all[:min(len(all), MaxOthers)]
			if own := near.index(u.tenant); own >= 0 {
				others = slices.Delete(slices.Clone(all), own, own+1)
			}
		}
		w.found = append(w.found, Overlap{
			Kind: w.kind, Tenant: u.Tenant, Connector: u.Connector, Sender: u.Sender, Value: u.Value,
			Others: others, Count: count - 1,
		})
	}
}

// nearest lists usages at the node being visited, then those above, then those below.
func (w *overlapWalk) nearest(below tenantSet) firstUsages {
	var near firstUsages
	for i := len(w.path) - 1; i >= 0 && !near.full(); i-- {
		for _, u := range w.path[i].first {
			near.add(u)
		}
	}
	for _, u := range below.first {
		near.add(u)
	}
	return near
}

package mailflow

import (
	"cmp"
	"slices"
	"strings"
)

// claim is one thing that somebody has.
type claim struct {
	key         string
	covers      bool // also the keys that begin with this one
	owner       int  // the tenant
	OverlapPeer      // what is said of it
}

// node holds the claims to one key. Nodes stand in preorder: what a node covers follows it, up to end.
type node struct {
	claims []claim       // by owner
	heads  []OverlapPeer // the first claim of each owner, at most MaxOthers+1
	owners []int         // each once
	up     int           // the nearest node that covers this one; -1 none
	end    int           // behind the last node that this one covers
	tops   int           // owners that have nothing above
	others int           // owners in this node, above and below
}

// overlapsOf compares the claims of one kind.
func overlapsOf(kind OverlapKind, claims []claim, tenants int) []Overlap {
	nodes := plant(claims)
	count(nodes, tenants)
	var all []Overlap
	for i := range nodes {
		if nodes[i].others < 2 {
			continue
		}
		near := neighbours(nodes, i)
		for _, c := range nodes[i].claims {
			all = append(all, Overlap{
				Kind: kind, Tenant: c.Tenant, Connector: c.Connector, Sender: c.Sender, Value: c.Value,
				Others: near.without(c.owner), Count: nodes[i].others - 1,
			})
		}
	}
	return all
}

// plant sorts the claims into nodes and finds what covers what.
func plant(claims []claim) []node {
	slices.SortStableFunc(claims, func(a, b claim) int {
		return cmp.Or(strings.Compare(a.key, b.key), truth(b.covers)-truth(a.covers), a.owner-b.owner)
	})
	var nodes []node
	var open []int // the nodes that cover the current one, outermost first
	for start := 0; start < len(claims); {
		end := start + 1
		for end < len(claims) && claims[end].key == claims[start].key && claims[end].covers == claims[start].covers {
			end++
		}
		n := newNode(claims[start:end])
		for len(open) > 0 && !covers(nodes[open[len(open)-1]].claims[0], claims[start]) {
			nodes[open[len(open)-1]].end = len(nodes)
			open = open[:len(open)-1]
		}
		if len(open) > 0 {
			n.up = open[len(open)-1]
		}
		open = append(open, len(nodes))
		nodes = append(nodes, n)
		start = end
	}
	for _, i := range open {
		nodes[i].end = len(nodes)
	}
	return nodes
}

func covers(a, b claim) bool { return a.covers && strings.HasPrefix(b.key, a.key) }

func newNode(claims []claim) node {
	n := node{claims: claims, up: -1}
	for i, c := range claims {
		if i > 0 && c.owner == claims[i-1].owner {
			continue
		}
		n.owners = append(n.owners, c.owner)
		if len(n.heads) <= MaxOthers {
			n.heads = append(n.heads, c.OverlapPeer)
		}
	}
	return n
}

// count finds how many owners each node has in itself, above and below, each once. Above: those on the way down. Below, and not
// above: the owners of topmost claims, which have none of their owner's above; two of one owner count once where they first meet.
func count(nodes []node, tenants int) {
	onPath := make([]int, tenants)
	last := make([]int, tenants) // node of the owner's last topmost claim, plus one
	below := make([]int, len(nodes))
	distinct := 0
	var open []int
	for i := range nodes {
		for len(open) > 0 && nodes[open[len(open)-1]].end <= i {
			for _, owner := range nodes[open[len(open)-1]].owners {
				if onPath[owner]--; onPath[owner] == 0 {
					distinct--
				}
			}
			open = open[:len(open)-1]
		}
		open = append(open, i)
		for _, owner := range nodes[i].owners {
			if onPath[owner]++; onPath[owner] > 1 {
				continue
			}
			distinct++
			nodes[i].tops++
			below[i]++
			if meet := meeting(nodes, last[owner]-1, i); meet >= 0 {
				below[meet]--
			}
			last[owner] = i + 1
		}
		nodes[i].others = distinct
	}
	for i := len(nodes) - 1; i >= 0; i-- {
		if nodes[i].up >= 0 {
			below[nodes[i].up] += below[i]
		}
		nodes[i].others += below[i] - nodes[i].tops
	}
}

// meeting is the nearest node above b that covers a too; -1 where none does.
func meeting(nodes []node, a, b int) int {
	if a < 0 {
		return -1
	}
	for up := nodes[b].up; up >= 0; up = nodes[up].up {
		if up <= a && a < nodes[up].end {
			return up
		}
	}
	return -1
}

// nearby are others, one an owner.
type nearby struct {
	owners []int
	others []OverlapPeer
}

// neighbours lists a claim of each owner around a node, at most one more than is told: its own, those above, those below.
func neighbours(nodes []node, i int) nearby {
	var near nearby
	for up := i; up >= 0; up = nodes[up].up {
		near.add(&nodes[up])
	}
	for down := i + 1; down < nodes[i].end && len(near.owners) <= MaxOthers; down++ {
		near.add(&nodes[down])
	}
	return near
}

func (near *nearby) add(n *node) {
	for k, head := range n.heads {
		if len(near.owners) <= MaxOthers && !slices.Contains(near.owners, n.owners[k]) {
			near.owners = append(near.owners, n.owners[k])
			near.others = append(near.others, head)
		}
	}
}

// without leaves out one owner. The result is shared between overlaps and must not be changed.
func (near nearby) without(owner int) []OverlapPeer {
	at := slices.Index(near.owners, owner)
	if at < 0 {
		return near.others[:min(len(near.others), MaxOthers)]
	}
	others := make([]OverlapPeer, 0, len(near.others)-1)
	return append(append(others, near.others[:at]...), near.others[at+1:]...)
}

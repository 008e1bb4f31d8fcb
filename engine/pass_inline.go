package engine

import (
	"fmt"

	"github.com/gomlx/compute"
)

// A rewriter builds a new list of nodes out of recorded ones, keeping each distinct computation once.
type rewriter struct {
	nodes []*node
	seen  map[string]*node
}

// optimise returns a copy of f in which calls are replaced by what they call, unless a kernel stands for the
// callee; equal nodes are one, what simplifies is simpler, and what nobody needs is gone. The parameters of the
// copy are those of f and then its captures.
func optimise(f *function) *function {
	r := &rewriter{seen: map[string]*node{}}
	result := &function{name: f.name}
	became := map[value]value{}
	for _, list := range [][]*node{f.params, f.captures} {
		for _, p := range list {
			n := &node{op: compute.OpTypeParameter, shapes: p.shapes, attr: p.attr}
			r.nodes = append(r.nodes, n)
			result.params = append(result.params, n)
			became[value{p, 0}] = value{n, 0}
		}
	}
	result.outputs = r.copy(f, became)
	result.nodes = live(result.params, r.nodes, result.outputs)
	for i, n := range result.nodes {
		n.id, n.fn = i, result
	}
	return result
}

// copy adds the nodes of f to r, and returns what the outputs of f became. became says what parameters and
// captures of f are.
func (r *rewriter) copy(f *function, became map[value]value) []value {
	get := func(v value) value {
		w, ok := became[v]
		if !ok {
			panic(fmt.Sprintf("engine: function %q uses %s before it is made", f.name, v.op))
		}
		return w
	}
	for _, n := range f.nodes {
		if _, given := became[value{n, 0}]; given {
			continue
		}
		in := make([]value, len(n.in))
		for i, v := range n.in {
			in[i] = get(v)
		}
		for i, out := range r.rewrite(n, in) {
			became[value{n, i}] = out
		}
	}
	outputs := make([]value, len(f.outputs))
	for i, v := range f.outputs {
		outputs[i] = get(v)
	}
	return outputs
}

// rewrite adds what the node n does, on other inputs, and returns its outputs.
func (r *rewriter) rewrite(n *node, in []value) []value {
	if n.op == compute.OpTypeCall {
		if callee := n.attr.(callAttr).fn; !hasKernel(&node{attr: n.attr, in: in}) {
			became := map[value]value{}
			for i, p := range callee.params {
				became[value{p, 0}] = in[i]
			}
			return r.copy(callee, became)
		}
	}
	if outputs, ok := r.decompose(n, in); ok {
		return outputs
	}
	if len(n.shapes) == 1 {
		if v, ok := r.simplify(n, in); ok {
			return []value{v}
		}
	}
	m := r.add(n, in)
	outputs := make([]value, len(m.shapes))
	for i := range outputs {
		outputs[i] = value{m, i}
	}
	return outputs
}

// add appends a copy of n with other inputs, or finds the equal node that is there.
func (r *rewriter) add(n *node, in []value) *node {
	m := &node{op: n.op, in: in, attr: n.attr, shapes: n.shapes, replay: n.replay}
	key := r.key(m)
	if key != "" {
		if old := r.seen[key]; old != nil {
			return old
		}
		r.seen[key] = m
	}
	m.id = len(r.nodes)
	r.nodes = append(r.nodes, m)
	return m
}

// key is the same for nodes that compute the same, and empty for those that are never merged.
func (r *rewriter) key(n *node) string {
	switch a := n.attr.(type) {
	case whileAttr, ifAttr, sortAttr, callAttr, paramAttr, captureAttr:
		return ""
	case constAttr:
		if len(a.mem) > 4096 {
			return ""
		}
		return fmt.Sprint(n.op, n.shapes, string(a.mem))
	}
	b := fmt.Appendf(nil, "%d %v %v", n.op, n.shapes, n.attr)
	for _, v := range n.in {
		b = fmt.Appendf(b, " %p.%d", v.node, v.out)
	}
	return string(b)
}

// live returns the parameters, and the nodes that the outputs need, in order.
func live(params, nodes []*node, outputs []value) []*node {
	needed := map[*node]bool{}
	for _, p := range params {
		needed[p] = true
	}
	for _, v := range outputs {
		needed[v.node] = true
	}
	for i := len(nodes) - 1; i >= 0; i-- {
		if needed[nodes[i]] {
			for _, v := range nodes[i].in {
				needed[v.node] = true
			}
		}
	}
	var kept []*node
	for _, n := range nodes {
		if needed[n] {
			kept = append(kept, n)
		}
	}
	return kept
}

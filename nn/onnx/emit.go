package onnx

import (
	"fmt"
	"slices"
	"sort"

	"github.com/gomlx/compute/dtypes"

	"galen.dev/fault"
)

// dim is the size of an axis in the two recordings of a network, which differ in the batch alone.
type dim struct{ a, b int }

// The sizes of the batch in the two recordings: primes that no network's own sizes are likely to follow.
const (
	batchA = 5
	batchB = 7
)

func (d dim) fixed() bool { return d.a == d.b }
func (d dim) one() bool   { return d.a == 1 && d.b == 1 }

// perBatch is k where the size is k times the batch.
func (d dim) perBatch() (k int, ok bool) {
	k = d.a / batchA
	return k, !d.fixed() && k*batchA == d.a && k*batchB == d.b
}

func fixedDims(dims []int) []dim {
	out := make([]dim, len(dims))
	for i, d := range dims {
		out[i] = dim{d, d}
	}
	return out
}

// sizes are the dimensions where all are fixed.
func sizes(dims []dim) ([]int, bool) {
	out := make([]int, len(dims))
	for i, d := range dims {
		if !d.fixed() {
			return nil, false
		}
		out[i] = d.a
	}
	return out, true
}

// A tensor is a value in the file under construction, seen as the network sees it: its axis i is axis perm[i] of what
// is stored, and where that has size 1 and the network more, it is repeated. So changes of layout and broadcasts cost
// nothing until an operator needs them done, and pairs of them cancel.
type tensor struct {
	name   string // of what is stored; "" until a known array is used
	known  *array // what is stored, where it is known
	hint   string // names a known array
	dtype  dtypes.DType
	dims   []dim
	perm   []int
	stored []dim
	maker  *nodeProto // the product or convolution that made it and may take up what follows; else nil
}

// emitter turns recorded operations into operators of ONNX.
type emitter struct {
	graph    *graphProto
	names    map[string]bool
	arrays   map[*array]string
	moved    map[string]*tensor // what arranged and full made, by what and how
	findings []fault.Finding
	batch    string                    // the name of the batch's size, a tensor [1]; "" until used
	fixed    map[*operation]bool       // what depends on weights and constants alone
	twins    map[*operation]*operation // the same operation in the other recording
	counts   map[ref]int               // uses of each value
	shapesOf func(r ref) []dim
	input    *tensor // whose first axis is the batch
}

// unsupported notes an operation that cannot be written, and gives something to go on with.
func (e *emitter) unsupported(r ref, why string) *tensor {
	e.findings = append(e.findings, fault.Finding{
		Name: "no-operator", Severity: fault.Severe, Message: fmt.Sprintf("operation %d, %s: %s", r.id, r.kind, why),
	})
	return e.plainOf(r, "")
}

// unique makes a name of its own from a wish.
func (e *emitter) unique(wish string) string {
	name := wish
	for i := 2; e.names[name] || name == ""; i++ {
		name = fmt.Sprintf("%s_%d", wish, i)
	}
	e.names[name] = true
	return name
}

// add appends an operator and returns the names of its outputs.
func (e *emitter) add(op string, inputs []string, outputs int, attributes ...attribute) ([]string, *nodeProto) {
	n := &nodeProto{name: e.unique(op), op: op, inputs: inputs, attributes: attributes}
	for i := range outputs {
		wish := n.name
		if i > 0 {
			wish = fmt.Sprintf("%s_%d", n.name, i)
		}
		n.outputs = append(n.outputs, e.uniqueValue(wish))
	}
	e.graph.nodes = append(e.graph.nodes, n)
	return n.outputs, n
}

func (e *emitter) uniqueValue(wish string) string { return e.unique(wish + ":0") }

func (e *emitter) op(op string, inputs []string, attributes ...attribute) string {
	out, _ := e.add(op, inputs, 1, attributes...)
	return out[0]
}

func intAttr(name string, v int) attribute { return attribute{name: name, kind: kindInt, i: int64(v)} }

func intsAttr(name string, v []int) attribute {
	return attribute{name: name, kind: kindInts, ints: int64s(v)}
}

func floatAttr(name string, v float64) attribute {
	return attribute{name: name, kind: kindFloat, f: float32(v)}
}

func stringAttr(name, v string) attribute { return attribute{name: name, kind: kindString, s: v} }

// initialiser is the name of a known array in the file.
func (e *emitter) initialiser(a *array, hint string) string {
	if name, ok := e.arrays[a]; ok {
		return name
	}
	name := e.unique(hint)
	t, err := a.proto(name)
	if err != nil {
		e.findings = append(e.findings, fault.Finding{Name: "no-type", Severity: fault.Severe, Message: err.Error()})
		t = &tensorProto{name: name}
	}
	e.graph.initialisers = append(e.graph.initialisers, t)
	e.arrays[a] = name
	return name
}

// ints is the name of a list of integers, shared between its users.
func (e *emitter) ints(values ...int) string {
	key := fmt.Sprint("ints", values)
	if t := e.moved[key]; t != nil {
		return t.name
	}
	t := &tensor{name: e.initialiser(int64sArray(int64s(values), len(values)), "ints")}
	e.moved[key] = t
	return t.name
}

// storedName is the name of what is stored of t.
func (e *emitter) storedName(t *tensor) string {
	if t.name == "" {
		t.name = e.initialiser(t.known, t.hint)
	}
	return t.name
}

// plainOf is a tensor stored as the network sees it.
func (e *emitter) plainOf(r ref, name string) *tensor {
	dims := e.shapesOf(r)
	return &tensor{name: name, dtype: r.shape().DType, dims: dims, perm: sequence(len(dims)), stored: dims}
}

func knownTensor(a *array, hint string) *tensor {
	dims := fixedDims(a.dims)
	return &tensor{known: a, hint: hint, dtype: a.dtype, dims: dims, perm: sequence(len(dims)), stored: dims}
}

// arranged is t stored so that axis i is at perm[i].
func (e *emitter) arranged(t *tensor, perm []int) *tensor {
	if slices.Equal(t.perm, perm) {
		return t
	}
	// The axis that comes to stand at p.
	order := make([]int, len(perm))
	stored := make([]dim, len(perm))
	for i, p := range perm {
		order[p], stored[p] = t.perm[i], t.stored[t.perm[i]]
	}
	out := &tensor{hint: t.hint, dtype: t.dtype, dims: t.dims, perm: slices.Clone(perm), stored: stored}
	if t.known != nil {
		key := fmt.Sprintf("transposed %p %v", t.known, order)
		if old := e.moved[key]; old != nil {
			out.known = old.known
		} else {
			out.known = t.known.transposed(order)
			e.moved[key] = out
		}
		return out
	}
	key := fmt.Sprint(t.name, " transposed ", order)
	if old := e.moved[key]; old != nil {
		out.name = old.name
		return out
	}
	out.name = e.op("Transpose", []string{e.storedName(t)}, intsAttr("perm", order))
	e.moved[key] = out
	return out
}

// full is t arranged, and repeated where it was to be repeated.
func (e *emitter) full(t *tensor, perm []int) *tensor {
	t = e.arranged(t, perm)
	want := make([]dim, len(perm))
	for i, p := range perm {
		want[p] = t.dims[i]
	}
	if slices.Equal(want, t.stored) {
		return t
	}
	out := &tensor{hint: t.hint, dtype: t.dtype, dims: t.dims, perm: t.perm, stored: want}
	key := fmt.Sprint(e.storedName(t), " repeated ", want)
	if old := e.moved[key]; old != nil {
		out.name = old.name
		return out
	}
	out.name = e.op("Expand", []string{e.storedName(t), e.shapeOf(want)})
	e.moved[key] = out
	return out
}

// plain is the name of t stored as the network sees it.
func (e *emitter) plain(t *tensor) string { return e.storedName(e.full(t, sequence(len(t.dims)))) }

// shapeOf is the name of a shape, which may depend on the batch.
func (e *emitter) shapeOf(dims []dim) string {
	if fixed, ok := sizes(dims); ok {
		return e.ints(fixed...)
	}
	if e.batch == "" {
		e.batch = e.op("Shape", []string{e.input.name}, intAttr("end", 1), intAttr("start", 0))
	}
	var parts []string
	for _, d := range dims {
		part := e.batch
		if k, ok := d.perBatch(); !ok {
			part = e.ints(d.a)
		} else if k > 1 {
			part = e.op("Mul", []string{e.batch, e.ints(k)})
		}
		parts = append(parts, part)
	}
	return e.op("Concat", parts, intAttr("axis", 0))
}

// reshape gives t the dimensions dims.
func (e *emitter) reshape(t *tensor, dims []dim) *tensor {
	if slices.Equal(t.dims, dims) {
		return t
	}
	if out := e.reshapeWithin(t, dims); out != nil {
		return out
	}
	t = e.full(t, sequence(len(t.dims)))
	return e.restored(t, dims, sequence(len(dims)), dims)
}

// restored is t with its store in another shape.
func (e *emitter) restored(t *tensor, dims []dim, perm []int, stored []dim) *tensor {
	out := &tensor{hint: t.hint, dtype: t.dtype, dims: dims, perm: perm, stored: stored}
	switch {
	case slices.Equal(stored, t.stored):
		out.name, out.known = t.name, t.known
		return out
	case t.known != nil:
		fixed, _ := sizes(stored)
		key := fmt.Sprintf("reshaped %p %v", t.known, fixed)
		if e.moved[key] == nil {
			e.moved[key] = &tensor{known: t.known.reshaped(fixed...)}
		}
		out.known = e.moved[key].known
		return out
	}
	key := fmt.Sprint(t.name, " reshaped ", stored)
	if old := e.moved[key]; old != nil {
		out.name = old.name
		return out
	}
	// One size may be left to infer.
	target, open := make([]int, len(stored)), 0
	for i, d := range stored {
		target[i] = d.a
		if !d.fixed() {
			target[i] = -1
			open++
		}
	}
	shape := ""
	if open <= 1 {
		shape = e.ints(target...)
	} else {
		shape = e.shapeOf(stored)
	}
	out.name = e.op("Reshape", []string{e.storedName(t), shape})
	e.moved[key] = out
	return out
}

// block is a run of axes that a reshape turns into another of the same size.
type block struct{ in0, in1, out0, out1 int }

// blocks cuts a reshape into the smallest such runs; axes of size 1 that come or go are runs of their own.
func blocks(in, out []dim) ([]block, bool) {
	var cut []block
	for i, j := 0, 0; i < len(in) || j < len(out); {
		b := block{i, i, j, j}
		switch {
		case i < len(in) && j < len(out) && in[i] == out[j]:
			i, j = i+1, j+1
		case i < len(in) && in[i].one():
			i++
		case j < len(out) && out[j].one():
			j++
		default:
			p, q := dim{1, 1}, dim{1, 1}
			for p == (dim{1, 1}) || p != q {
				switch {
				case i < len(in) && (p.a <= q.a && p.b <= q.b || j == len(out)):
					p = dim{p.a * in[i].a, p.b * in[i].b}
					i++
				case j < len(out):
					q = dim{q.a * out[j].a, q.b * out[j].b}
					j++
				default:
					return nil, false
				}
			}
		}
		b.in1, b.out1 = i, j
		cut = append(cut, b)
	}
	return cut, true
}

// reshapeWithin reshapes what is stored without moving it, or returns nil where that cannot be.
func (e *emitter) reshapeWithin(t *tensor, dims []dim) *tensor {
	cut, ok := blocks(t.dims, dims)
	if !ok {
		return nil
	}
	// place orders blocks by where they are stored; an axis of size 1 that comes follows the block before it.
	place := make([]float64, len(cut))
	last := -1.0
	for k, b := range cut {
		for i := b.in0; i < b.in1; i++ {
			many := b.in1-b.in0 > 1 || b.out1-b.out0 != 1
			if i > b.in0 && t.perm[i] != t.perm[i-1]+1 || many && t.stored[t.perm[i]] != t.dims[i] {
				return nil
			}
		}
		if b.in1 > b.in0 {
			last = float64(t.perm[b.in0])
		} else {
			last += 1e-3
		}
		place[k] = last
	}
	order := sequence(len(cut))
	sort.SliceStable(order, func(i, j int) bool { return place[order[i]] < place[order[j]] })
	perm, stored := make([]int, len(dims)), make([]dim, 0, len(dims))
	for _, k := range order {
		b := cut[k]
		for j := b.out0; j < b.out1; j++ {
			perm[j] = len(stored)
			size := dims[j]
			if b.in1-b.in0 == 1 && b.out1-b.out0 == 1 {
				size = t.stored[t.perm[b.in0]]
			}
			stored = append(stored, size)
		}
	}
	return e.restored(t, dims, perm, stored)
}

// layout is the arrangement in which to compute on several tensors: that of the one with the most axes stored.
func layout(ts []*tensor, rank int) []int {
	best, most := sequence(rank), -1
	for _, t := range ts {
		if len(t.dims) != rank || t.known != nil {
			continue
		}
		n := 0
		for _, d := range t.stored {
			if !d.one() {
				n++
			}
		}
		if n > most {
			best, most = t.perm, n
		}
	}
	return best
}

// elementwise emits an operator that broadcasts.
func (e *emitter) elementwise(r ref, op string, ts ...*tensor) *tensor {
	rank := 0
	for _, t := range ts {
		rank = max(rank, len(t.dims))
	}
	perm := layout(ts, rank)
	stored := slices.Repeat([]dim{{1, 1}}, rank)
	names := make([]string, len(ts))
	for i, t := range ts {
		if len(t.dims) == rank {
			t = e.arranged(t, perm)
			for a, d := range t.stored {
				if !d.one() {
					stored[a] = d
				}
			}
		}
		names[i] = e.storedName(t)
	}
	return &tensor{name: e.op(op, names), dtype: r.shape().DType, dims: e.shapesOf(r), perm: perm, stored: stored}
}

// scalar is the one value of a known tensor.
func (t *tensor) scalar() (float64, bool) {
	if t.known == nil || product(t.known.dims) != 1 {
		return 0, false
	}
	return t.known.float64s()[0], true
}

func (e *emitter) float(v float32) *tensor {
	key := fmt.Sprint("float ", v)
	if e.moved[key] == nil {
		e.moved[key] = knownTensor(floatsArray([]float32{v}), "scalar")
	}
	return e.moved[key]
}

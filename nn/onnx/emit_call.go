package onnx

import (
	"slices"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"

	"galen.dev/engine/autodiff"
)

// call writes a named computation as one operator where ONNX has it, else as the operations of its body.
func (e *emitter) call(o *operation, in []*tensor) []*tensor {
	kind, attrs, ok := autodiff.Parse(o.name)
	if ok {
		if out := e.operator(kind, attrs, o, in); out != nil {
			return out
		}
	}
	values := map[ref]*tensor{}
	for i, p := range o.fn.params {
		t := *in[i]
		t.maker = nil
		values[ref{p, 0}] = &t
	}
	e.function(o.fn, values)
	out := make([]*tensor, len(o.fn.outputs))
	for i, r := range o.fn.outputs {
		if e.counts[ref{o, i}] > 0 {
			out[i] = values[r]
		}
	}
	return out
}

// operator is nil where a computation has no operator of its own.
func (e *emitter) operator(kind string, attrs []int, o *operation, in []*tensor) []*tensor {
	r := ref{o, 0}
	only := true // nothing but the first output is used
	for i := 1; i < len(o.shapes); i++ {
		only = only && e.counts[ref{o, i}] == 0
	}
	switch kind {
	case "softmax":
		x := e.full(in[0], in[0].perm)
		return []*tensor{e.along(x, e.op("Softmax", []string{e.storedName(x)}, intAttr("axis", x.perm[len(x.perm)-1])))}
	case "softplus":
		return []*tensor{e.elementwise(r, "Softplus", in[0])}
	case "leaky_relu":
		if slope, ok := factorOf(o.fn); ok {
			return []*tensor{e.along(in[0], e.op("LeakyRelu", []string{e.storedName(in[0])}, floatAttr("alpha", slope)))}
		}
	case "instance_norm":
		if epsilon, ok := epsilonOf(o.fn); ok && only {
			x := e.full(in[0], []int{0, 2, 1})
			return []*tensor{e.along(x, e.op("InstanceNormalization", []string{e.storedName(x), e.plain(in[1]), e.plain(in[2])}, floatAttr("epsilon", epsilon)))}
		}
	case "layer_norm":
		if epsilon, ok := epsilonOf(o.fn); ok && only {
			x := e.full(in[0], sequence(len(in[0].dims)))
			return []*tensor{e.along(x, e.op("LayerNormalization", []string{e.storedName(x), e.plain(in[1]), e.plain(in[2])}, intAttr("axis", -1), floatAttr("epsilon", epsilon)))}
		}
	case "rnn", "gru", "lstm":
		if len(attrs) == 2 {
			return e.recurrence(kind, attrs[0] == 1, attrs[1] == 1, o, in)
		}
	}
	return nil
}

// along is the result of an operator that keeps the layout of x.
func (e *emitter) along(x *tensor, name string) *tensor {
	return &tensor{name: name, dtype: x.dtype, dims: x.dims, perm: x.perm, stored: x.stored}
}

// constantOf follows a value to the constant that it repeats.
func constantOf(r ref) (float64, bool) {
	for r.kind == compute.OpTypeBroadcastInDim || r.kind == compute.OpTypeReshape || r.kind == compute.OpTypeConvertDType {
		r = r.in[0]
	}
	if r.kind != compute.OpTypeConstant {
		return 0, false
	}
	a := r.attr.(constantAttr).values
	if product(a.dims) != 1 {
		return 0, false
	}
	return a.float64s()[0], true
}

// constantIn is the one constant that operations of a kind take in a function.
func constantIn(f *recorded, kind compute.OpType, wanted func(*operation) bool) (value float64, ok bool) {
	for _, o := range f.ops {
		if o.kind != kind || !wanted(o) {
			continue
		}
		for _, r := range o.in {
			if v, is := constantOf(r); is {
				if ok && v != value {
					return 0, false
				}
				value, ok = v, true
			}
		}
	}
	return value, ok
}

// factorOf is the slope in the body of leaky ReLU: the one constant by which it multiplies.
func factorOf(f *recorded) (float64, bool) {
	return constantIn(f, compute.OpTypeMul, func(*operation) bool { return true })
}

// epsilonOf is what the body of a norm adds to the variance: the constant in the sum whose root it takes.
func epsilonOf(f *recorded) (float64, bool) {
	roots := map[*operation]bool{}
	for _, o := range f.ops {
		if o.kind == compute.OpTypeRsqrt {
			roots[o.in[0].operation] = true
		}
	}
	return constantIn(f, compute.OpTypeAdd, func(o *operation) bool { return roots[o] })
}

// gates are the orders of the gates: what stands at each place in ONNX is at that place here. LSTM has i, f, g, o
// here and i, o, f, c there; GRU has r, z, n here and z, r, h there.
var gates = map[string][]int{"rnn": {0}, "gru": {1, 0, 2}, "lstm": {0, 3, 1, 2}}

// recurrence writes RNN, GRU or LSTM; nil where the weights are not known, or what only a gradient needs is used.
func (e *emitter) recurrence(kind string, reverse, lengths bool, o *operation, in []*tensor) []*tensor {
	x, h0 := in[0], in[1]
	in = in[2:]
	var c0 *tensor
	results := 2
	if kind == "lstm" {
		c0, in = in[0], in[1:]
		results = 3
	}
	for i := results; i < len(o.shapes); i++ {
		if e.counts[ref{o, i}] > 0 {
			return nil
		}
	}
	for _, w := range in[:4] {
		if w.known == nil || !isIdentity(w.perm) {
			return nil
		}
	}
	order := gates[kind]
	hidden := in[1].dims[1].a
	weight := func(t *tensor) string {
		a := t.known.rows(hidden, order)
		return e.initialiser(a.reshaped(append([]int{1}, a.dims...)...), t.hint)
	}
	bias := slices.Concat(in[2].known.rows(hidden, order).data, in[3].known.rows(hidden, order).data)
	biases := &array{dtypes.Float32, []int{1, 2 * len(order) * hidden}, bias}
	x = e.full(x, []int{1, 0, 2})
	inputs := []string{e.storedName(x), weight(in[0]), weight(in[1]), e.initialiser(biases, in[2].hint), ""}
	if lengths {
		inputs[4] = e.plain(in[4])
	}
	inputs = append(inputs, e.start(h0))
	if c0 != nil {
		inputs = append(inputs, e.start(c0))
	}
	for inputs[len(inputs)-1] == "" {
		inputs = inputs[:len(inputs)-1]
	}
	attrs := []attribute{intAttr("hidden_size", hidden)}
	if kind == "gru" {
		attrs = append(attrs, intAttr("linear_before_reset", 1))
	}
	if reverse {
		attrs = append(attrs, stringAttr("direction", "reverse"))
	}
	names, node := e.add(map[string]string{"rnn": "RNN", "gru": "GRU", "lstm": "LSTM"}[kind], inputs, results, attrs...)
	out := make([]*tensor, len(o.shapes))
	for i := range results {
		if e.counts[ref{o, i}] == 0 {
			node.outputs[i] = ""
			continue
		}
		t := e.plainOf(ref{o, i}, "")
		axis := 0
		if i == 0 { // (time, 1, batch, hidden)
			axis, t.perm, t.stored = 1, []int{1, 0, 2}, []dim{t.dims[1], t.dims[0], t.dims[2]}
		}
		t.name = e.op("Squeeze", []string{names[i], e.ints(axis)})
		out[i] = t
	}
	for len(node.outputs) > 0 && node.outputs[len(node.outputs)-1] == "" {
		node.outputs = node.outputs[:len(node.outputs)-1]
	}
	return out
}

// start is the state to start from, (1, batch, hidden), or "" for zeros.
func (e *emitter) start(t *tensor) string {
	if t.known != nil && !slices.ContainsFunc(t.known.float64s(), func(v float64) bool { return v != 0 }) {
		return ""
	}
	return e.op("Unsqueeze", []string{e.plain(t), e.ints(0)})
}

package onnx

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"

	"galen.dev/fault"
	"galen.dev/nn"
)

// The operator sets that are read. 7 (2018) made broadcasting what it is today.
const (
	oldestOpset = 7
	newestOpset = 24
)

// Model is an ONNX model, ready to run.
type Model struct {
	Name     string            // of the graph
	Producer string            // the program that wrote the file, with its version
	Opset    int               // version of the operator set
	Inputs   []nn.Input        // what to feed; sizes that the model leaves open are 0
	Outputs  []string          // names, in order
	Metadata map[string]string // free properties: a model of Galen has galen.network, galen.config, galen.version

	graph   *graphProto
	types   map[string]dataType // of the inputs
	known   map[string]*array   // initialisers that are not weights
	weights *nn.Weights
	kernels map[string]bool // weights of convolutions, which are held channels-last
}

// Load reads a model and, where it has them, the files beside it that hold its weights. Everything that is wrong is
// said at once in a Data error, each operator that is not supported among it, with its node and operator set.
// Operators for quantised weights other than DynamicQuantizeLinear, MatMulInteger, QuantizeLinear and
// DequantizeLinear are not supported.
func Load(path string) (*Model, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, fault.Disk(fmt.Sprintf("reading %q", path), err)
	}
	root, err := os.OpenRoot(filepath.Dir(path))
	if err != nil {
		return nil, fault.Disk(fmt.Sprintf("reading %q", path), err)
	}
	defer root.Close() //nolint:errcheck // it was only read
	m, err := read(b, &folder{root: root, files: map[string][]byte{}})
	if err != nil {
		return nil, fmt.Errorf("reading ONNX model %q: %w", path, err)
	}
	return m, nil
}

// read takes a model from its bytes.
func read(b []byte, beside *folder) (*Model, error) {
	p, err := parseModel(b)
	if err != nil {
		return nil, fault.Errorf(fault.Data, "%w", err)
	}
	m := &Model{
		Name: p.graph.name, Producer: p.producer, graph: p.graph, Metadata: map[string]string{},
		types: map[string]dataType{}, known: map[string]*array{}, kernels: map[string]bool{},
	}
	if p.producerVersion != "" {
		m.Producer += " " + p.producerVersion
	}
	for _, x := range p.properties {
		m.Metadata[x.key] = x.value
	}
	l := &loading{Model: m}
	l.opset(p)
	l.values(beside)
	l.inputs()
	l.nodes()
	if err := fault.Refuse("model "+m.Name, l.findings); err != nil {
		return nil, fault.WithHint(err, "%s", l.hint)
	}
	return m, l.hold()
}

// loading collects what is wrong with a model.
type loading struct {
	*Model
	arrays   map[string]*array
	findings []fault.Finding
	hint     string
}

func (l *loading) found(name, format string, args ...any) {
	l.findings = append(l.findings, fault.Finding{Name: name, Severity: fault.Severe, Message: fmt.Sprintf(format, args...)})
}

func (l *loading) opset(p *modelProto) {
	for _, o := range p.opsets {
		if o.domain == "" || o.domain == "ai.onnx" {
			l.Opset = int(min(max(o.version, 0), 1<<20))
		}
	}
	if l.Opset < oldestOpset || l.Opset > newestOpset {
		l.found("operator-set", "operator set %d; this version reads %d to %d", l.Opset, oldestOpset, newestOpset)
		l.hint = "convert the model with onnx.version_converter"
	}
	if p.functions > 0 {
		l.found("local-functions", "the model defines functions of its own")
		l.hint = "inline them with onnx.inliner"
	}
	if p.graph.sparse > 0 {
		l.found("sparse-weights", "the model has sparse weights")
	}
}

// values reads the initialisers.
func (l *loading) values(beside *folder) {
	l.arrays = map[string]*array{}
	for _, t := range l.graph.initialisers {
		if _, twice := l.arrays[t.name]; twice {
			l.found("duplicate-name", "initialiser %q comes twice", t.name)
			continue
		}
		a, err := t.array(beside)
		if err != nil {
			l.found("initialiser", "initialiser %q: %v", t.name, err)
		}
		l.arrays[t.name] = a
	}
}

func (l *loading) inputs() {
	for _, v := range l.graph.inputs {
		if _, given := l.arrays[v.name]; given {
			continue // files of IR version 3 list weights as inputs too
		}
		d, ok := v.elem.computed()
		if !ok || !v.hasShape {
			l.found("input", "input %q: element type %d, shape known: %t; a tensor of numbers with a known number of axes is needed", v.name, v.elem, v.hasShape)
			continue
		}
		in := nn.Input{Name: v.name, DType: dtypes.Int32}
		if d.IsFloat() {
			in.DType = dtypes.Float32
		}
		for _, s := range v.dims {
			if s.known && (s.size < 0 || s.size > maxSize) {
				l.found("input", "input %q: a size of %d", v.name, s.size)
			}
			in.Dims = append(in.Dims, int(s.size))
		}
		l.Inputs = append(l.Inputs, in)
		l.types[v.name] = v.elem
	}
	for _, v := range l.graph.outputs {
		l.Outputs = append(l.Outputs, v.name)
	}
	if len(l.Outputs) == 0 {
		l.found("output", "the model has no output")
	}
	if len(l.Inputs) == 0 {
		l.found("input", "the model has no input")
	}
}

// nodes checks each operator, and that what it reads is there.
func (l *loading) nodes() {
	made := map[string]bool{"": true}
	for name := range l.arrays {
		made[name] = true
	}
	for _, in := range l.graph.inputs {
		made[in.name] = true
	}
	for i, n := range l.graph.nodes {
		at := fmt.Sprintf("node %q (operator %s, set %d)", n.name, n.op, l.Opset)
		if n.name == "" {
			at = fmt.Sprintf("node %d (operator %s, set %d)", i+1, n.op, l.Opset)
		}
		n.name = at
		def, ok := operators[n.op]
		if n.domain != "" && n.domain != "ai.onnx" {
			ok = false
			at += " of domain " + n.domain
		}
		switch {
		case !ok:
			l.found("unsupported-operator", "%s: the operator is not supported", at)
			if quantised[n.op] {
				l.hint = "use the model before it was quantised"
			}
		case len(n.inputs) < def.least || len(n.inputs) > def.most:
			l.found("inputs", "%s: %d inputs, want %d to %d", at, len(n.inputs), def.least, def.most)
		case slices.Contains(n.inputs[:def.least], ""):
			l.found("inputs", "%s: an input that it needs is left out", at)
		case len(n.outputs) == 0:
			l.found("outputs", "%s: no output", at)
		}
		for _, in := range n.inputs {
			if !made[in] {
				l.found("inputs", "%s: nothing before it makes its input %q", at, in)
			}
		}
		for _, out := range n.outputs {
			if out != "" && made[out] {
				l.found("duplicate-name", "%s: its output %q exists already", at, out)
			}
			made[out] = true
		}
		l.attributes(at, n)
	}
	for _, out := range l.Outputs {
		if !made[out] || out == "" {
			l.found("output", "nothing makes output %q", out)
		}
	}
}

func (l *loading) attributes(at string, n *nodeProto) {
	for _, a := range n.attributes {
		switch a.kind {
		case kindFloat, kindInt, kindString, kindFloats, kindInts, kindStrings:
		case kindTensor:
			if _, err := a.t.array(nil); err != nil {
				l.found("attribute", "%s: attribute %q: %v", at, a.name, err)
			}
		case kindGraph:
			if _, ok := operators[n.op]; ok {
				l.found("attribute", "%s: attribute %q is a graph", at, a.name)
			}
		default:
			l.found("attribute", "%s: attribute %q has kind %d", at, a.name, a.kind)
		}
	}
}

// quantised are operators that are refused with a hint of their own.
var quantised = map[string]bool{
	"QLinearConv": true, "QLinearMatMul": true, "ConvInteger": true, "QLinearAdd": true, "QLinearMul": true, "QLinearSigmoid": true,
	"QLinearConcat": true, "QLinearGlobalAveragePool": true, "QLinearAveragePool": true, "QLinearLeakyRelu": true, "QLinearSoftmax": true,
	"QGemm": true, "QAttention": true, "QEmbedLayerNormalization": true, "QMoE": true, "MatMulNBits": true, "DynamicQuantizeLSTM": true, "DynamicQuantizeMatMul": true,
}

// hold divides the initialisers: arrays of float32 with more than one value are the weights, which live on the
// backend; the rest are constants of the graph. Kernels of convolutions are turned channels-last here, once.
func (l *loading) hold() error {
	kernel := map[string]*nodeProto{}
	other, needed := map[string]bool{}, map[string]bool{}
	for _, n := range l.graph.nodes {
		for i, in := range n.inputs {
			// The places that a resize reads follow from its scales, so these must be known.
			needed[in] = needed[in] || i > 0 && (n.op == "Resize" || n.op == "Upsample")
			a := l.arrays[in]
			if i == 1 && a != nil && len(a.dims) >= 3 && (n.op == "Conv" || n.op == "ConvTranspose") {
				if first := kernel[in]; first == nil || first.op == n.op && first.int("group", 1) == n.int("group", 1) {
					kernel[in] = n
					continue
				}
			}
			other[in] = true
		}
	}
	for _, out := range l.Outputs {
		other[out] = true
	}
	var list []*nn.Tensor
	for _, t := range l.graph.initialisers {
		a := l.arrays[t.name]
		if a.dtype != dtypes.Float32 || product(a.dims) < 2 || t.name == "" || needed[t.name] {
			l.known[t.name] = a
			continue
		}
		if n := kernel[t.name]; n != nil && !other[t.name] {
			turned, err := turnKernel(a, n)
			if err != nil {
				return fault.Errorf(fault.Data, "%s: %w", n.name, err)
			}
			a = turned
			l.kernels[t.name] = true
		}
		list = append(list, &nn.Tensor{Name: t.name, Dims: a.dims, Data: a.flat().([]float32)})
	}
	w, err := nn.NewWeights(list...)
	l.weights = w
	return err
}

// turnKernel gives a kernel the layout of package nn: (spatial..., channels in a group, channels out). That of a
// transposed convolution is read backward as well.
func turnKernel(a *array, n *nodeProto) (*array, error) {
	rank := len(a.dims)
	spatial := sequence(rank)[2:]
	if n.op == "Conv" {
		return a.transposed(append(slices.Clone(spatial), 1, 0)), nil
	}
	groups := n.int("group", 1)
	if groups < 1 || a.dims[0]%groups != 0 {
		return nil, errors.New("the groups do not divide the channels")
	}
	in, out := a.dims[0]/groups, a.dims[1]
	apart := a.reshaped(append([]int{groups, in, out}, a.dims[2:]...)...)
	order := append(sequence(rank + 1)[3:], 1, 0, 2)
	return apart.transposed(order).reshaped(append(slices.Clone(a.dims[2:]), in, groups*out)...).reversed(sequence(rank - 2)...), nil
}

// Weights are the model's weights, by their names in the file. Kernels of convolutions are in the layout of package
// nn, channels last.
func (m *Model) Weights() *nn.Weights { return m.weights }

// Net is the model as a network: its Forward builds the model's graph in float32, on any backend, for the shapes of
// its inputs; integers and truth values are fed as int32. All floating types of the file are computed in float32.
// With Weights it makes a Predictor. Outputs have the model's own layout, channels first.
func (m *Model) Net() *nn.Net {
	return &nn.Net{Name: "onnx:" + m.Name, Config: maps.Clone(m.Metadata), Inputs: slices.Clone(m.Inputs), Forward: m.forward}
}

// Predictor puts the weights on a backend.
func (m *Model) Predictor(backend compute.Backend) (*nn.Predictor, error) {
	return nn.NewPredictor(backend, m.Net(), m.weights)
}

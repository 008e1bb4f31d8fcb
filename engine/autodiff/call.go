package autodiff

import (
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unsafe"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/gobackend"
	"github.com/gomlx/compute/shapes"
	"github.com/gomlx/gomlx/core/graph"
)

// prefix marks the functions that Call makes.
const prefix = "galen_"

var (
	kindRule   = regexp.MustCompile(`^[a-z][a-z0-9]*(_[a-z][a-z0-9]*)*$`)
	nodeCalled = regexp.MustCompile(`Call\((` + prefix + `[a-z0-9_]+), \d+ inputs\)`)
)

// Body builds a computation in operations of the graph library. It is called once for the named function and
// again wherever its gradient is built from operations, so it must be a pure function of its inputs: it captures
// no node, makes no parameter, and returns the same number of outputs every time.
type Body func(inputs []*graph.Node) []*graph.Node

// Gradient builds the gradient of a call. dOutputs has one node for each output: the gradient of the loss with
// respect to it, zeros where the loss does not depend on it. The result has one node for each input, of the
// input's shape and type, or nil where no gradient flows (integers, lengths, masks). It may use Call itself.
type Gradient func(inputs, outputs, dOutputs []*graph.Node) []*graph.Node

// call is what is remembered of one use of Call, under the name of its function.
type call struct {
	function *graph.Function
	body     Body
	gradient Gradient
	inputs   []*graph.Node
	outputs  []*graph.Node
}

// calls are those of a graph: by the name of the function, or by the node of the barrier where they are inlined.
type calls struct {
	named   map[string]*call
	inlined map[graph.NodeId]*call
}

type callsKey struct{}

// Call evaluates body on the inputs as a named function of the graph, galen_<kind>_<attr>…_<number>, which a
// backend may replace by a kernel (see Parse), and returns its outputs.
//
// kind is lower case words of letters and digits, joined by underscores, each beginning with a letter. attrs are
// numbers of zero or more that a kernel needs beside the shapes, such as a direction; what they mean is up to the
// kind. Where gradient is nil, the gradient is that of the body's operations, and so is every further derivative
// of a gradient that is itself a Call.
//
// On GoMLX's stock Go backend the body is inlined: that backend prepares a function before it optimises the
// function's operations, and then finds some of them missing ("not computed yet", compute v0.1.3).
//
// It panics, as graph building does, where the kind or an attribute cannot be written in a name.
func Call(kind string, attrs []int, inputs []*graph.Node, body Body, gradient Gradient) []*graph.Node {
	if len(inputs) == 0 {
		panic(fmt.Errorf("autodiff: call of %q without inputs", kind))
	}
	g := inputs[0].Graph()
	known := callsOf(g)
	name := write(kind, attrs, len(known.named))
	c := &call{body: body, gradient: gradient, inputs: inputs}
	if inlines(g.Backend()) {
		return c.inline(known)
	}
	known.named[name] = c
	shapesOf := make([]shapes.Shape, len(inputs))
	for i, in := range inputs {
		shapesOf[i] = in.Shape()
	}
	restore := freshConstants(g)
	defer restore()
	c.function = graph.NewFunction(g, name, func(g *graph.Graph) []*graph.Node {
		parameters := make([]*graph.Node, len(shapesOf))
		for i, s := range shapesOf {
			parameters[i] = graph.Parameter(g, fmt.Sprintf("in%d", i), s)
		}
		return distinct(body(parameters), parameters)
	})
	c.outputs = c.function.Call(inputs...)
	return c.outputs
}

// inlines tells which backends get the operations of the body instead of a call.
var inlines = func(b compute.Backend) bool { return b.String() == gobackend.BackendName }

// inline builds the body in place. Where it has a gradient of its own, inputs and outputs pass a barrier together,
// one node of the graph, at which the gradient goes from the outputs to the inputs and leaves the body out.
func (c *call) inline(known *calls) []*graph.Node {
	outputs := c.body(c.inputs)
	if c.gradient == nil {
		return outputs
	}
	passed := graph.OptimizationBarriers(slices.Concat(c.inputs, outputs)...)
	c.outputs = passed[len(c.inputs):]
	known.inlined[passed[0].Inputs()[0].Id()] = c
	return c.outputs
}

// distinct gives outputs nodes of their own where they are inputs, or may be the same as others: a function returns
// no node twice, and a backend may find that two are one computation.
func distinct(outputs, parameters []*graph.Node) []*graph.Node {
	result := make([]*graph.Node, len(outputs))
	for i, out := range outputs {
		if i > 0 || slices.Contains(parameters, out) {
			out = graph.Identity(out)
		}
		result[i] = out
	}
	return result
}

// Parse reads the kind and the attributes from the name of a function that Call made. ok is false for any
// other name.
func Parse(name string) (kind string, attrs []int, ok bool) {
	rest, found := strings.CutPrefix(name, prefix)
	if !found {
		return "", nil, false
	}
	words := strings.Split(rest, "_")
	first := len(words)
	for first > 0 && words[first-1] != "" && strings.Trim(words[first-1], "0123456789") == "" {
		first--
	}
	kind = strings.Join(words[:first], "_")
	if first == len(words) || !kindRule.MatchString(kind) {
		return "", nil, false
	}
	attrs = make([]int, 0, len(words)-first-1)
	for _, w := range words[first : len(words)-1] {
		a, err := strconv.Atoi(w)
		if err != nil {
			return "", nil, false
		}
		attrs = append(attrs, a)
	}
	return kind, attrs, true
}

func write(kind string, attrs []int, number int) string {
	if !kindRule.MatchString(kind) {
		panic(fmt.Errorf("autodiff: %q is no kind of call: want lower case words joined by underscores, each beginning with a letter", kind))
	}
	name := prefix + kind
	for i, a := range attrs {
		if a < 0 {
			panic(fmt.Errorf("autodiff: attribute %d of a call of %q is %d, want zero or more", i, kind, a))
		}
		name += "_" + strconv.Itoa(a)
	}
	return name + "_" + strconv.Itoa(number)
}

func callsOf(g *graph.Graph) *calls {
	if known, ok := g.State(callsKey{}).(*calls); ok {
		return known
	}
	known := &calls{named: map[string]*call{}, inlined: map[graph.NodeId]*call{}}
	g.AttachState(callsKey{}, known)
	return known
}

// freshConstants hides the graph's cached constants while a function is built. The graph library keeps one cache
// for all functions, but a constant made in one cannot be used in another; without this, the first scalar inside
// a body would be handed to the code after it.
func freshConstants(g *graph.Graph) (restore func()) {
	var fields, before []reflect.Value
	for _, name := range []string{"scalars", "tensorConstants"} {
		hidden := reflect.ValueOf(g).Elem().FieldByName(name)
		field := reflect.NewAt(hidden.Type(), unsafe.Pointer(hidden.UnsafeAddr())).Elem()
		fields, before = append(fields, field), append(before, reflect.ValueOf(field.Interface()))
		field.Set(reflect.MakeMap(field.Type()))
	}
	return func() {
		for i, field := range fields {
			field.Set(before[i])
		}
	}
}

func init() {
	graph.VJPRegistration[graph.NodeTypeCall] = callGradient
	graph.VJPRegistration[graph.NodeTypeOptimizationBarrier] = barrierGradient
	// A gradient from operations begins with identities (see Differentiate), and may be differentiated again.
	graph.VJPRegistration[graph.NodeTypeIdentity] = func(_ *graph.Node, d []*graph.Node, _ shapes.Shape) []*graph.Node { return d }
}

// callGradient is the gradient that the graph library asks for at a call.
func callGradient(node *graph.Node, dOutputs []*graph.Node, _ shapes.Shape) []*graph.Node {
	var c *call
	if m := nodeCalled.FindStringSubmatch(node.String()); m != nil {
		c = callsOf(node.Graph()).named[m[1]]
	}
	if c == nil {
		panic(fmt.Errorf("autodiff: no gradient for %s: only functions made by autodiff.Call have one", node))
	}
	if c.gradient == nil {
		return Differentiate(c.body, node.Inputs(), dOutputs)
	}
	inputs, outputs := node.Inputs(), c.outputs
	if !slices.Equal(inputs, c.inputs) { // a copy made to save memory (checkpointing): its outputs are its own
		outputs = c.function.Call(inputs...)
	}
	return c.gradient(inputs, outputs, dOutputs)
}

// barrierGradient is that of a call that was inlined, or of an ordinary barrier, which passes gradients on.
func barrierGradient(node *graph.Node, dOutputs []*graph.Node, _ shapes.Shape) []*graph.Node {
	c := callsOf(node.Graph()).inlined[node.Id()]
	if c == nil {
		return dOutputs
	}
	n := len(c.inputs)
	return append(slices.Clone(c.gradient(c.inputs, c.outputs, dOutputs[n:]))[:n:n], make([]*graph.Node, len(c.outputs))...)
}

// Differentiate builds the body on the inputs, from operations, and returns the gradient of the sum of its outputs
// weighted by dOutputs with respect to each input: nil for inputs that are no floating-point numbers. Each input is
// taken as given, even where it depends on another one.
func Differentiate(body Body, inputs, dOutputs []*graph.Node) []*graph.Node {
	// The inputs pass through nodes of their own, so that no path leads from one to another.
	given := make([]*graph.Node, len(inputs))
	var wanted []*graph.Node
	for i, in := range inputs {
		given[i] = graph.Identity(in)
		if in.DType().IsFloat() || in.DType().IsComplex() {
			wanted = append(wanted, given[i])
		}
	}
	var loss *graph.Node
	for i, out := range body(given) {
		if !out.DType().IsFloat() {
			continue
		}
		term := graph.ReduceAllSum(graph.Mul(out, dOutputs[i]))
		if loss == nil {
			loss = term
		} else {
			loss = graph.Add(loss, graph.ConvertDType(term, loss.DType()))
		}
	}
	result := make([]*graph.Node, len(inputs))
	if loss == nil || len(wanted) == 0 {
		return result
	}
	gradients := graph.Gradient(loss, wanted...)
	for i, next := 0, 0; i < len(inputs); i++ {
		if next < len(wanted) && given[i] == wanted[next] {
			result[i] = gradients[next]
			next++
		}
	}
	return result
}

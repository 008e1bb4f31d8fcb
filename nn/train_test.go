package nn

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/gomlx/core/graph"

	"galen.dev/fault"
)

// small is a network with all that a step must carry: dropout, a recorded state, two layers.
func small() *Net {
	return &Net{
		Name:   "small",
		Config: map[string]int{"hidden": 5},
		Inputs: []Input{{"x", dtypes.Float32, []int{0, 4}}},
		Forward: func(s *Scope, in ...*Node) []*Node {
			h := s.In("first").Dense(in[0], 5, Dense{})
			if s.Training() {
				mean := s.State("mean", 0, 5)
				s.SetState("mean", graph.Add(graph.MulScalar(mean, 0.9), graph.MulScalar(graph.ReduceMean(h, 0), 0.1)))
				keep := graph.ConvertDType(graph.GreaterThan(s.Rand(h.Shape().Dimensions...), graph.Scalar(s.Graph(), h.DType(), 0.1)), h.DType())
				h = graph.Mul(h, keep)
			} else {
				h = graph.Sub(h, graph.MulScalar(graph.BroadcastToShape(graph.ExpandLeftToRank(s.State("mean", 0, 5), 2), h.Shape()), 0.01))
			}
			return []*Node{s.In("second").Dense(graph.Tanh(h), 1, Dense{})}
		},
	}
}

// straight is a network without randomness: y = x·w + b.
func straight(inputs int) *Net {
	return &Net{
		Name: "straight", Inputs: []Input{{"x", dtypes.Float32, []int{0, inputs}}},
		Forward: func(s *Scope, in ...*Node) []*Node { return []*Node{s.Dense(in[0], 1, Dense{})} },
	}
}

// squares is the mean squared error, weighted by samples.
func squares(outputs, targets []*Node, weights *Node) *Node {
	d := graph.Reshape(graph.Sub(outputs[0], targets[0]), -1)
	e := graph.Mul(d, d)
	if weights == nil {
		return graph.ReduceAllMean(e)
	}
	return graph.Div(graph.ReduceAllSum(graph.Mul(e, weights)), graph.ReduceAllSum(weights))
}

// planted is a data set whose target is a function of the inputs.
func planted(n, inputs int) *Batch {
	rng := rand.New(rand.NewPCG(1, 2))
	x, y := make([]float32, n*inputs), make([]float32, n)
	for i := range n {
		for j := range inputs {
			x[i*inputs+j] = float32(rng.NormFloat64())
			y[i] += x[i*inputs+j] * float32(j+1) / 4
		}
	}
	return &Batch{Inputs: []Array{{Dims: []int{n, inputs}, Floats: x}}, Targets: []Array{{Dims: []int{n, 1}, Floats: y}}}
}

func source(t testing.TB, b *Batch, o Order) Source {
	t.Helper()
	s, err := FromArrays(b, o, nil)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func fit(t testing.TB, net *Net, data Source, o Options) *Result {
	t.Helper()
	r, err := Train(context.Background(), stock(t), net, squares, data, o)
	if err != nil {
		t.Fatal(err, fault.HintOf(err))
	}
	return r
}

func TestTrainLearns(t *testing.T) {
	for name, o := range map[string]Options{
		"sgd":        {Schedule: Schedule{Rate: 0.05}},
		"momentum":   {Optimiser: SGD{Momentum: 0.9, Nesterov: true}, Schedule: Schedule{Kind: CosineRate, Rate: 0.02}},
		"adam":       {Optimiser: Adam{}, Schedule: Schedule{Kind: OneCycleRate, Rate: 0.05}},
		"adamw":      {Optimiser: AdamW{}, Schedule: Schedule{Kind: PolynomialRate, Rate: 0.05, WarmUp: 5}, Clip: Clip{Norm: 1}},
		"average":    {Schedule: Schedule{Rate: 0.05}, Average: Average{Decay: 0.9, WarmUp: true}},
		"accumulate": {Schedule: Schedule{Rate: 0.1}, Accumulate: 3},
		"skip":       {Schedule: Schedule{Rate: 0.05}, Guard: Guard{Skip: 3}},
	} {
		o.Epochs, o.Seed = 30, 3
		o.Validation = source(t, planted(50, 4), Order{})
		r := fit(t, small(), source(t, planted(203, 4), Order{Size: 16, Shuffle: true, Seed: 1}), o)
		if first, last := r.History[0].Validation[0].Value, r.Summary.BestScore; !(last < first/5) || last > 0.1 {
			t.Errorf("%s: validation loss from %v to %v", name, first, last)
		}
		if r.Weights.Lookup("mean").Data[0] == 0 {
			t.Errorf("%s: the state was not recorded", name)
		}
	}
}

// TestStepByHand holds a step of plain descent to the formula.
func TestStepByHand(t *testing.T) {
	data := planted(8, 2)
	data.Weights = []float32{1, 2, 3, 4, 0, 1, 1, 1}
	net := straight(2)
	w, err := Init(net, 5, Float32s(1, 2))
	if err != nil {
		t.Fatal(err)
	}
	start, bias := slices.Clone(w.Lookup("weight").Data), w.Lookup("bias").Data[0]
	r := fit(t, net, source(t, data, Order{Size: 8}), Options{Epochs: 1, Schedule: Schedule{Rate: 0.1}, Initial: w})
	var g [3]float64
	var loss, mass float64
	x, y := data.Inputs[0].Floats, data.Targets[0].Floats
	for i, m := range data.Weights {
		e := float64(x[2*i]*start[0] + x[2*i+1]*start[1] + bias - y[i])
		loss += float64(m) * e * e
		mass += float64(m)
		for j, v := range []float32{x[2*i], x[2*i+1], 1} {
			g[j] += 2 * float64(m) * e * float64(v)
		}
	}
	want := []float64{float64(start[0]) - 0.1*g[0]/mass, float64(start[1]) - 0.1*g[1]/mass, float64(bias) - 0.1*g[2]/mass, loss / mass}
	got := r.Weights.Lookup("weight").Data
	for i, v := range []float64{float64(got[0]), float64(got[1]), float64(r.Weights.Lookup("bias").Data[0]), r.Summary.Loss} {
		if math.Abs(v-want[i]) > 1e-6 { // float32
			t.Errorf("value %d is %v, want %v", i, v, want[i])
		}
	}
	if w.Lookup("weight").Data[0] != start[0] {
		t.Error("the first weights were changed")
	}
}

// TestAccumulationIsALargerBatch: gradients of parts, weighted by their samples, are those of the whole.
func TestAccumulationIsALargerBatch(t *testing.T) {
	for _, weighted := range []bool{false, true} {
		data := planted(44, 3)
		if weighted {
			for i := range 44 {
				data.Weights = append(data.Weights, float32(i%5))
			}
		}
		o := Options{Epochs: 3, Optimiser: Adam{}, Schedule: Schedule{Rate: 0.01}, Clip: Clip{Norm: 0.5}}
		whole := fit(t, straight(3), source(t, data, Order{Size: 24}), o)
		o.Accumulate = 3 // of 8, 8, 8 and of 8, 8, 4
		parts := fit(t, straight(3), source(t, data, Order{Size: 8}), o)
		for i, a := range whole.Weights.Tensors() {
			for j, v := range a.Data {
				if d := math.Abs(float64(v - parts.Weights.Tensors()[i].Data[j])); d > 1e-5 { // Adam amplifies rounding of small gradients
					t.Errorf("weighted %v: %s %d: %v in parts, %v at once", weighted, a.Name, j, parts.Weights.Tensors()[i].Data[j], v)
				}
			}
		}
		if parts.Summary.Steps != whole.Summary.Steps || math.Abs(parts.Summary.Loss-whole.Summary.Loss) > 1e-6 {
			t.Errorf("summaries %+v and %+v", parts.Summary, whole.Summary)
		}
	}
}

// TestSameBytes: neither threads nor prefetching change a training.
func TestSameBytes(t *testing.T) {
	augment := func(rng *rand.Rand, b *Batch) {
		for i := range b.Inputs[0].Floats {
			b.Inputs[0].Floats[i] += float32(rng.NormFloat64()) / 10
		}
		time.Sleep(time.Duration(rand.IntN(200)) * time.Microsecond) // batches get ready in any order
	}
	var want string
	for _, threads := range []int{1, 2, 8} {
		for _, p := range []Prefetch{{Ahead: 1, Threads: 1}, {}, {Ahead: 7, Threads: 5}} {
			restore := runtime.GOMAXPROCS(threads)
			data, err := FromArrays(planted(50, 4), Order{Size: 8, Shuffle: true, Seed: 4}, augment)
			if err != nil {
				t.Fatal(err)
			}
			r := fit(t, small(), data, Options{Epochs: 3, Seed: 1, Optimiser: AdamW{}, Schedule: Schedule{Rate: 0.01}, Average: Average{Decay: 0.9}, Prefetch: p})
			runtime.GOMAXPROCS(restore)
			got := fingerprint(r.Weights)
			if want == "" {
				want = got
			}
			if got != want {
				t.Errorf("%d threads, prefetch %+v: other weights", threads, p)
			}
		}
	}
}

func TestFrozen(t *testing.T) {
	o := Options{Epochs: 2, Schedule: Schedule{Rate: 0.1}, Frozen: []string{"first", "second.bias"}}
	net := small()
	w, err := Init(net, 0, Float32s(1, 4))
	if err != nil {
		t.Fatal(err)
	}
	r := fit(t, net, source(t, planted(20, 4), Order{}), o)
	for _, a := range w.Tensors() {
		if same := slices.Equal(a.Data, r.Weights.Lookup(a.Name).Data); same != (a.Name != "second.weight" && a.Name != "mean") {
			t.Errorf("%s stayed: %v", a.Name, same)
		}
	}
	for _, frozen := range [][]string{{"first", "second"}, {"frist"}} {
		o.Frozen = frozen
		if _, err := Train(context.Background(), stock(t), net, squares, source(t, planted(20, 4), Order{}), o); fault.KindOf(err) != fault.Usage {
			t.Errorf("frozen %v: %v", frozen, err)
		}
	}
}

// TestPlayers trains a generator of numbers against a critic: what it makes comes to look like the data.
func TestPlayers(t *testing.T) {
	net := &Net{
		Name: "pair", Inputs: []Input{{"x", dtypes.Float32, []int{0, 1}}},
		Forward: func(s *Scope, in ...*Node) []*Node {
			noise := graph.OnesLike(in[0])
			if s.Training() {
				noise = graph.AddScalar(graph.MulScalar(s.Rand(in[0].Shape().Dimensions...), 0.1), 0.95)
			}
			made := s.In("generator").Dense(noise, 1, Dense{NoBias: true, Init: Ones})
			critic := func(x *Node) *Node {
				c := s.In("critic").In("first").Dense(x, 8, Dense{})
				return s.In("critic").In("second").Dense(graph.Tanh(c), 1, Dense{})
			}
			return []*Node{critic(in[0]), critic(made), made}
		},
	}
	// Least squares (Mao et al. 2017): 1 for data and 0 for what is made; the generator wants 1.
	toward := func(x *Node, v float64) *Node {
		d := graph.AddScalar(x, -v)
		return graph.ReduceAllMean(graph.Mul(d, d))
	}
	objective := func(out, _ []*Node, _ *Node) *Node { return graph.Add(toward(out[0], 1), toward(out[1], 0)) }
	data := &Batch{Inputs: []Array{{Dims: []int{64, 1}}}}
	for i := range 64 {
		data.Inputs[0].Floats = append(data.Inputs[0].Floats, 2.5+float32(i)/640)
	}
	for _, accumulate := range []int{1, 2} {
		o := Options{Epochs: 150, Optimiser: Adam{Beta1: 0.5}, Schedule: Schedule{Rate: 0.01}, Accumulate: accumulate}
		o.Players = []Player{{"generator", func(out, _ []*Node, _ *Node) *Node { return toward(out[1], 1) }}}
		r, err := Train(context.Background(), stock(t), net, objective, source(t, data, Order{Size: 16}), o)
		if err != nil {
			t.Fatal(err)
		}
		if v := r.Weights.Lookup("generator.weight").Data[0]; math.Abs(float64(v)-2.55) > 0.3 { // it began at 1
			t.Errorf("accumulating %d: the generator makes %v, the data are about 2.55", accumulate, v)
		}
	}
	o := Options{Epochs: 1, Schedule: Schedule{Rate: 0.01}, Players: []Player{{"genrator", objective}}}
	if _, err := Train(context.Background(), stock(t), net, objective, source(t, data, Order{}), o); fault.KindOf(err) != fault.Usage {
		t.Errorf("a player without weights: %v", err)
	}
}

func TestEarlyStopping(t *testing.T) {
	data := planted(40, 3)
	far := planted(40, 3)
	for i := range far.Targets[0].Floats {
		far.Targets[0].Floats[i] *= 0.5 // the validation set is best somewhere on the way
	}
	o := Options{
		Epochs: 200, Schedule: Schedule{Rate: 0.02}, Validation: source(t, far, Order{Size: 15}), Early: Early{Patience: 3},
	}
	r := fit(t, straight(3), source(t, data, Order{Size: 10}), o)
	n := len(r.History)
	if !r.Early || n >= 200 || r.Summary.BestEpoch != n-3 || r.Summary.Epochs != n {
		t.Fatalf("%d epochs, best %d, early %v", n, r.Summary.BestEpoch, r.Early)
	}
	least := math.Inf(1)
	for _, e := range r.History {
		least = min(least, e.Validation[0].Value)
	}
	// The best weights are given back: their loss is the best score.
	o.Epochs, o.Early, o.Initial, o.Schedule.Rate = 1, Early{}, r.Weights, 1e-30
	again := fit(t, straight(3), source(t, data, Order{Size: 10}), o)
	if r.Summary.BestScore != least || again.Summary.BestScore != least {
		t.Errorf("best score %v, least %v, of the weights given back %v", r.Summary.BestScore, least, again.Summary.BestScore)
	}
	o.Epochs, o.Early, o.Initial, o.Schedule.Rate = 200, Early{Patience: 3, KeepLast: true}, nil, 0.02
	if last := fit(t, straight(3), source(t, data, Order{Size: 10}), o); fingerprint(last.Weights) == fingerprint(r.Weights) {
		t.Error("the last weights are the best ones")
	}
}

func TestScores(t *testing.T) {
	seen := 0
	o := Options{Epochs: 4, Schedule: Schedule{Rate: 0.05}, Validation: source(t, planted(23, 3), Order{Size: 10})}
	o.Scores = func() Meter {
		n, sum := 0, 0.0
		return Meter{
			Add: func(outputs []Array, b *Batch) error {
				n += b.Samples()
				for i, v := range outputs[0].Floats {
					sum += math.Abs(float64(v - b.Targets[0].Floats[i]))
				}
				return nil
			},
			Result: func() ([]Score, error) {
				seen = n
				return []Score{{"closeness", -sum / float64(n)}, {"unknown", math.NaN()}}, nil
			},
		}
	}
	o.Early = Early{Score: "closeness", Greater: true}
	r := fit(t, straight(3), source(t, planted(40, 3), Order{}), o)
	if seen != 23 || len(r.History[3].Validation) != 3 || r.Summary.BestEpoch != 4 || r.Summary.BestScore != r.History[3].Validation[1].Value {
		t.Errorf("%d samples scored, summary %+v", seen, r.Summary)
	}
	for name, c := range map[string]struct {
		early Early
		kind  fault.Kind
	}{"misspelt": {Early{Score: "closenes"}, fault.Usage}, "not a number": {Early{Score: "unknown"}, fault.Data}} {
		o.Early = c.early
		if _, err := Train(context.Background(), stock(t), straight(3), squares, source(t, planted(40, 3), Order{}), o); fault.KindOf(err) != c.kind {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestNotFinite(t *testing.T) {
	data := planted(40, 3)
	data.Inputs[0].Floats[3*17] = float32(math.NaN())
	data.Targets[0].Floats[17] = 123456
	try := func(o Options) (*Result, error) {
		o.Epochs, o.Schedule = 2, Schedule{Rate: 0.01}
		return Train(context.Background(), stock(t), straight(3), squares, source(t, data, Order{Size: 10}), o)
	}
	for _, accumulate := range []int{1, 2} {
		_, err := try(Options{Accumulate: accumulate})
		if fault.KindOf(err) != fault.Data || !strings.Contains(err.Error(), "epoch 1") || !strings.Contains(err.Error(), "samples 10 11 12") {
			t.Errorf("accumulating %d: %v", accumulate, err)
		}
		if strings.Contains(fmt.Sprint(err, fault.HintOf(err)), "123456") {
			t.Errorf("a value is named: %v", err)
		}
		if hint := fault.HintOf(err); !strings.Contains(hint, `1 number of input "x"`) {
			t.Errorf("hint %q", hint)
		}
		r, err := try(Options{Accumulate: accumulate, Guard: Guard{Skip: 1}, Optimiser: Adam{}, Average: Average{Decay: 0.5}})
		if err != nil {
			t.Fatal(err)
		}
		if r.Skipped != 2 || r.Summary.Steps != 8/accumulate-2 {
			t.Errorf("accumulating %d: %d left out, %d steps", accumulate, r.Skipped, r.Summary.Steps)
		}
		for _, a := range r.Weights.Tensors() {
			for _, v := range a.Data {
				if !finite(float64(v)) {
					t.Errorf("accumulating %d: %s holds %v", accumulate, a.Name, v)
				}
			}
		}
	}
	for i := range data.Inputs[0].Floats {
		data.Inputs[0].Floats[i] = float32(math.Inf(1))
	}
	if _, err := try(Options{Guard: Guard{Skip: 2}}); fault.KindOf(err) != fault.Data || !strings.Contains(err.Error(), "after 2 steps left out") {
		t.Errorf("nothing but infinities: %v", err)
	}
	if _, err := try(Options{Guard: Guard{Skip: 50}}); fault.KindOf(err) != fault.Data || !strings.Contains(err.Error(), "every step of epoch 1") {
		t.Errorf("an epoch of infinities: %v", err)
	}
}

// TestSkippedStepLeavesNothing: a batch whose loss is finite and whose gradient is not changes neither weights nor
// optimiser nor average.
func TestSkippedStepLeavesNothing(t *testing.T) {
	length := func(out, _ []*Node, _ *Node) *Node { return graph.Sqrt(graph.ReduceAllSum(graph.Mul(out[0], out[0]))) }
	net := straight(3)
	net.Forward = func(s *Scope, in ...*Node) []*Node { return []*Node{s.Dense(in[0], 1, Dense{NoBias: true})} }
	var want string
	for _, bad := range []bool{false, true} {
		data := planted(10, 3)
		if bad { // the root of 0 has no gradient
			data.Inputs[0].Dims[0], data.Targets[0].Dims[0] = 20, 20
			data.Inputs[0].Floats = append(data.Inputs[0].Floats, make([]float32, 30)...)
			data.Targets[0].Floats = append(data.Targets[0].Floats, make([]float32, 10)...)
		}
		o := Options{Epochs: 3, Optimiser: Adam{}, Schedule: Schedule{Rate: 0.1}, Average: Average{Decay: 0.9}, Guard: Guard{Skip: 1}}
		r, err := Train(context.Background(), stock(t), net, length, source(t, data, Order{Size: 10}), o)
		if err != nil {
			t.Fatal(err)
		}
		got := fingerprint(r.Weights)
		if want == "" {
			want = got
		}
		if got != want || bad != (r.Skipped == 3) || r.Summary.Steps != 3 {
			t.Errorf("with a bad batch %v: same weights %v, %d left out", bad, got == want, r.Skipped)
		}
	}
}

// TestRandomNumbersDiffer: every batch draws its own, whether it is a step or a part of one.
func TestRandomNumbersDiffer(t *testing.T) {
	net := straight(1)
	net.Forward = func(s *Scope, in ...*Node) []*Node {
		y := s.Dense(in[0], 1, Dense{})
		if !s.Training() {
			return []*Node{y, y}
		}
		return []*Node{y, s.Rand(1)}
	}
	drawn := func(out, _ []*Node, _ *Node) *Node {
		return graph.Add(graph.ReduceAllSum(out[1]), graph.MulScalar(graph.ReduceAllSum(out[0]), 0))
	}
	losses := func(accumulate int) (list []float64) {
		o := Options{Epochs: 2, Schedule: Schedule{Rate: 0.1}, Accumulate: accumulate, Progress: func(p Progress) {
			if p.Memory == nil && p.Ended == nil {
				list = append(list, p.Loss)
			}
		}}
		if _, err := Train(context.Background(), stock(t), net, drawn, source(t, planted(8, 1), Order{Size: 2}), o); err != nil {
			t.Fatal(err)
		}
		return list
	}
	single, pairs := losses(1), losses(2)
	if sorted := slices.Sorted(slices.Values(single)); len(slices.Compact(sorted)) != 8 {
		t.Errorf("drawn: %v", single)
	}
	for i, p := range pairs {
		if want := (single[2*i] + single[2*i+1]) / 2; math.Abs(p-want) > 1e-7 || single[2*i] == single[2*i+1] {
			t.Errorf("parts of step %d draw %v in the mean, want %v", i, p, want)
		}
	}
}

func TestDivergence(t *testing.T) {
	o := Options{Epochs: 60, Schedule: Schedule{Rate: 1.5}, Guard: Guard{Factor: 5, Steps: 4}}
	data := source(t, planted(40, 3), Order{Size: 10})
	_, err := Train(context.Background(), stock(t), straight(3), squares, data, o)
	if fault.KindOf(err) != fault.Data || !strings.Contains(err.Error(), "diverges") || !strings.Contains(fault.HintOf(err), "1.5") {
		t.Errorf("%v, hint %q", err, fault.HintOf(err))
	}
	o.Guard.Factor = -1
	if _, err := Train(context.Background(), stock(t), straight(3), squares, data, o); err == nil || !strings.Contains(err.Error(), "not a finite") {
		t.Errorf("without the guard: %v", err)
	}
}

func TestGuardFollowsTheMedian(t *testing.T) {
	tr := &trainer{options: &Options{Guard: Guard{Factor: 10, Steps: 3}, Schedule: Schedule{Rate: 1}}, net: straight(1), data: source(t, planted(4, 1), Order{})}
	w := &watch{}
	feed := func(losses ...float64) error {
		for _, l := range losses {
			if _, err := tr.see(w, outcome{loss: l, shown: planted(1, 1)}); err != nil {
				return err
			}
		}
		return nil
	}
	if err := feed(2, 1, 0.1, 0.01, 0.001, 0.001, 0.001, 1.5, 1.9, 1.5, 1.5); err != nil {
		t.Errorf("no worse than the first loss: %v", err)
	}
	if err := feed(30, 30, 0.1, 30, 30); err != nil {
		t.Errorf("two in a row: %v", err)
	}
	if err := feed(30); fault.KindOf(err) != fault.Data {
		t.Errorf("three in a row: %v", err)
	}
	for range 500 {
		if err := feed(0.5); err != nil {
			t.Fatal(err)
		}
	}
	if len(w.Recent) != watched {
		t.Errorf("%d losses are remembered", len(w.Recent))
	}
}

func TestProgress(t *testing.T) {
	var all []Progress
	o := Options{
		Epochs: 2, Schedule: Schedule{Rate: 0.01}, Validation: source(t, planted(9, 3), Order{}),
		Progress: func(p Progress) { all = append(all, p) },
	}
	fit(t, straight(3), source(t, planted(25, 3), Order{Size: 10}), o)
	if len(all) != 1+2*(3+1) {
		t.Fatalf("%d reports", len(all))
	}
	if m := all[0].Memory; m == nil || m.Total <= 0 || all[0].Steps != 6 {
		t.Errorf("before the start: %+v", all[0])
	}
	for i, p := range all[1:] {
		epoch := i/4 + 1
		if p.Epoch != epoch || p.Epochs != 2 || p.Loss <= 0 || p.SamplesPerSecond <= 0 {
			t.Errorf("report %d: %+v", i, p)
		}
		if ends := i%4 == 3; ends != (p.Ended != nil) || ends && p.Ended.Epoch != epoch || !ends && (p.GradientNorm <= 0 || p.Rate != 0.01) {
			t.Errorf("report %d: %+v", i, p)
		}
	}
	if p := all[len(all)-2]; p.Remaining != 0 || p.Step != 6 {
		t.Errorf("the last step: %+v", p)
	}
}

func TestSpeedometer(t *testing.T) {
	var s speedometer
	now := time.Unix(0, 0)
	s.start(now)
	if s.perSecond() != 0 {
		t.Error("speed before anything")
	}
	for range 100 { // 10 a second, then 100 a second
		now = now.Add(time.Second)
		s.add(now, 10)
	}
	if v := s.perSecond(); v != 10 {
		t.Errorf("%v samples a second", v)
	}
	for range 30 {
		now = now.Add(time.Second)
		s.add(now, 100)
	}
	if v := s.perSecond(); v != 100 || len(s.marks) > 15 {
		t.Errorf("%v samples a second from %d marks", v, len(s.marks))
	}
}

func TestCancel(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	o := Options{Epochs: 1000, Schedule: Schedule{Rate: 0.01}, Progress: func(p Progress) {
		if p.Step == 5 {
			cancel()
		}
	}}
	before := runtime.NumGoroutine()
	_, err := Train(ctx, stock(t), straight(3), squares, source(t, planted(40, 3), Order{Size: 10}), o)
	if !errors.Is(err, context.Canceled) || fault.KindOf(err) != fault.Canceled {
		t.Error(err)
	}
	for range 100 {
		if runtime.NumGoroutine() <= before {
			return
		}
		time.Sleep(time.Millisecond)
	}
	t.Errorf("%d goroutines, %d before", runtime.NumGoroutine(), before)
}

func TestOptionsThatAreRefused(t *testing.T) {
	good := Options{Epochs: 1, Schedule: Schedule{Rate: 0.1}}
	for name, change := range map[string]func(o *Options){
		"no epochs":     func(o *Options) { o.Epochs = 0 },
		"no rate":       func(o *Options) { o.Schedule.Rate = 0 },
		"optimiser":     func(o *Options) { o.Optimiser = SGD{Momentum: 2} },
		"clip":          func(o *Options) { o.Clip.Norm = -1 },
		"average":       func(o *Options) { o.Average.Decay = 1 },
		"accumulate":    func(o *Options) { o.Accumulate = -1 },
		"player":        func(o *Options) { o.Players = []Player{{Scope: "weight"}} },
		"memory":        func(o *Options) { o.Memory = -1 },
		"patience":      func(o *Options) { o.Early.Patience = 3 },
		"scores":        func(o *Options) { o.Scores = func() Meter { return Meter{} } },
		"guard":         func(o *Options) { o.Guard.Skip = -1 },
		"no folder":     func(o *Options) { o.Checkpoints.Steps = 3 },
		"checkpoints":   func(o *Options) { o.Checkpoints = Checkpoints{Dir: "x", Keep: -1} },
		"other weights": func(o *Options) { o.Initial = &Weights{} },
	} {
		o := good
		change(&o)
		_, err := Train(context.Background(), stock(t), straight(3), squares, source(t, planted(4, 3), Order{}), o)
		if k := fault.KindOf(err); k != fault.Usage && name != "other weights" || err == nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	bad := Options{}
	if err := bad.Check(); !strings.Contains(err.Error(), "epochs") || !strings.Contains(err.Error(), "learning rate") {
		t.Errorf("not everything at once: %v", err)
	}
	other := func(outputs, targets []*Node, _ *Node) *Node { return graph.Sub(outputs[0], targets[0]) }
	if _, err := Train(context.Background(), stock(t), straight(3), other, source(t, planted(4, 3), Order{}), good); fault.KindOf(err) != fault.Usage {
		t.Errorf("an objective of many numbers: %v", err)
	}
	if _, err := Train(context.Background(), stock(t), straight(2), squares, source(t, planted(4, 3), Order{}), good); fault.KindOf(err) != fault.Usage {
		t.Errorf("data of other width: %v", err)
	}
}

// TestTrainNamedNetworks: a convolutional network finds on which side images are bright, a recurrent one which of two
// words came first.
func TestTrainNamedNetworks(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	images := &Batch{Inputs: []Array{{Dims: []int{48, 8, 8, 1}}}, Targets: []Array{{Dims: []int{48}}}}
	words := &Batch{Inputs: []Array{{Dims: []int{48, 5}}}, Targets: []Array{{Dims: []int{48}}}}
	for i := range 48 {
		side := int32(i % 2)
		for p := range 64 {
			v := float32(rng.NormFloat64()) / 4
			if int32(p%8/4) == side {
				v++
			}
			images.Inputs[0].Floats = append(images.Inputs[0].Floats, v)
		}
		for step := range 5 {
			word := int32(2 + rng.IntN(3))
			if step == 3 {
				word = side
			}
			words.Inputs[0].Ints = append(words.Inputs[0].Ints, word)
		}
		images.Targets[0].Ints = append(images.Targets[0].Ints, side)
		words.Targets[0].Ints = append(words.Targets[0].Ints, side)
	}
	objective := func(out, targets []*Node, _ *Node) *Node { return CrossEntropy{}.Loss(out[0], targets[0]) }
	for _, c := range []struct {
		name, config string
		data         *Batch
	}{{"basic-cnn", `{"out": 2}`, images}, {"basic-rnn", `{"out": 2, "vocabulary": 5, "hidden": 16}`, words}} {
		net, err := Named(c.name, []byte(c.config))
		if err != nil {
			t.Fatal(err)
		}
		o := Options{Epochs: 6, Optimiser: Adam{}, Schedule: Schedule{Rate: 0.003}, Clip: Clip{Norm: 1}}
		r, err := Train(context.Background(), stock(t), net, objective, source(t, c.data, Order{Size: 16, Shuffle: true}), o)
		if err != nil {
			t.Fatal(err, fault.HintOf(err))
		}
		if !(r.Summary.Loss < 0.35) {
			t.Errorf("%s: loss %v after %v", c.name, r.Summary.Loss, r.History[0].Loss)
		}
	}
}

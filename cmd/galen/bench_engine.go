package main

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/spf13/cobra"

	"galen.dev/engine"
	"galen.dev/engine/conv"
	"galen.dev/engine/gemm"
	"galen.dev/engine/tile"
	"galen.dev/fault"
	"galen.dev/internal/cpu"
	"galen.dev/nn"
)

// engineWorkload is a whole training step: forward, loss, backward and the update of plain SGD, in float32. Names,
// networks and batches are those of the script that runs the same in PyTorch.
type engineWorkload struct {
	name  string
	build func() (*nn.Net, error)
	input []int  // batch first, channels last
	loss  string // ce: cross-entropy of classes i mod 10; bce: of zeros; sq: mean of squares; none: inference alone
}

var engineWorkloads = []engineWorkload{
	{"basic-cnn", func() (*nn.Net, error) { return nn.BasicCNN(nn.BasicCNNOptions{Out: 10}) }, []int{64, 28, 28, 3}, "ce"},
	{"resnet18-28", func() (*nn.Net, error) { return nn.ResNet18(nn.ResNetOptions{Out: 10}) }, []int{64, 28, 28, 3}, "ce"},
	{"unet2d-128", func() (*nn.Net, error) { return nn.UNet2D(nn.UNetOptions{}) }, []int{4, 128, 128, 1}, "bce"},
	{"conv3d-32", conv3DBlocks, []int{2, 32, 32, 32, 1}, "bce"},
	{"rnn-48", func() (*nn.Net, error) { return nn.BasicRNN(nn.RecurrentOptions{Out: 10}) }, []int{64, 48, 76}, "ce"},
	{"lstm-48", func() (*nn.Net, error) { return nn.LSTM(nn.RecurrentOptions{Out: 10}) }, []int{64, 48, 76}, "ce"},
	{"gru-48", func() (*nn.Net, error) { return nn.GRU(nn.RecurrentOptions{Out: 10}) }, []int{64, 48, 76}, "ce"},
	{"dcgan-gen", func() (*nn.Net, error) { return nn.DCGAN(nn.DCGANOptions{Channels: 3}) }, []int{64, 100}, "sq"},
	{"mlp-tabular", func() (*nn.Net, error) { return nn.MLP(nn.MLPOptions{Out: 10}) }, []int{256, 64}, "ce"},
	{"infer-resnet18-28", func() (*nn.Net, error) { return nn.ResNet18(nn.ResNetOptions{Out: 10}) }, []int{1, 28, 28, 3}, "none"},
	{"infer-unet2d-512", func() (*nn.Net, error) { return nn.UNet2D(nn.UNetOptions{}) }, []int{1, 512, 512, 1}, "none"},
}

// engineKernels are single operations.
var engineKernels = []struct {
	name string
	flop float64
	make func() func()
}{
	{"matmul-1024", 2 << 30, benchProduct},
	{"conv-64-fwd", convFlop, func() func() { return benchConv(false) }},
	{"conv-64-fwd-bwd", 3 * convFlop, func() func() { return benchConv(true) }},
}

const convFlop = 2 * 32 * 32 * 32 * 64 * 64 * 9

// engineResult is one line of the output; samples_per_s counts samples, or gflops arithmetic.
type engineResult struct {
	Workload      string  `json:"workload"`
	SamplesPerS   float64 `json:"samples_per_s,omitempty"`
	GFlops        float64 `json:"gflops,omitempty"`
	MsPerStep     float64 `json:"ms_per_step"`
	MedianMs      float64 `json:"median_ms"`
	BestMs        float64 `json:"best_ms"`
	Loss          float64 `json:"loss,omitempty"`
	Steps         int     `json:"steps"`
	Threads       int     `json:"threads"`
	Kernels       string  `json:"kernels"`
	PeakGFlops    float64 `json:"machine_peak_gflops"`
	FallbackShare float64 `json:"fallback_share"`
}

func (a *app) benchEngineCommand() *cobra.Command {
	var seconds float64
	var backend string
	var profile bool
	var names []string
	for _, w := range engineWorkloads {
		names = append(names, w.name)
	}
	for _, k := range engineKernels {
		names = append(names, k.name)
	}
	cmd := &cobra.Command{
		Use:     "engine [WORKLOAD...]",
		Short:   "Measure whole training steps and kernels of the engine",
		Long:    "Measure whole training steps (forward, loss, backward, SGD, float32) and single kernels of the engine. bench/engine.py runs the same in PyTorch, in turn.\n\nWorkloads: " + strings.Join(names, ", ") + ".",
		Example: "  galen bench engine basic-cnn lstm-48 --seconds 10\n  galen bench engine --json",
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return names, cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(_ *cobra.Command, args []string) error {
			for _, n := range args {
				if !slices.Contains(names, n) {
					return fault.WithHint(fault.Errorf(fault.Usage, "no workload of the engine is called %q", n), "%s", "workloads are "+strings.Join(names, ", "))
				}
			}
			return a.benchEngine(args, backend, seconds, profile)
		},
	}
	cmd.Flags().Float64Var(&seconds, "seconds", 5, "how long to repeat each workload")
	cmd.Flags().BoolVar(&profile, "steps", false, "show where the time of each workload goes (not with --json)")
	cmd.Flags().StringVar(&backend, "backend", "cpu", "what computes: cpu, go or xla[:PLUGIN]")
	return cmd
}

func (a *app) benchEngine(names []string, backend string, seconds float64, profile bool) error {
	b, err := nn.Backend(backend)
	if err != nil {
		return err
	}
	peak := tile.Peak() / 1e9 * float64(cpu.Threads())
	show := func(r engineResult) error {
		r.Threads, r.Kernels, r.PeakGFlops = runtime.GOMAXPROCS(0), cpu.Level().String(), peak
		if a.json {
			return json.NewEncoder(a.out).Encode(r)
		}
		rate := fmt.Sprintf("%10.1f samples/s", r.SamplesPerS)
		if r.GFlops > 0 {
			rate = fmt.Sprintf("%10.1f GFLOP/s  ", r.GFlops)
		}
		_, err := fmt.Fprintf(a.out, "%-16s %s  median %9.3f ms  best %9.3f ms  (%d threads, %s; this machine's peak %.0f GFLOP/s)\n", r.Workload, rate, r.MedianMs, r.BestMs, r.Threads, r.Kernels, r.PeakGFlops)
		return err
	}
	for _, w := range engineWorkloads {
		if len(names) > 0 && !slices.Contains(names, w.name) {
			continue
		}
		engine.Profile(profile)
		r, err := w.measure(b, seconds)
		if err != nil {
			return fmt.Errorf("workload %s: %w", w.name, err)
		}
		if err := show(r); err != nil {
			return err
		}
		if profile && !a.json {
			a.showSteps(r.Steps + 2)
		}
	}
	for _, k := range engineKernels {
		if len(names) > 0 && !slices.Contains(names, k.name) {
			continue
		}
		run := k.make()
		times := repeat(seconds, func() error { run(); return nil })
		r := times.result(k.name)
		r.GFlops = k.flop / (r.MsPerStep * 1e6)
		if err := show(r); err != nil {
			return err
		}
	}
	return nil
}

// showSteps prints the costliest steps of the profile, per run.
func (a *app) showSteps(runs int) {
	for i, t := range engine.StepTimes() {
		if i == 30 {
			break
		}
		fmt.Fprintf(a.out, "  %9.3f ms  %4d × %s\n", t.Time.Seconds()*1e3/float64(runs), t.Calls/int64(runs), t.Name)
	}
	engine.Profile(false)
}

// steps are the durations of repeated runs.
type steps []float64

// repeat runs twice for warmth, then as often as fits in the seconds, at least once.
func repeat(seconds float64, run func() error) (list steps) {
	for i, begin := 0, time.Now(); ; i++ {
		if i == 2 {
			begin = time.Now()
		}
		start := time.Now()
		if err := run(); err != nil {
			return nil
		}
		if i < 2 {
			continue
		}
		list = append(list, time.Since(start).Seconds()*1e3)
		if time.Since(begin).Seconds() >= seconds {
			return list
		}
	}
}

func (s steps) result(name string) engineResult {
	r := engineResult{Workload: name, Steps: len(s)}
	for _, ms := range s {
		r.MsPerStep += ms / float64(len(s))
	}
	sorted := slices.Sorted(slices.Values(s))
	r.MedianMs, r.BestMs = sorted[len(sorted)/2], sorted[0]
	return r
}

func (w engineWorkload) measure(b compute.Backend, seconds float64) (engineResult, error) {
	step, err := w.compile(b)
	if err != nil {
		return engineResult{}, err
	}
	defer step.close()
	before, begin := fallbackTime(), time.Now()
	var failed error
	times := repeat(seconds, func() error { failed = step.run(); return failed })
	if failed != nil {
		return engineResult{}, failed
	}
	r := times.result(w.name)
	r.SamplesPerS = float64(w.input[0]) / r.MsPerStep * 1e3
	r.Loss = float64(step.loss)
	r.FallbackShare = (fallbackTime() - before).Seconds() / time.Since(begin).Seconds()
	return r, nil
}

// fallbackTime is the time spent on the stock backend so far.
func fallbackTime() (total time.Duration) {
	for _, t := range engine.FallbackTimes() {
		total += t.Time
	}
	return total
}

// trainingStep is a compiled step with its weights, which it replaces at each run.
type trainingStep struct {
	graph   *graph.Graph
	buffers []compute.Buffer // weights and states, then the input
	donate  []bool
	loss    float32 // of the last step; where there is none, the first number of the output
}

func (w engineWorkload) compile(b compute.Backend) (*trainingStep, error) {
	net, err := w.build()
	if err != nil {
		return nil, err
	}
	weights, err := nn.Init(net, 1, nn.Float32s(w.input...))
	if err != nil {
		return nil, err
	}
	g := graph.NewGraph(b, w.name)
	step := &trainingStep{graph: g}
	err = nn.Catch(func() {
		s := nn.NewScope(g, nn.ScopeOptions{Training: w.loss != "none"})
		outputs := net.Forward(s, graph.Parameter(g, "input", nn.Float32s(w.input...)))
		if w.loss == "none" {
			if err := g.Compile(outputs[0]); err != nil {
				panic(err)
			}
			step.fill(b, w, s, weights)
			return
		}
		loss := w.objective(outputs[0])
		var trained []*nn.Node
		for _, bound := range s.Bound() {
			if bound.Trained {
				trained = append(trained, bound.Node)
			}
		}
		gradients := graph.Gradient(loss, trained...)
		results := []*nn.Node{loss}
		for _, bound := range s.Bound() {
			switch {
			case bound.Trained:
				results = append(results, graph.Sub(bound.Node, graph.MulScalar(gradients[0], 0.01)))
				gradients = gradients[1:]
			case bound.Update != nil:
				results = append(results, bound.Update)
			default:
				results = append(results, bound.Node)
			}
		}
		if err := g.Compile(results...); err != nil {
			panic(err)
		}
		step.fill(b, w, s, weights)
	})
	step.donate = make([]bool, len(step.buffers))
	for i := 1; i < len(step.donate) && w.loss != "none"; i++ {
		step.donate[i] = true
	}
	return step, err
}

// fill makes the buffers of the input, random, and of the weights.
func (s *trainingStep) fill(b compute.Backend, w engineWorkload, scope *nn.Scope, weights *nn.Weights) {
	s.put(b, noise(nn.Float32s(w.input...).Size()), nn.Float32s(w.input...))
	for _, bound := range scope.Bound() {
		t := weights.Lookup(bound.Name)
		s.put(b, t.Data, nn.Float32s(t.Dims...))
	}
}

func (s *trainingStep) put(b compute.Backend, flat []float32, shape nn.Shape) {
	buffer, err := b.BufferFromFlatData(0, flat, shape)
	if err != nil {
		panic(err)
	}
	s.buffers = append(s.buffers, buffer)
}

func (s *trainingStep) run() error {
	outputs, err := s.graph.Executable().Execute(s.buffers, s.donate, 0)
	if err != nil {
		return err
	}
	copy(s.buffers[1:], outputs[1:])
	flat, err := outputs[0].Data()
	if err != nil {
		return err
	}
	s.loss = flat.([]float32)[0]
	return outputs[0].Finalize()
}

func (s *trainingStep) close() {
	for _, b := range s.buffers {
		b.Finalize()
	}
	s.graph.Finalize()
}

func (w engineWorkload) objective(out *nn.Node) *nn.Node {
	switch w.loss {
	case "ce":
		labels := make([]int32, w.input[0])
		for i := range labels {
			labels[i] = int32(i % 10)
		}
		return nn.CrossEntropy{}.Loss(out, graph.Const(out.Graph(), labels))
	case "bce":
		return nn.Binary{}.Loss(out, graph.ZerosLike(out))
	}
	return graph.ReduceAllMean(graph.Square(out))
}

// conv3DBlocks are two levels of the encoder of a 3-D U-Net.
func conv3DBlocks() (*nn.Net, error) {
	return &nn.Net{Name: "conv3d-32", Inputs: []nn.Input{{Name: "x", DType: dtypes.Float32, Dims: make([]int, 5)}}, Forward: func(s *nn.Scope, in ...*nn.Node) []*nn.Node {
		x := in[0]
		for i, b := range []struct{ out, stride int }{{16, 1}, {16, 1}, {32, 2}, {32, 1}} {
			at := s.In(fmt.Sprintf("block%d", i+1))
			x = at.In("conv").Conv(x, b.out, []int{3}, nn.Conv{Stride: []int{b.stride}, Padding: nn.Pad(1), NoBias: true})
			x = nn.LeakyReLU(at.In("norm").InstanceNorm(x, nn.Norm{}), 0.01)
		}
		return []*nn.Node{s.In("out").Conv(x, 2, []int{1}, nn.Conv{})}
	}}, nil
}

func noise(n int) []float32 {
	rng := rand.New(rand.NewPCG(3, 4))
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(rng.NormFloat64())
	}
	return x
}

func benchProduct() func() {
	a, b, c := noise(1<<20), noise(1<<20), make([]float32, 1<<20)
	p := gemm.New(gemm.Shape{M: 1024, N: 1024, K: 1024}, nil)
	return func() { p.Run(a, b, c) }
}

func benchConv(backward bool) func() {
	s := conv.Shape{N: 32, In: [3]int{1, 32, 32}, Cin: 64, Cout: 64, Kernel: [3]int{1, 3, 3}, PadLow: [3]int{0, 1, 1}, PadHigh: [3]int{0, 1, 1}}
	x, w, y := noise(s.XLen()), noise(s.WeightsLen()), make([]float32, s.YLen())
	forward := conv.New(s, nil)
	if !backward {
		return func() { forward.Forward(x, w, y) }
	}
	dy, dx, dw := noise(s.YLen()), make([]float32, s.XLen()), make([]float32, s.WeightsLen())
	back := conv.New(s.DataGradient(), nil)
	return func() {
		forward.Forward(x, w, y)
		back.Forward(dy, w, dx)
		forward.WeightGradient(x, dy, dw)
	}
}

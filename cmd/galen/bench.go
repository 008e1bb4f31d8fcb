package main

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"galen.dev/fault"
	"galen.dev/table"
	"galen.dev/tree"
)

// workload is one thing that `galen bench` times. run does it once and returns how much was done, in units.
type workload struct {
	name, short, unit string
	// prepare makes the input, untimed, and returns what is timed.
	prepare func(ctx context.Context, dir string) (run func(ctx context.Context) (amount float64, err error), err error)
}

// workloads are Galen's own figures; the scripts in bench/ put other programs beside them.
var workloads = []workload{
	{"table-csv", "read a CSV of 200 MB into typed columns, kinds inferred", "MB/s", benchCSV},
	{"boost-1m", "fit 100 boosted trees of 31 leaves to 1,000,000 × 30", "fits/s", benchBoost},
	{"forest-100k", "fit 100 random trees to 100,000 × 30", "fits/s", benchForest},
	{"treeshap", "explain rows by 500 boosted trees of depth 8", "rows/s", benchShap},
	{"predict-explain", "predict and explain one case at a time by 300 trees of 31 leaves", "cases/s", benchOne},
}

// benchResult is one line of the output.
type benchResult struct {
	Workload string  `json:"workload"`
	Unit     string  `json:"unit"`
	Median   float64 `json:"median"`
	Best     float64 `json:"best"`
	Runs     int     `json:"runs"`
	Cores    int     `json:"cores"`
	// Copy is the rate at which this machine copies memory on one core, in MB/s: what no reader can pass.
	Copy float64 `json:"memory_copy_mb_s"`
}

func (a *app) benchCommand() *cobra.Command {
	var seconds float64
	cmd := &cobra.Command{
		Use:     "bench [WORKLOAD...]",
		Short:   "Measure the speed of this machine's Galen",
		Long:    "Measure the speed of this machine's Galen on generated data. The scripts in bench/ run other programs on the same work, in turn.\n\nWorkloads:\n" + workloadList(),
		Example: "  galen bench table-csv --seconds 10\n  galen bench --json",
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return workloadNames(), cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(cmd *cobra.Command, args []string) error { return a.bench(cmd.Context(), args, seconds) },
	}
	cmd.Flags().Float64Var(&seconds, "seconds", 5, "how long to repeat each workload; at least one run is made")
	cmd.AddCommand(a.benchEngineCommand())
	return cmd
}

func workloadNames() []string {
	names := make([]string, len(workloads))
	for i, w := range workloads {
		names[i] = w.name
	}
	return names
}

func workloadList() string {
	var b strings.Builder
	for _, w := range workloads {
		fmt.Fprintf(&b, "  %-16s %s (%s)\n", w.name, w.short, w.unit)
	}
	return b.String()
}

func (a *app) bench(ctx context.Context, names []string, seconds float64) error {
	if len(names) == 0 {
		names = workloadNames()
	}
	for _, n := range names {
		if !slices.Contains(workloadNames(), n) {
			return fault.WithHint(fault.Errorf(fault.Usage, "no workload is called %q", n), "%s", "workloads are "+strings.Join(workloadNames(), ", "))
		}
	}
	dir, err := os.MkdirTemp("", "galen-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	limit := copyRate()
	results := []benchResult{}
	for _, w := range workloads {
		if !slices.Contains(names, w.name) {
			continue
		}
		r, err := w.measure(ctx, dir, seconds)
		if err != nil {
			return fmt.Errorf("workload %s: %w", w.name, err)
		}
		r.Copy = limit
		results = append(results, r)
		if !a.json {
			fmt.Fprintf(a.out, "%-16s median %10.4g %-8s best %10.4g  (%d runs, %d cores; memory copy %.0f MB/s)\n", r.Workload, r.Median, r.Unit, r.Best, r.Runs, r.Cores, r.Copy)
		}
	}
	if a.json {
		return a.print(results, nil)
	}
	return nil
}

func (w *workload) measure(ctx context.Context, dir string, seconds float64) (benchResult, error) {
	r := benchResult{Workload: w.name, Unit: w.unit, Cores: runtime.GOMAXPROCS(0)}
	run, err := w.prepare(ctx, dir)
	if err != nil {
		return r, err
	}
	var rates []float64
	for begin := time.Now(); len(rates) == 0 || time.Since(begin).Seconds() < seconds; {
		start := time.Now()
		amount, err := run(ctx)
		if err != nil {
			return r, err
		}
		rates = append(rates, amount/time.Since(start).Seconds())
	}
	slices.Sort(rates)
	r.Runs, r.Median, r.Best = len(rates), rates[len(rates)/2], rates[len(rates)-1]
	return r, nil
}

// copyRate measures how fast one core copies memory, in MB/s.
func copyRate() float64 {
	from, to := make([]byte, 64<<20), make([]byte, 64<<20)
	copy(to, from)
	best := 0.0
	for range 5 {
		start := time.Now()
		copy(to, from)
		best = math.Max(best, float64(len(from))/1e6/time.Since(start).Seconds())
	}
	return best
}

func benchCSV(_ context.Context, dir string) (func(context.Context) (float64, error), error) {
	const target = 200e6
	f, err := os.CreateTemp(dir, "bench-*.csv")
	if err != nil {
		return nil, err
	}
	rng := rand.New(rand.NewPCG(1, 2))
	line := []byte("id,age,sex,site,weight (kg),crp (mg/l),seen,note\n")
	var buf []byte
	size := 0
	for i := 0; size < target; i++ {
		buf = append(buf, line...)
		line = line[:0]
		line = append(strconv.AppendInt(line, int64(i), 10), ',')
		line = append(strconv.AppendFloat(line, 20+rng.Float64()*70, 'f', 1, 64), ',')
		line = append(append(line, []string{"female", "male"}[rng.IntN(2)]...), ',')
		line = append(append(line, []string{"north", "south", "east", "west"}[rng.IntN(4)]...), ',')
		line = append(strconv.AppendFloat(line, 40+rng.Float64()*80, 'f', 2, 64), ',')
		line = append(strconv.AppendFloat(line, rng.ExpFloat64()*10, 'f', 3, 64), ',')
		line = append(line, "2024-"...)
		line = append(fmt.Appendf(line, "%02d-%02d", 1+rng.IntN(12), 1+rng.IntN(28)), ",\"stable, \"\"seen\"\" again\"\n"...)
		if len(buf) > 1<<20 {
			size += len(buf)
			if _, err := f.Write(buf); err != nil {
				return nil, err
			}
			buf = buf[:0]
		}
	}
	if err := f.Close(); err != nil {
		return nil, err
	}
	return func(ctx context.Context) (float64, error) {
		_, err := table.Read(ctx, f.Name(), table.Options{})
		return float64(size) / 1e6, err
	}, nil
}

// benchTable is a generated binary problem: the outcome follows ten of the columns, two of them together.
func benchTable(n, p int) (X [][]float64, y []float64) {
	rng := rand.New(rand.NewPCG(3, 4))
	X, y = make([][]float64, p), make([]float64, n)
	for j := range X {
		X[j] = make([]float64, n)
		for i := range X[j] {
			X[j][i] = rng.NormFloat64()
		}
	}
	for i := range y {
		logit := X[0][i]*X[1][i] + math.Sin(3*X[2][i])
		for j := 3; j < 10; j++ {
			logit += .4 * X[j][i]
		}
		if rng.Float64() < 1/(1+math.Exp(-logit)) {
			y[i] = 1
		}
	}
	return X, y
}

func benchBoost(context.Context, string) (func(context.Context) (float64, error), error) {
	X, y := benchTable(1_000_000, 30)
	return func(ctx context.Context) (float64, error) {
		_, err := tree.FitBoost(ctx, X, y, nil, tree.BoostParams{Loss: tree.Logistic, Rounds: 100, Leaves: 31, Depth: -1, LearningRate: .1, RowFraction: 1, FeatureFraction: 1})
		return 1, err
	}, nil
}

func benchForest(context.Context, string) (func(context.Context) (float64, error), error) {
	X, y := benchTable(100_000, 30)
	return func(ctx context.Context) (float64, error) {
		_, err := tree.FitForest(ctx, X, y, nil, tree.ForestParams{Classes: 2, Trees: 100, MinLeaf: 1})
		return 1, err
	}, nil
}

func benchShap(ctx context.Context, _ string) (func(context.Context) (float64, error), error) {
	X, y := benchTable(20_000, 30)
	b, err := tree.FitBoost(ctx, X, y, nil, tree.BoostParams{Loss: tree.Logistic, Rounds: 500, Leaves: 256, Depth: 8})
	if err != nil {
		return nil, err
	}
	const rows = 1000
	part := make([][]float64, len(X))
	for j := range X {
		part[j] = X[j][:rows]
	}
	return func(ctx context.Context) (float64, error) {
		_, err := b.Explainer().ExplainColumns(ctx, part)
		return rows, err
	}, nil
}

func benchOne(ctx context.Context, _ string) (func(context.Context) (float64, error), error) {
	X, y := benchTable(20_000, 30)
	b, err := tree.FitBoost(ctx, X, y, nil, tree.BoostParams{Loss: tree.Logistic, Rounds: 300, Leaves: 31})
	if err != nil {
		return nil, err
	}
	x := b.Explainer()
	row := make([]float64, len(X))
	i := 0
	return func(context.Context) (float64, error) {
		const cases = 100
		for range cases {
			for j := range X {
				row[j] = X[j][i]
			}
			i = (i + 1) % len(y)
			b.Predict(row)
			x.Explain(row)
		}
		return cases, nil
	}, nil
}

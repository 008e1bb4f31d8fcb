// Command treebench times package tree on a table in a raw binary file, for bench/tree.py, which runs the peers
// on the same table. It prints one JSON object.
//
// A table file holds, in little-endian: the number of rows and of features as uint32, then the target and each
// feature as a float64 column.
package main

import (
	"bufio"
	"context"
	"encoding/binary"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"math"
	"os"
	"runtime/pprof"
	"slices"
	"time"

	"galen.dev/tree"
)

var (
	task       = flag.String("task", "boost", "boost, forest, shap, shap-single or shap-background")
	trainFile  = flag.String("train", "", "table to fit on")
	testFile   = flag.String("test", "", "table to predict or explain")
	rounds     = flag.Int("rounds", 100, "rounds or trees")
	leaves     = flag.Int("leaves", 31, "leaves of a boosted tree")
	depth      = flag.Int("depth", -1, "depth of a tree; negative: no bound")
	rate       = flag.Float64("rate", 0.1, "learning rate")
	minLeaf    = flag.Int("min-leaf", 20, "fewest rows of a leaf")
	background = flag.Int("background", 100, "background rows of shap-background")
	explained  = flag.Int("explain", 0, "rows to explain; 0: all of the test table")
	profile    = flag.String("profile", "", "write a CPU profile to this file")
	out        = flag.String("out", "", "write predictions or explanations as float64 to this file")
)

func main() {
	flag.Parse()
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "treebench:", err)
		os.Exit(1)
	}
}

type result struct {
	Seconds        float64 `json:"seconds"`
	PredictSeconds float64 `json:"predict_seconds,omitempty"`
	AUROC          float64 `json:"auroc,omitempty"`
	LogLoss        float64 `json:"log_loss,omitempty"`
	Off            float64 `json:"largest_difference_of_sum,omitempty"`
}

func run() error {
	x, y, err := read(*trainFile)
	if err != nil {
		return err
	}
	tx, ty, err := read(*testFile)
	if err != nil {
		return err
	}
	if *profile != "" {
		f, err := os.Create(*profile)
		if err != nil {
			return err
		}
		defer f.Close()
		if err := pprof.StartCPUProfile(f); err != nil {
			return err
		}
		defer pprof.StopCPUProfile()
	}
	var r result
	var values []float64
	if *task == "forest" {
		r, values, err = forest(x, y, tx, ty)
	} else {
		r, values, err = boost(x, y, tx, ty)
	}
	if err != nil {
		return err
	}
	if *out != "" {
		if err := write(*out, values); err != nil {
			return err
		}
	}
	return json.NewEncoder(os.Stdout).Encode(r)
}

func boost(x [][]float64, y []float64, tx [][]float64, ty []float64) (r result, values []float64, err error) {
	start := time.Now()
	m, err := tree.FitBoost(context.Background(), x, y, nil, tree.BoostParams{
		Loss: tree.Logistic, Rounds: *rounds, Leaves: *leaves, Depth: *depth, LearningRate: *rate,
		MinRows: *minLeaf, L2: -1, RowFraction: 1, FeatureFraction: 1,
	})
	if err != nil {
		return r, nil, err
	}
	if *task != "boost" {
		return explain(m, tx)
	}
	r.Seconds = time.Since(start).Seconds()
	start = time.Now()
	p := m.PredictColumns(tx)[0]
	r.PredictSeconds = time.Since(start).Seconds()
	r.AUROC, r.LogLoss = auroc(p, ty), logLoss(p, ty)
	return r, p, nil
}

func explain(m *tree.Boost, x [][]float64) (r result, values []float64, err error) {
	n := len(x[0])
	if *explained > 0 {
		n = min(n, *explained)
	}
	rows := make([][]float64, len(x))
	for f := range x {
		rows[f] = x[f][:n]
	}
	start := time.Now()
	ex := m.Explainer()
	if *task == "shap-background" {
		bg := make([][]float64, len(x))
		for f := range x {
			bg[f] = x[f][len(x[f])-*background:]
		}
		if ex, err = m.ExplainerAgainst(bg); err != nil {
			return r, nil, err
		}
	}
	if *task == "shap-single" {
		row := make([]float64, len(x))
		times := make([]float64, n)
		for i := range n {
			for f := range row {
				row[f] = x[f][i]
			}
			start := time.Now()
			m.Predict(row)
			ex.Explain(row)
			times[i] = time.Since(start).Seconds()
		}
		slices.Sort(times)
		r.Seconds = times[n/2]
		return r, nil, nil
	}
	phi, err := ex.ExplainColumns(context.Background(), rows)
	if err != nil {
		return r, nil, err
	}
	r.Seconds = time.Since(start).Seconds()
	margin, base := m.MarginColumns(rows)[0], ex.Base()[0]
	for i := range n {
		sum := base
		for f := range phi[0] {
			sum += phi[0][f][i]
			values = append(values, phi[0][f][i])
		}
		r.Off = max(r.Off, math.Abs(sum-margin[i]))
	}
	return r, values, nil
}

func forest(x [][]float64, y []float64, tx [][]float64, ty []float64) (r result, values []float64, err error) {
	start := time.Now()
	m, err := tree.FitForest(context.Background(), x, y, nil, tree.ForestParams{Classes: 2, Trees: *rounds, MinLeaf: *minLeaf})
	if err != nil {
		return r, nil, err
	}
	r.Seconds = time.Since(start).Seconds()
	start = time.Now()
	p := m.PredictColumns(tx)[0]
	r.PredictSeconds = time.Since(start).Seconds()
	r.AUROC, r.LogLoss = auroc(p, ty), logLoss(p, ty)
	return r, p, nil
}

func read(name string) (x [][]float64, y []float64, err error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, nil, err
	}
	defer f.Close()
	r := bufio.NewReaderSize(f, 1<<20)
	var head [2]uint32
	if err := binary.Read(r, binary.LittleEndian, &head); err != nil {
		return nil, nil, err
	}
	cols := make([][]float64, head[1]+1)
	buf := make([]byte, 8*head[0])
	for c := range cols {
		if _, err := io.ReadFull(r, buf); err != nil {
			return nil, nil, err
		}
		cols[c] = make([]float64, head[0])
		for i := range cols[c] {
			cols[c][i] = math.Float64frombits(binary.LittleEndian.Uint64(buf[8*i:]))
		}
	}
	return cols[1:], cols[0], nil
}

func write(name string, values []float64) error {
	b := make([]byte, 0, 8*len(values))
	for _, v := range values {
		b = binary.LittleEndian.AppendUint64(b, math.Float64bits(v))
	}
	return os.WriteFile(name, b, 0o644)
}

// auroc is the chance that a case with y = 1 gets a larger p than one with y = 0.
func auroc(p, y []float64) float64 {
	order := make([]int, len(p))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int {
		switch {
		case p[a] < p[b]:
			return -1
		case p[a] > p[b]:
			return 1
		}
		return 0
	})
	var ranks, ones float64
	for i := 0; i < len(order); {
		j := i
		for j < len(order) && p[order[j]] == p[order[i]] {
			j++
		}
		for _, o := range order[i:j] {
			if y[o] == 1 {
				ranks += float64(i+j+1) / 2
				ones++
			}
		}
		i = j
	}
	zeros := float64(len(p)) - ones
	return (ranks - ones*(ones+1)/2) / (ones * zeros)
}

func logLoss(p, y []float64) float64 {
	var s float64
	for i, v := range p {
		if y[i] == 0 {
			v = 1 - v
		}
		s -= math.Log(max(v, 1e-15))
	}
	return s / float64(len(p))
}

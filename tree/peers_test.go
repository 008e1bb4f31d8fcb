package tree

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// peerSet is a table with test splits and the mean scores that other programs reach on them.
type peerSet struct {
	Classes int
	Tests   [][]int
	X       [][]float64
	Y       []float64
	Cats    []int `json:"-"`
	Peers   map[string]map[string]struct{ Auroc, Loss float64 }
}

// With nothing but defaults, the fits are no worse than the best peer of their family with its defaults, on the
// same splits: within half a percent of AUROC, and within five percent of the loss or, for classes, 0.015, which is
// what ten test sets of some dozens of rows can tell apart.
func TestNoWorseThanPeers(t *testing.T) {
	data, err := os.ReadFile("testdata/peers.json")
	if err != nil {
		t.Fatal(err)
	}
	sets := map[string]*peerSet{}
	if err := json.Unmarshal(data, &sets); err != nil {
		t.Fatal(err)
	}
	for name, s := range sets {
		t.Run(name, func(t *testing.T) {
			if s.X == nil {
				s.X, s.Y, s.Cats = readHeart(t)
			}
			for family, fit := range map[string]func(m made, seed uint64) func([][]float64) [][]float64{
				"boost": func(m made, _ uint64) func([][]float64) [][]float64 {
					loss := [...]Loss{Squared, 0, Logistic, Softmax}[s.Classes]
					return mustBoost(t, m, nil, BoostParams{Loss: loss, Classes: s.Classes, Categories: m.cats}).PredictColumns
				},
				"forest": func(m made, seed uint64) func([][]float64) [][]float64 {
					return mustForest(t, m, nil, ForestParams{Classes: s.Classes, Categories: m.cats, Seed: seed}).PredictColumns
				},
			} {
				var auc, loss float64
				for seed, test := range s.Tests {
					predict := fit(s.without(test), uint64(seed))
					a, l := s.score(test, predict)
					auc += a / float64(len(s.Tests))
					loss += l / float64(len(s.Tests))
				}
				bestAUC, bestLoss := 0.0, math.Inf(1)
				for _, p := range s.Peers[family] {
					bestAUC, bestLoss = max(bestAUC, p.Auroc), min(bestLoss, p.Loss)
				}
				t.Logf("%s: AUROC %.4f (best peer %.4f), loss %.4f (best peer %.4f)", family, auc, bestAUC, loss, bestLoss)
				if s.Classes == 2 && auc < bestAUC-0.005 {
					t.Errorf("%s: AUROC %.4f, the best peer has %.4f", family, auc, bestAUC)
				}
				slack := bestLoss * 0.05
				if s.Classes > 0 {
					slack = max(slack, 0.015)
				}
				if loss > bestLoss+slack {
					t.Errorf("%s: loss %.4f, the best peer has %.4f", family, loss, bestLoss)
				}
			}
		})
	}
}

// without is the table less the test rows.
func (s *peerSet) without(test []int) made {
	m := made{x: make([][]float64, len(s.X)), cats: s.Cats}
	for i, y := range s.Y {
		if slices.Contains(test, i) {
			continue
		}
		m.y = append(m.y, y)
		for f := range s.X {
			m.x[f] = append(m.x[f], s.X[f][i])
		}
	}
	return m
}

func (s *peerSet) score(test []int, predict func([][]float64) [][]float64) (auc, loss float64) {
	x, y := make([][]float64, len(s.X)), make([]float64, len(test))
	for i, r := range test {
		y[i] = s.Y[r]
		for f := range s.X {
			x[f] = append(x[f], s.X[f][r])
		}
	}
	p := predict(x)
	for i := range y {
		switch s.Classes {
		case 0:
			loss += (p[0][i] - y[i]) * (p[0][i] - y[i])
		case 2:
			loss -= math.Log(max(1e-15, y[i]*p[0][i]+(1-y[i])*(1-p[0][i])))
		default:
			loss -= math.Log(max(1e-15, p[int(y[i])][i]))
		}
	}
	if s.Classes == 2 {
		auc = auroc(p[0], y)
	}
	return auc, loss / float64(len(y))
}

// readHeart reads the Cleveland heart table, categories as indices into the levels that the header declares.
func readHeart(t *testing.T) (x [][]float64, y []float64, cats []int) {
	dir := os.Getenv("GALEN_DATA")
	if dir == "" {
		t.Skip("GALEN_DATA is not set: no heart_cleveland.arff")
	}
	data, err := os.ReadFile(filepath.Join(dir, "diagnosis", "heart_cleveland.arff"))
	if err != nil {
		t.Skip(err)
	}
	var levels [][]string
	set := regexp.MustCompile(`\{(.*)\}`)
	split := func(s string) []string {
		cells := strings.Split(s, ",")
		for i := range cells {
			cells[i] = strings.Trim(cells[i], " '\r")
		}
		return cells
	}
	inData := false
	for _, line := range strings.Split(string(data), "\n") {
		switch low := strings.ToLower(line); {
		case strings.HasPrefix(low, "@attribute"):
			var l []string
			if m := set.FindStringSubmatch(line); m != nil {
				l = split(m[1])
			}
			levels = append(levels, l)
		case strings.HasPrefix(low, "@data"):
			inData = true
			x = make([][]float64, len(levels))
		case inData && line != "" && line[0] != '%':
			for f, c := range split(line) {
				v := math.NaN()
				if levels[f] != nil && c != "?" {
					v = float64(slices.Index(levels[f], c))
				} else if c != "?" {
					if v, err = strconv.ParseFloat(c, 64); err != nil {
						t.Fatal(err)
					}
				}
				x[f] = append(x[f], v)
			}
		}
	}
	last := len(x) - 1
	for _, l := range levels[:last] {
		cats = append(cats, len(l))
	}
	return x[:last], x[last], cats
}

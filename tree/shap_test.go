package tree

import (
	"context"
	"fmt"
	"math"
	"math/bits"
	"testing"
)

// shapModel is a model to explain with the value that is explained.
type shapModel struct {
	name  string
	m     made
	e     *ensemble
	value func(x []float64) []float64
	path  *Explainer
	back  *Explainer
}

func shapModels(t testing.TB, features int) []shapModel {
	t.Helper()
	var out []shapModel
	for _, classes := range []int{0, 2, 3} {
		for _, levels := range []int{0, 6} {
			m := makeTable(uint64(10*classes+levels), 400, features, classes, levels, 0.1)
			loss := Squared
			if classes == 2 {
				loss = Logistic
			} else if classes > 2 {
				loss = Softmax
			}
			bg := make([][]float64, features)
			for f := range bg {
				bg[f] = m.x[f][:70] // more than one word of a bit set
			}
			b := mustBoost(t, m, nil, BoostParams{Loss: loss, Classes: classes, Rounds: 12, LearningRate: 0.3, Depth: -1, MinRows: 3, Categories: m.cats})
			bb, err := b.ExplainerAgainst(bg)
			if err != nil {
				t.Fatal(err)
			}
			name := fmt.Sprintf("classes %d, levels %d", classes, levels)
			out = append(out, shapModel{"boost, " + name, m, b.ens, b.Margin, b.Explainer(), bb})
			f := mustForest(t, m, nil, ForestParams{Classes: classes, Trees: 7, MinLeaf: 1, Categories: m.cats})
			fb, err := f.ExplainerAgainst(bg)
			if err != nil {
				t.Fatal(err)
			}
			out = append(out, shapModel{"forest, " + name, m, f.ens, f.Predict, f.Explainer(), fb})
		}
	}
	return out
}

// The contributions and the base add up to the prediction: the promise of every explanation.
func TestLocalAccuracy(t *testing.T) {
	for _, s := range shapModels(t, 14) {
		for i := range 60 {
			x := s.m.row(i)
			want := s.value(x)
			for kind, ex := range map[string]*Explainer{"path": s.path, "background": s.back} {
				a := ex.Explain(x)
				for k := range want {
					sum := a.Base[k]
					for _, v := range a.Phi[k] {
						sum += v
					}
					if d := math.Abs(sum - want[k]); !(d <= 1e-9) {
						t.Fatalf("%s, %s, row %d, output %d: sum is off by %g", s.name, kind, i, k, d)
					}
				}
			}
		}
	}
}

// On few features Shapley values follow from their definition: a sum over all subsets.
func TestAgainstBruteForce(t *testing.T) {
	for _, s := range shapModels(t, 8) {
		for i := range 3 {
			x := s.m.row(i * 17)
			check := func(kind string, ex *Explainer, game func(known uint, k int) float64) {
				a := ex.Explain(x)
				for k := range a.Phi {
					want := bruteForce(len(x), func(known uint) float64 { return game(known, k) })
					for f, w := range want {
						if d := math.Abs(a.Phi[k][f] - w); !(d <= 1e-10) {
							t.Fatalf("%s, %s, row %d, output %d, feature %d: off by %g", s.name, kind, i, k, f, d)
						}
					}
				}
			}
			check("path", s.path, func(known uint, k int) float64 { return pathGame(s.e, x, known, k) })
			check("background", s.back, func(known uint, k int) float64 { return backgroundGame(s, x, known, k) })
		}
	}
}

func bruteForce(n int, game func(known uint) float64) []float64 {
	v := make([]float64, 1<<n)
	for known := range v {
		v[known] = game(uint(known))
	}
	fact := make([]float64, n+1)
	fact[0] = 1
	for i := 1; i <= n; i++ {
		fact[i] = fact[i-1] * float64(i)
	}
	phi := make([]float64, n)
	for f := range phi {
		for known := range v {
			if known>>f&1 == 0 {
				s := bits.OnesCount(uint(known))
				phi[f] += fact[s] * fact[n-s-1] / fact[n] * (v[known|1<<f] - v[known])
			}
		}
	}
	return phi
}

// pathGame is the model's value with some features known, averaging over the children of other splits.
func pathGame(e *ensemble, x []float64, known uint, k int) float64 {
	var walk func(i int32) float64
	walk = func(i int32) float64 {
		n := &e.nodes[i]
		if n.feat&isLeaf != 0 {
			if e.width > 1 {
				return e.values(i)[k]
			}
			return n.value
		}
		f := n.feat >> flagBits
		if known>>f&1 == 1 {
			if e.goesLeft(n, x[f]) {
				return walk(i + 1)
			}
			return walk(n.right)
		}
		l, r := e.cover[i+1], e.cover[n.right]
		return (l*walk(i+1) + r*walk(n.right)) / (l + r)
	}
	var s float64
	for t := range e.trees() {
		if e.width > 1 || t%e.outputs == k {
			s += walk(e.roots[t])
		}
	}
	return s
}

// backgroundGame is the mean prediction with the unknown features taken from the background.
func backgroundGame(s shapModel, x []float64, known uint, k int) float64 {
	var sum float64
	n := s.back.back.rows
	for r := range n {
		z := s.m.row(r)
		for f := range z {
			if known>>f&1 == 1 {
				z[f] = x[f]
			}
		}
		sum += s.value(z)[k]
	}
	return sum / float64(n)
}

// Many rows at once and one row alone give the same bits, with stored tables and without, in assembly and in Go.
func TestExplainColumnsSameBits(t *testing.T) {
	fast := useAVX2
	defer func() { useAVX2 = fast }()
	for _, s := range shapModels(t, 9) {
		for _, ex := range []*Explainer{s.path, s.back} {
			useAVX2 = fast
			phi, err := ex.ExplainColumns(context.Background(), s.m.x)
			if err != nil {
				t.Fatal(err)
			}
			again := *ex
			if ex.path != nil {
				p := *ex.path
				p.stored = false
				again.path = &p
				useAVX2 = false
			}
			for i := 0; i < 400; i += 37 {
				a := again.Explain(s.m.row(i))
				for k := range a.Phi {
					for f, v := range a.Phi[k] {
						if phi[k][f][i] != v {
							t.Fatalf("%s, row %d: columns and row differ", s.name, i)
						}
					}
				}
			}
		}
	}
}

func TestExplainColumnsStops(t *testing.T) {
	s := shapModels(t, 5)[0]
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := s.path.ExplainColumns(ctx, s.m.x); err != context.Canceled {
		t.Fatalf("error %v, want context.Canceled", err)
	}
}

func TestGaussLegendre(t *testing.T) {
	for n := 1; n <= 40; n++ {
		nodes, w := gaussLegendre(n)
		for degree := range 2 * n {
			var s float64
			for i := range nodes {
				s += w[i] * math.Pow(nodes[i], float64(degree))
			}
			if d := math.Abs(s*float64(degree+1) - 1); d > 1e-13*float64(n) {
				t.Fatalf("%d nodes, degree %d: off by %g", n, degree, d)
			}
		}
	}
}

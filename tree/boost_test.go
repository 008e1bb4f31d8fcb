package tree

import (
	"context"
	"math"
	"math/rand/v2"
	"testing"

	"pgregory.net/rapid"
)

// One split of a small table has the largest gain that trying everything finds: all thresholds with missing
// values on either side, and all subsets of categories.
func TestFirstSplitIsBest(t *testing.T) {
	for seed := range uint64(60) {
		classes := []int{0, 2}[seed%2]
		m := makeTable(seed, 40, 5, classes, 5, 0.15)
		rng := rand.New(rand.NewPCG(seed, 2))
		var w []float64
		if seed%3 == 0 {
			w = make([]float64, len(m.y))
			for i := range w {
				w[i] = rng.Float64() + 0.1
			}
		}
		p := BoostParams{
			Rounds: 1, Leaves: 2, LearningRate: 1, RowFraction: 1, FeatureFraction: 1, Categories: m.cats, MinRows: 1 + int(seed%7),
			L2: []float64{-1, 1, 3}[seed%3], L1: []float64{0, 0.7}[seed/2%2], CatSmooth: -1, CatL2: -1, MinHessian: -1,
		}
		if classes == 2 {
			p.Loss = Logistic
		}
		b := mustBoost(t, m, w, p)
		want := bestGain(m, w, p.withDefaults(len(m.y)), b.base[0])
		got := 0.0
		for _, g := range b.Importance().Gain {
			got += g
		}
		// A mean gradient of 40 rows has some 26 bits.
		if math.Abs(got-want) > 1e-6*(1+want) {
			t.Errorf("seed %d: gain %g, but the best split has %g", seed, got, want)
		}
	}
}

// bestGain tries every split of the whole table.
func bestGain(m made, w []float64, p BoostParams, base float64) float64 {
	n := len(m.y)
	g, h := make([]float64, n), make([]float64, n)
	for i, y := range m.y {
		g[i], h[i] = base-y, 1
		if p.Loss == Logistic {
			q := sigmoid(base)
			g[i], h[i] = q-y, q*(1-q)
		}
		g[i] *= weightAt(w, i)
		h[i] *= weightAt(w, i)
	}
	side := func(in func(i int) bool) (score float64, rows int) {
		var sg, sh float64
		for i := range n {
			if in(i) {
				sg, sh, rows = sg+g[i], sh+h[i], rows+1
			}
		}
		s := shrink(sg, p.L1)
		return s * s / (sh + p.L2), rows
	}
	own, _ := side(func(int) bool { return true })
	best := 0.0
	try := func(left func(i int) bool) {
		a, na := side(left)
		b, nb := side(func(i int) bool { return !left(i) })
		if na >= p.MinRows && nb >= p.MinRows {
			best = max(best, a+b-own)
		}
	}
	for f, x := range m.x {
		if m.cats[f] > 0 {
			for set := range 1 << (m.cats[f] + 1) {
				try(func(i int) bool {
					c := m.cats[f]
					if x[i] == x[i] {
						c = int(x[i])
					}
					return set>>c&1 == 1
				})
			}
			continue
		}
		for _, cut := range append([]float64{math.Inf(1)}, x...) {
			if cut == cut {
				try(func(i int) bool { return x[i] <= cut })
				try(func(i int) bool { return x[i] <= cut || x[i] != x[i] })
			}
		}
	}
	return best
}

// The value of a leaf is the Newton step of its rows.
func TestLeafValues(t *testing.T) {
	m := makeTable(3, 300, 4, 2, 0, 0.1)
	b := mustBoost(t, m, nil, BoostParams{Loss: Logistic, Rounds: 1, Leaves: 8, LearningRate: 1, L2: 2, RowFraction: 1, FeatureFraction: 1})
	sums := map[float64][2]float64{}
	p := sigmoid(b.base[0])
	for i, y := range m.y {
		v := b.Margin(m.row(i))[0]
		s := sums[v]
		sums[v] = [2]float64{s[0] + p - y, s[1] + p*(1-p)}
	}
	if len(sums) < 4 {
		t.Fatalf("only %d leaves", len(sums))
	}
	for v, s := range sums {
		if want := b.base[0] - s[0]/(s[1]+2); math.Abs(v-want) > 1e-12 {
			t.Errorf("leaf %g, want %g", v, want)
		}
	}
}

func TestBoostLearns(t *testing.T) {
	train, test := makeTable(1, 2000, 8, 2, 6, 0.1), makeTable(2, 1000, 8, 2, 6, 0.1)
	b := mustBoost(t, train, nil, BoostParams{Loss: Logistic, Categories: train.cats})
	if a := auroc(b.PredictColumns(test.x)[0], test.y); a < 0.84 {
		t.Errorf("AUROC %.3f on a strong signal", a)
	}
	reg, regTest := makeTable(1, 2000, 8, 0, 6, 0.1), makeTable(2, 1000, 8, 0, 6, 0.1)
	var varY float64
	my := mean(regTest.y)
	for _, y := range regTest.y {
		varY += (y - my) * (y - my)
	}
	for loss, want := range map[Loss]float64{Squared: 0.6, Absolute: 0.55, Huber: 0.6} {
		b := mustBoost(t, reg, nil, BoostParams{Loss: loss, Categories: reg.cats})
		var e float64
		for i, p := range b.PredictColumns(regTest.x)[0] {
			e += (p - regTest.y[i]) * (p - regTest.y[i])
		}
		if r2 := 1 - e/varY; r2 < want {
			t.Errorf("%v: R² %.3f, want at least %.2f", loss, r2, want)
		}
	}
	three, threeTest := makeTable(1, 2000, 8, 3, 6, 0.1), makeTable(2, 1000, 8, 3, 6, 0.1)
	b = mustBoost(t, three, nil, BoostParams{Loss: Softmax, Classes: 3, Categories: three.cats})
	p, right := b.PredictColumns(threeTest.x), 0
	for i, y := range threeTest.y {
		if math.Abs(p[0][i]+p[1][i]+p[2][i]-1) > 1e-12 {
			t.Fatal("probabilities do not add up to 1")
		}
		if k := int(y); p[k][i] >= max(p[0][i], p[1][i], p[2][i]) {
			right++
		}
	}
	if right < 650 {
		t.Errorf("%d of 1000 classes right", right)
	}
}

func mean(v []float64) float64 {
	var s float64
	for _, x := range v {
		s += x
	}
	return s / float64(len(v))
}

// A quantile fit leaves the wanted share of the rows below it.
func TestQuantileCovers(t *testing.T) {
	m, test := makeTable(1, 3000, 5, 0, 0, 0), makeTable(2, 3000, 5, 0, 0, 0)
	for _, level := range []float64{0.1, 0.5, 0.9} {
		b := mustBoost(t, m, nil, BoostParams{Loss: Quantile, Alpha: level, MinRows: 30})
		below := 0.0
		for i, p := range b.PredictColumns(test.x)[0] {
			if test.y[i] <= p {
				below++
			}
		}
		if below /= float64(len(test.y)); math.Abs(below-level) > 0.06 {
			t.Errorf("level %.1f: %.3f of new rows lie below", level, below)
		}
	}
}

// Monotone constraints hold for every row, every loss and every step, exactly.
func TestMonotoneHoldsExactly(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		loss := rapid.SampledFrom([]Loss{Squared, Logistic, Absolute, Huber, Quantile}).Draw(t, "loss")
		classes := 0
		if loss == Logistic {
			classes = 2
		}
		seed := rapid.Uint64Range(0, 1<<20).Draw(t, "seed")
		m := makeTable(seed, rapid.IntRange(5, 300).Draw(t, "rows"), 4, classes, 5, rapid.SampledFrom([]float64{0, 0.2}).Draw(t, "missing"))
		// A target that works against the constraint is the hard case.
		dir := rapid.SampledFrom([]int8{-1, 1}).Draw(t, "direction")
		p := BoostParams{
			Loss: loss, Rounds: 15, LearningRate: 0.5, Leaves: rapid.IntRange(2, 20).Draw(t, "leaves"), MinRows: 1,
			L1: rapid.SampledFrom([]float64{0, 0.3}).Draw(t, "l1"), L2: rapid.SampledFrom([]float64{-1, 1}).Draw(t, "l2"),
			Categories: m.cats, Monotone: []int8{dir, dir, 0, -dir}, RowFraction: rapid.SampledFrom([]float64{1, 0.5}).Draw(t, "share"), Seed: seed,
		}
		b, err := FitBoost(context.Background(), m.x, m.y, nil, p)
		if err != nil {
			t.Fatal(err)
		}
		for i := range min(20, len(m.y)) {
			for f, d := range p.Monotone {
				if d == 0 {
					continue
				}
				x := m.row(i)
				last := math.Inf(-int(d))
				for v := -3.0; v <= 3; v += 0.25 {
					x[f] = v
					got := b.Margin(x)[0]
					if (d > 0 && got < last) || (d < 0 && got > last) {
						t.Fatalf("feature %d, direction %d: %v after %v at %v", f, d, got, last, v)
					}
					last = got
				}
			}
		}
	})
}

// No leaf has fewer rows than MinRows, where hessians differ widely.
func TestMinRowsIsExact(t *testing.T) {
	for seed := range uint64(20) {
		m := makeTable(seed, 500, 5, 2, 6, 0.1)
		w := make([]float64, len(m.y))
		rng := rand.New(rand.NewPCG(seed, 3))
		for i := range w {
			w[i] = math.Exp(3 * rng.NormFloat64())
		}
		b := mustBoost(t, m, w, BoostParams{Loss: Logistic, Rounds: 20, MinRows: 25, Categories: m.cats})
		splits := 0
		for tree := range b.ens.trees() {
			count := map[int32]int{}
			for i := range m.y {
				count[b.ens.leaf(b.ens.roots[tree], m.row(i))]++
			}
			for _, n := range count {
				if n < 25 {
					t.Fatalf("seed %d, tree %d: a leaf of %d rows", seed, tree, n)
				}
			}
			splits += len(count) - 1
		}
		if splits == 0 {
			t.Fatal("nothing was split")
		}
	}
}

// Rows of weight 0 count as absent, and a weight of 2 as two rows.
func TestWeights(t *testing.T) {
	m := makeTable(4, 400, 5, 2, 5, 0.1)
	w := make([]float64, len(m.y))
	var kept, twice []int
	for i := range w {
		w[i] = float64(i % 3)
		if i%3 > 0 {
			kept = append(kept, i)
		}
		for range i % 3 {
			twice = append(twice, i)
		}
	}
	pick := func(rows []int) made {
		out := made{x: make([][]float64, len(m.x)), cats: m.cats}
		for _, r := range rows {
			out.y = append(out.y, m.y[r])
			for f := range m.x {
				out.x[f] = append(out.x[f], m.x[f][r])
			}
		}
		return out
	}
	k := pick(kept)
	wk := make([]float64, len(kept))
	for i, r := range kept {
		wk[i] = w[r]
	}
	p := BoostParams{Loss: Logistic, Rounds: 20, MinRows: 1, Categories: m.cats, RowFraction: 1, FeatureFraction: 1}
	zero := marshal(t, mustBoost(t, m, w, p))
	if string(zero) != string(marshal(t, mustBoost(t, k, wk, p))) {
		t.Error("rows of weight 0 change the boosting model")
	}
	a, b := mustBoost(t, m, w, p).PredictColumns(m.x)[0], mustBoost(t, pick(twice), nil, p).PredictColumns(m.x)[0]
	for i := range a {
		if math.Abs(a[i]-b[i]) > 1e-6 {
			t.Fatalf("row %d: %g weighted, %g repeated", i, a[i], b[i])
		}
	}
}

func TestClassWeights(t *testing.T) {
	m := makeTable(5, 600, 4, 2, 0, 0)
	ones := 0.0
	for i := range m.y {
		if m.y[i] == 1 && i%4 > 0 {
			m.y[i] = 0 // make ones rare
		}
		ones += m.y[i]
	}
	p := BoostParams{Loss: Logistic, Rounds: 60}
	plain := mean(mustBoost(t, m, nil, p).PredictColumns(m.x)[0])
	p.Balanced = true
	balanced := mean(mustBoost(t, m, nil, p).PredictColumns(m.x)[0])
	share := ones / float64(len(m.y))
	if math.Abs(plain-share) > 0.02 || balanced < plain+0.1 {
		t.Errorf("share %.3f, mean risk %.3f, balanced %.3f", share, plain, balanced)
	}
	p.Balanced = false
	zeros := float64(len(m.y)) - ones
	total := float64(len(m.y))
	p.ClassWeights = []float64{total / (2 * zeros), total / (2 * ones)}
	if v := mean(mustBoost(t, m, nil, p).PredictColumns(m.x)[0]); math.Abs(v-balanced) > 1e-9 {
		t.Errorf("the same weights by hand give %g, not %g", v, balanced)
	}
}

// Early stopping keeps the best round, and the kept model is the one that was measured there.
func TestEarlyStopping(t *testing.T) {
	for _, classes := range []int{2, 3} {
		m, v := makeTable(1, 300, 6, classes, 5, 0.1), makeTable(2, 300, 6, classes, 5, 0.1)
		loss := Logistic
		if classes == 3 {
			loss = Softmax
		}
		p := BoostParams{Loss: loss, Classes: classes, Rounds: 500, LearningRate: 0.3, Patience: 10, Categories: m.cats, Valid: &Valid{X: v.x, Y: v.y}}
		b := mustBoost(t, m, nil, p)
		best := 0
		for i, l := range b.History {
			if l < b.History[best] {
				best = i
			}
		}
		if b.Rounds() != best+1 || len(b.History) != best+11 {
			t.Fatalf("%d rounds kept of %d, the best was %d", b.Rounds(), len(b.History), best+1)
		}
		short := p
		short.Valid, short.Rounds = nil, best+1
		if string(marshal(t, mustBoost(t, m, nil, short))) != string(marshal(t, b)) {
			t.Error("the kept model is not the one of the best round")
		}
		var loss2 float64
		for i := range v.y {
			loss2 += p.rowLoss(v.y[i], b.Margin(v.row(i)))
		}
		if d := loss2/float64(len(v.y)) - b.History[best]; math.Abs(d) > 1e-12 {
			t.Errorf("the kept model's loss is off by %g", d)
		}
	}
}

func TestInteractions(t *testing.T) {
	m := makeTable(6, 800, 6, 0, 0, 0)
	b := mustBoost(t, m, nil, BoostParams{Rounds: 30, RowFraction: 1, FeatureFraction: 1, Interactions: [][]int{{0, 1}, {1, 2, 3}}})
	allowed := []uint{0b000011, 0b001110, 0b010000, 0b100000}
	var walk func(i int32, path uint)
	paths := map[uint]bool{}
	walk = func(i int32, path uint) {
		n := &b.ens.nodes[i]
		if n.feat&isLeaf != 0 {
			paths[path] = true
			return
		}
		path |= 1 << (n.feat >> flagBits)
		walk(i+1, path)
		walk(n.right, path)
	}
	for tree := range b.ens.trees() {
		walk(b.ens.roots[tree], 0)
	}
	joint := 0
	for path := range paths {
		ok := false
		for _, a := range allowed {
			ok = ok || path&^a == 0
		}
		if !ok {
			t.Errorf("features %b are used together", path)
		}
		if path&(path-1) != 0 {
			joint++
		}
	}
	if joint == 0 {
		t.Error("no path uses two features, though some may")
	}
}

// Without room for histograms the same sums are made anew: the same bytes.
func TestSearchAnewSameBytes(t *testing.T) {
	m := makeTable(7, 500, 20, 2, 6, 0.1)
	p := BoostParams{Loss: Logistic, Rounds: 5, Categories: m.cats}
	want := marshal(t, mustBoost(t, m, nil, p))
	p = p.withDefaults(len(m.y))
	use, _, err := prepare(m.x, m.y, nil, m.cats, target{classes: 2})
	if err != nil {
		t.Fatal(err)
	}
	bins, err := bin(context.Background(), m.x, use, m.cats, p.Bins)
	if err != nil {
		t.Fatal(err)
	}
	f := newBoostFit(bins, m.y, nil, use, p)
	f.grower.keep = false
	if err := f.run(context.Background()); err != nil {
		t.Fatal(err)
	}
	if string(marshal(t, f.model)) != string(want) {
		t.Error("other bytes")
	}
}

func TestBoostSameBytesAnyThreads(t *testing.T) {
	m := makeTable(8, 40_000, 9, 3, 300, 0.05) // several chunks, and more levels than bins
	p := BoostParams{Loss: Softmax, Classes: 3, Rounds: 4, Categories: m.cats, RowFraction: 0.7, FeatureFraction: 0.6, Seed: 5}
	sameBytesAnyThreads(t, func() []byte { return marshal(t, mustBoost(t, m, nil, p)) })
	p = BoostParams{Rounds: 4, Categories: m.cats, RowFraction: 1, FeatureFraction: 1}
	w := make([]float64, len(m.y))
	for i := range w {
		w[i] = 1 / float64(1+i%7)
	}
	sameBytesAnyThreads(t, func() []byte { return marshal(t, mustBoost(t, m, w, p)) })
	q := p
	q.Seed = 9
	if string(marshal(t, mustBoost(t, m, w, p))) != string(marshal(t, mustBoost(t, m, w, q))) {
		t.Error("the seed changes a fit that draws nothing")
	}
}

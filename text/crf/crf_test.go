package crf

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"galen.dev/fault"
	"galen.dev/text"
)

// randomChain is a chain of random weights with sentences of random features.
func randomChain(rng *rand.Rand, types []string, n int) (*likelihood, []float64) {
	tags := newTagset(types)
	m := len(tags.names)
	f := &likelihood{labels: m, features: 6, tags: tags, l2: .3}
	for range 5 {
		var rows [][]int32
		for range 1 + rng.IntN(n) {
			var row []int32
			for k := range int32(6) {
				if rng.IntN(2) == 0 {
					row = append(row, k)
				}
			}
			rows = append(rows, row)
		}
		var e []Entity
		if len(rows) > 2 {
			e = append(e, Entity{From: 0, To: 2, Type: types[rng.IntN(len(types))]})
		}
		f.rows, f.truth = append(f.rows, rows), append(f.truth, tags.labels(len(rows), e))
	}
	x := make([]float64, f.features*m+m*m)
	for k := range x {
		x[k] = rng.NormFloat64()
	}
	return f, x
}

func TestGradient(t *testing.T) {
	for seed := range uint64(4) {
		f, x := randomChain(rand.New(rand.NewPCG(seed, 1)), []string{"A", "B"}[:1+seed%2], 6)
		g, scratch := make([]float64, len(x)), make([]float64, len(x))
		f.at(x, g)
		for k := range x {
			const h = 1e-5
			at := x[k]
			x[k] = at + h
			up := f.at(x, scratch)
			x[k] = at - h
			down := f.at(x, scratch)
			x[k] = at
			if d := (up - down) / (2 * h); math.Abs(d-g[k]) > 1e-5*math.Max(1, math.Abs(d)) {
				t.Fatalf("weight %d: gradient %v, finite difference %v", k, g[k], d)
			}
		}
	}
}

// TestAgainstAllPaths compares the sums and the best path with what listing every path gives.
func TestAgainstAllPaths(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f, x := randomChain(rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1)), []string{"A"}, 5)
		c := &chain{Labels: f.labels, State: make([]float32, f.features*f.labels), Step: make([]float32, f.labels*f.labels)}
		for k := range c.State {
			c.State[k] = float32(x[k])
		}
		for k := range c.Step {
			c.Step[k] = float32(x[len(c.State)+k])
		}
		c.open(f.tags)
		rows := f.rows[0]
		n, m := len(rows), f.labels
		s := c.scores(rows)
		total, best, bestScore := 0.0, []int(nil), math.Inf(-1)
		marginal := make([]float64, n*m)
		path := make([]int, n)
		var walk func(i int, score float64)
		walk = func(i int, score float64) {
			if i == n {
				if !f.tags.end[path[n-1]] {
					return
				}
				total += math.Exp(score)
				for t, y := range path {
					marginal[t*m+y] += math.Exp(score)
				}
				if score > bestScore {
					best, bestScore = slices.Clone(path), score
				}
				return
			}
			for y := range m {
				path[i] = y
				if i == 0 && f.tags.start[y] {
					walk(1, s[y])
				} else if i > 0 && f.tags.allow[path[i-1]*m+y] {
					walk(i+1, score+s[i*m+y]+float64(c.Step[path[i-1]*m+y]))
				}
			}
		}
		walk(0, 0)
		l := c.lattice(rows)
		if math.Abs(l.logZ-math.Log(total)) > 1e-9 {
			t.Fatalf("log Z %v, want %v", l.logZ, math.Log(total))
		}
		for i := range n {
			for y := range m {
				if math.Abs(l.at(i, y)-marginal[i*m+y]/total) > 1e-9 {
					t.Fatalf("marginal of %d at %d: %v, want %v", y, i, l.at(i, y), marginal[i*m+y]/total)
				}
			}
		}
		if got := c.viterbi(rows); !slices.Equal(got, best) {
			t.Fatalf("path %v, want %v", got, best)
		}
		if p := l.path(best, 0, n); math.Abs(p-math.Exp(bestScore)/total) > 1e-9 {
			t.Fatalf("path has %v, want %v", p, math.Exp(bestScore)/total)
		}
	})
}

func TestLabelsAndEntities(t *testing.T) {
	tags := newTagset([]string{"Disease", "Drug"})
	want := []Entity{{From: 1, To: 2, Type: "Drug"}, {From: 3, To: 6, Type: "Disease"}, {From: 6, To: 8, Type: "Drug"}}
	if got := tags.entities(tags.labels(9, want)); !slices.Equal(got, want) {
		t.Errorf("%v", got)
	}
}

// made writes sentences in which words that end in "itis", and "acute" before them, are diseases.
func made(n int, seed uint64) (out []Sentence) {
	rng := rand.New(rand.NewPCG(seed, 2))
	plain := []string{"the", "patient", "with", "had", "pain", "and", "went", "home", "acute", "treatment"}
	stems := []string{"gastr", "col", "arthr", "derm", "hepat", "nephr", "neur", "phleb", "my", "bronch"}
	for k := range n {
		var s Sentence
		s.Document = k / 3
		add := func(w string) {
			if s.Text != "" {
				s.Text += " "
			}
			at := len(s.Text)
			s.Text += w
			s.Tokens = append(s.Tokens, text.Token{Span: text.Span{Start: at, End: len(s.Text)}})
		}
		for range 3 + rng.IntN(5) {
			add(plain[rng.IntN(len(plain))])
		}
		from := len(s.Tokens)
		if rng.IntN(2) == 0 {
			add("acute")
		} else if rng.IntN(3) > 0 {
			from = -1
		}
		if from >= 0 {
			add(stems[rng.IntN(len(stems))] + string(rune('a'+rng.IntN(26))) + "itis")
			if s.Tokens[from-1].Of(s.Text) == "acute" {
				from--
				for from > 0 && s.Tokens[from-1].Of(s.Text) == "acute" {
					from--
				}
			}
			s.Entities = []Entity{{From: from, To: len(s.Tokens), Type: "Disease"}}
		} else {
			add("home")
		}
		out = append(out, s)
	}
	return out
}

func TestLearns(t *testing.T) {
	tagger, err := Train(t.Context(), made(200, 1), nil, Params{})
	if err != nil {
		t.Fatal(err)
	}
	b, err := json.Marshal(tagger)
	if err != nil {
		t.Fatal(err)
	}
	again := new(Tagger)
	if err := json.Unmarshal(b, again); err != nil {
		t.Fatal(err)
	}
	if err := again.Open(); err != nil {
		t.Fatal(err)
	}
	test := made(100, 2)
	found, err := again.Find(t.Context(), test)
	if err != nil {
		t.Fatal(err)
	}
	right, all := 0, 0
	for k, s := range test {
		for _, e := range s.Entities {
			all++
			if slices.ContainsFunc(found[k], func(g Entity) bool { return g.From == e.From && g.To == e.To && g.Confidence > .5 && g.Confidence <= 1 }) {
				right++
			}
		}
	}
	if right < all*9/10 {
		t.Errorf("%d of %d entities found", right, all)
	}
	again.First.State = again.First.State[1:]
	if err := again.Open(); fault.KindOf(err) != fault.Corrupt {
		t.Errorf("%v", err)
	}
}

func TestRefused(t *testing.T) {
	s := made(10, 1)
	for k := range s {
		s[k].Entities = nil
	}
	if _, err := Train(t.Context(), s, nil, Params{}); fault.KindOf(err) != fault.Data {
		t.Error(err)
	}
}

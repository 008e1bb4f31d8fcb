package crf

import (
	"context"
	"math"
	"slices"

	"galen.dev/fault"
	"galen.dev/internal/cpu"
	"galen.dev/text"
	"galen.dev/text/lbfgs"
)

// pieces bounds into how many parts sentences are cut for summing; the same on every machine. Each needs a gradient of
// its own.
const pieces = 4

// Train fits a tagger to sentences with entities. words is a dictionary of further names, or nil.
//
// It works in two passes (Krishnan and Manning 2006). The first chain sees single sentences. What it says of words
// elsewhere in a document is a feature of the second; on training sentences it is asked of by chains that have not
// seen the document, so that the second learns how far the first can be trusted.
func Train(ctx context.Context, sentences []Sentence, words []string, p Params) (*Tagger, error) {
	if p.L2 == 0 {
		p.L2 = .5
	}
	if p.Iterations == 0 {
		p.Iterations = 70
	}
	types := map[string]bool{}
	for _, s := range sentences {
		for _, e := range s.Entities {
			types[e.Type] = true
		}
	}
	t := &Tagger{}
	for y := range types {
		t.Types = append(t.Types, y)
	}
	slices.Sort(t.Types)
	if len(types) == 0 {
		return nil, fault.Errorf(fault.Data, "no sentence has an entity, and nothing can be learnt")
	}
	folds := split(sentences)
	if len(folds) < 2 {
		return nil, fault.Errorf(fault.Data, "the sentences are of one document, and two or more are needed")
	}
	tags := newTagset(t.Types)
	// The chains of the folds only say how good the first one is, and may stop early.
	early := p
	early.Iterations = max(p.Iterations/2, 1)
	total, done := len(folds)*early.Iterations+2*p.Iterations, 0
	fit := func(rows [][][]int32, all *names, use []int, p Params) (*chain, error) {
		c, err := fitChain(ctx, rows, all, use, sentences, tags, p, func(k int) {
			if p.Progress != nil {
				p.Progress(done+k, total)
			}
		})
		done += p.Iterations
		return c, err
	}
	// Each fold is seen by a chain of the others, with the dictionary of the others.
	first := make([][][]float64, len(sentences))
	var x extractor
	for _, fold := range folds {
		rest := others(len(sentences), fold)
		seen := &names{index: map[string]int32{}}
		c, err := fit(describe(sentences, rest, words, seen), seen, rest, early)
		if err != nil {
			return nil, err
		}
		d := newDictionary(mentions(sentences, rest, words))
		for _, k := range fold {
			x.features(&sentences[k], d, nil)
			first[k] = c.marginals(x.numbers(c.index))
		}
	}
	all := make([]int, len(sentences))
	for k := range all {
		all[k] = k
	}
	seen := &names{index: map[string]int32{}}
	var err error
	if t.First, err = fit(describe(sentences, all, words, seen), seen, all, p); err != nil {
		return nil, err
	}
	seen = &names{index: map[string]int32{}}
	again := make([][][]int32, len(sentences))
	byFold := dictionaries(sentences, folds, words)
	for from := 0; from < len(sentences); {
		to := from + 1
		for to < len(sentences) && sentences[to].Document == sentences[from].Document {
			to++
		}
		memory := recall(sentences[from:to], first[from:to], tags)
		for k := from; k < to; k++ {
			x.features(&sentences[k], byFold[k], memory.of(k-from))
			again[k] = seen.of(&x)
		}
		from = to
	}
	if t.Second, err = fit(again, seen, all, p); err != nil {
		return nil, err
	}
	t.Dictionary = mentions(sentences, all, words)
	return t, t.Open()
}

// folds that documents are dealt to, in turn.
const foldCount = 3

func split(sentences []Sentence) [][]int {
	out := make([][]int, foldCount)
	n := -1
	for k := range sentences {
		if k == 0 || sentences[k].Document != sentences[k-1].Document {
			n++
		}
		out[n%foldCount] = append(out[n%foldCount], k)
	}
	return slices.DeleteFunc(out, func(f []int) bool { return len(f) == 0 })
}

func others(n int, fold []int) (out []int) {
	for k := range n {
		if _, in := slices.BinarySearch(fold, k); !in {
			out = append(out, k)
		}
	}
	return out
}

// mentions are the folded entities of some sentences and the words given, sorted, each once.
func mentions(sentences []Sentence, use []int, words []string) []string {
	var out []string
	for _, k := range use {
		s := &sentences[k]
		for _, e := range s.Entities {
			out = append(out, foldSpan(s.Text, s.Tokens[e.From:e.To]))
		}
	}
	for _, w := range words {
		out = append(out, foldSpan(w, text.Tokens(w)))
	}
	slices.Sort(out)
	return slices.DeleteFunc(slices.Compact(out), func(s string) bool { return s == "" })
}

// dictionaries gives each sentence one that its own fold has not written.
func dictionaries(sentences []Sentence, folds [][]int, words []string) []*dictionary {
	out := make([]*dictionary, len(sentences))
	for _, fold := range folds {
		d := newDictionary(mentions(sentences, others(len(sentences), fold), words))
		for _, k := range fold {
			out[k] = d
		}
	}
	return out
}

// describe gives the features of some sentences, each with a dictionary of the others among them: a sentence that met
// its own entities in the dictionary would teach the chain to trust it blindly.
func describe(sentences []Sentence, use []int, words []string, seen *names) [][][]int32 {
	sub := make([]Sentence, len(use))
	for i, k := range use {
		sub[i] = sentences[k]
	}
	byFold := dictionaries(sub, split(sub), words)
	out := make([][][]int32, len(sentences))
	var x extractor
	for i, k := range use {
		x.features(&sentences[k], byFold[i], nil)
		out[k] = seen.of(&x)
	}
	return out
}

// fitChain fits the weights to some sentences.
func fitChain(ctx context.Context, rows [][][]int32, all *names, use []int, sentences []Sentence, tags *tagset, p Params, progress func(int)) (*chain, error) {
	c := &chain{Labels: len(tags.names)}
	f := &likelihood{labels: c.Labels, tags: tags, l2: p.L2}
	var local []int32
	c.Features, local = vocabulary(rows, all, use, p.MinCount)
	f.features = len(c.Features)
	for _, k := range use {
		mapped := make([][]int32, len(rows[k]))
		for i, row := range rows[k] {
			for _, v := range row {
				if local[v] >= 0 {
					mapped[i] = append(mapped[i], local[v])
				}
			}
		}
		f.rows, f.truth = append(f.rows, mapped), append(f.truth, tags.labels(len(mapped), sentences[k].Entities))
	}
	c.State, c.Step = make([]float32, len(c.Features)*c.Labels), make([]float32, c.Labels*c.Labels)
	x := make([]float64, len(c.State)+len(c.Step))
	if _, err := lbfgs.Minimise(ctx, f.at, x, lbfgs.Options{Iterations: p.Iterations, Tolerance: 1e-4, History: 6, Progress: func(k, _ int) { progress(k) }}); err != nil {
		return nil, err
	}
	for k := range c.State {
		c.State[k] = float32(x[k])
	}
	for k := range c.Step {
		c.Step[k] = float32(x[len(c.State)+k])
	}
	c.open(tags)
	return c, nil
}

// vocabulary are the features met at least least times, sorted, and the new number of each old one; -1: left out.
func vocabulary(rows [][][]int32, all *names, use []int, least int) (kept []string, local []int32) {
	count := make([]int, len(all.list))
	for _, k := range use {
		for _, row := range rows[k] {
			for _, f := range row {
				count[f]++
			}
		}
	}
	for k, n := range count {
		if n >= max(least, 1) {
			kept = append(kept, all.list[k])
		}
	}
	slices.Sort(kept)
	local = make([]int32, len(all.list))
	for k := range local {
		local[k] = -1
		if at, found := slices.BinarySearch(kept, all.list[k]); found {
			local[k] = int32(at)
		}
	}
	return kept, local
}

// likelihood is the penalised negative log likelihood of sentences.
type likelihood struct {
	rows             [][][]int32
	truth            [][]int
	labels, features int
	tags             *tagset
	l2               float64
}

func (f *likelihood) at(x, g []float64) float64 {
	m := f.labels
	steps := x[f.features*m:]
	exp := make([]float64, len(steps))
	for k, w := range steps {
		if f.tags.allow[k] {
			exp[k] = math.Exp(w)
		}
	}
	n, size := cpu.Chunks(len(f.rows), 1, pieces)
	parts, values := make([][]float64, n), make([]float64, n)
	cpu.Do(n, func(_, k int) {
		part := make([]float64, len(x))
		l := lattice{exp: exp, tags: f.tags}
		var scores []float64
		for i := k * size; i < min((k+1)*size, len(f.rows)); i++ {
			values[k] += f.sentence(i, x, part, &l, &scores)
		}
		parts[k] = part
	})
	value := 0.0
	clear(g)
	for k := range parts {
		value += values[k]
		for j, v := range parts[k] {
			g[j] += v
		}
	}
	for j, w := range x {
		value += f.l2 / 2 * w * w
		g[j] += f.l2 * w
	}
	return value
}

// sentence adds one sentence's gradient, expected less observed counts, and returns its loss.
func (f *likelihood) sentence(i int, x, g []float64, l *lattice, scratch *[]float64) float64 {
	m, rows, truth := f.labels, f.rows[i], f.truth[i]
	if len(rows) == 0 {
		return 0
	}
	if cap(*scratch) < len(rows)*m {
		*scratch = make([]float64, len(rows)*m)
	}
	scores := (*scratch)[:len(rows)*m]
	clear(scores)
	for t, row := range rows {
		at := scores[t*m : (t+1)*m]
		for _, k := range row {
			for y, w := range x[int(k)*m : (int(k)+1)*m] {
				at[y] += w
			}
		}
	}
	gold := 0.0
	for t, y := range truth {
		gold += scores[t*m+y]
		if t > 0 {
			gold += x[f.features*m+truth[t-1]*m+y]
		}
	}
	l.run(scores, m)
	steps := g[f.features*m:]
	d := make([]float64, m)
	for t, row := range rows {
		for y := range d {
			d[y] = l.at(t, y)
		}
		d[truth[t]]--
		for _, k := range row {
			at := g[int(k)*m : (int(k)+1)*m]
			for y, v := range d {
				at[y] += v
			}
		}
		if t == 0 {
			continue
		}
		for a := range m {
			for b := range m {
				if f.tags.allow[a*m+b] {
					steps[a*m+b] += l.step(t, a, b)
				}
			}
		}
		steps[truth[t-1]*m+truth[t]]--
	}
	return l.logZ - gold
}

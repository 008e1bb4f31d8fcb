package nn

import (
	"slices"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/gomlx/core/graph"
)

// The graphs of a training. Without accumulation a step is one graph: forward, loss, backward, clipping, update,
// states and average. With it, a step is one graph per batch, which adds up gradients, and one that applies them.

// stepProgram builds the whole step for batches like b.
func (t *trainer) stepProgram(b *Batch) *program {
	d := t.draft("step")
	weights := d.take(t.weightArrays)
	slots := d.take(t.slotArrays)
	average := d.take(t.averageArrays)
	scalars := d.scalars("scalar", t.scalarCount())
	rng := graph.Parameter(d.graph, "random state", RandomStateShape)
	inputs, targets, sampleWeights := d.batch(b)
	s, outputs, loss := d.forward(b, 0, true, rng, inputs, targets, sampleWeights)
	gradients := t.gradients(pick(weights, t.trained), loss, outputs, targets, sampleWeights)
	norm := t.apply(d, s, weights, slots, average, scalars, gradients, loss)
	return d.compile(loss, norm)
}

// partProgram builds the forward and backward pass of one batch of several; first says that it is the first, which
// starts the sums of gradients.
func (t *trainer) partProgram(b *Batch, first bool) *program {
	d := t.draft("part of a step")
	weights := d.take(t.weightArrays)
	var sums []*Node
	if !first {
		sums = d.take(t.sumArrays)
	}
	mass := d.scalars("scalar", 1)[0]
	rng := graph.Parameter(d.graph, "random state", RandomStateShape)
	inputs, targets, sampleWeights := d.batch(b)
	s, outputs, loss := d.forward(b, 0, true, rng, inputs, targets, sampleWeights)
	gradients := t.gradients(pick(weights, t.trained), loss, outputs, targets, sampleWeights)
	for i, g := range gradients {
		sum := graph.Mul(g, mass)
		if !first {
			sum = graph.Add(sums[i], sum)
		}
		d.give(t.sumArrays[i], sum)
	}
	keep := t.keeper(loss)
	for _, bound := range s.Bound() {
		if bound.Update != nil {
			w := t.index[bound.Name]
			d.give(t.weightArrays[w], keep(weights[w], graph.ConvertDType(bound.Update, dtypes.Float32)))
		}
	}
	return d.compile(loss)
}

// gradients builds the gradient of each trained weight: of its player's objective, or of the loss.
func (t *trainer) gradients(weights []*Node, loss *Node, outputs, targets []*Node, sampleWeights *Node) []*Node {
	gradients := make([]*Node, len(weights))
	follow := func(loss *Node, player int) {
		var which []int
		for i, w := range t.trained {
			if t.playerOf(t.specs[w].Name) == player {
				which = append(which, i)
			}
		}
		if len(which) == 0 {
			return
		}
		for k, g := range graph.Gradient(loss, pick(weights, which)...) {
			gradients[which[k]] = g
		}
	}
	follow(loss, -1)
	for i, p := range t.options.Players {
		follow(oneNumber(p.Objective(outputs, targets, sampleWeights)), i)
	}
	return gradients
}

// playerOf is the first player that a weight belongs to, or -1.
func (t *trainer) playerOf(weight string) int {
	return slices.IndexFunc(t.options.Players, func(p Player) bool { return within(weight, p.Scope) })
}

// applyProgram builds the update from the sums of gradients. Its last two scalars are 1 over the sum of masses, and
// the loss of the step.
func (t *trainer) applyProgram() *program {
	d := t.draft("update")
	weights := d.take(t.weightArrays)
	slots := d.take(t.slotArrays)
	average := d.take(t.averageArrays)
	sums := d.take(t.sumArrays)
	d.drops = t.sumArrays
	scalars := d.scalars("scalar", t.scalarCount()+2)
	share, loss := scalars[len(scalars)-2], scalars[len(scalars)-1]
	gradients := make([]*Node, len(sums))
	for i, sum := range sums {
		gradients[i] = graph.Mul(sum, share)
	}
	norm := t.apply(d, nil, weights, slots, average, scalars, gradients, loss)
	return d.compile(norm)
}

// apply builds the update: gradients are clipped, weights, slots and average change; states that the network set in
// s, which may be nil, are kept. It returns the norm of the gradients. Where steps may be skipped, everything stays
// as it is when loss or norm is not finite.
func (t *trainer) apply(d *drafting, s *Scope, weights, slots, average, scalars, gradients []*Node, loss *Node) (norm *Node) {
	gradients, norm = t.options.Clip.apply(gradients)
	keep := t.keeper(loss, norm)
	opt := t.options.optimiser()
	news := append([]*Node{}, weights...)
	perWeight := len(opt.slots())
	for i, w := range t.trained {
		next, nextSlots := opt.update(weights[w], gradients[i], slots[i*perWeight:(i+1)*perWeight], scalars[:t.optimiserScalars])
		news[w] = keep(weights[w], next)
		d.give(t.weightArrays[w], news[w])
		for k, slot := range nextSlots {
			d.give(t.slotArrays[i*perWeight+k], keep(slots[i*perWeight+k], slot))
		}
	}
	if s != nil {
		for _, bound := range s.Bound() {
			if bound.Update == nil {
				continue
			}
			w := t.index[bound.Name]
			news[w] = keep(weights[w], graph.ConvertDType(bound.Update, dtypes.Float32))
			d.give(t.weightArrays[w], news[w])
		}
	}
	for i, a := range average {
		d.give(t.averageArrays[i], keep(a, t.options.Average.update(a, news[i], scalars[t.optimiserScalars])))
	}
	return norm
}

// keeper chooses between the old and the next value of an array: the old one where steps may be skipped and one of
// the numbers is not finite.
func (t *trainer) keeper(numbers ...*Node) func(old, next *Node) *Node {
	if t.options.Guard.Skip == 0 {
		return func(_, next *Node) *Node { return next }
	}
	finite := graph.IsFinite(numbers[0])
	for _, n := range numbers[1:] {
		finite = graph.LogicalAnd(finite, graph.IsFinite(n))
	}
	return func(old, next *Node) *Node { return graph.Where(finite, next, old) }
}

// scalarCount is the number of scalars of an update: the optimiser's, and the average's decay.
func (t *trainer) scalarCount() int {
	if len(t.averageArrays) > 0 {
		return t.optimiserScalars + 1
	}
	return t.optimiserScalars
}

// stepScalars are those of step t, from 1 in updates made, at the given rate.
func (t *trainer) stepScalars(rate float64, update int) []float64 {
	scalars := t.options.optimiser().scalars(rate, update)
	if len(t.averageArrays) > 0 {
		scalars = append(scalars, t.options.Average.decay(update))
	}
	return scalars
}

// evaluationProgram builds inference and objective for batches like b, on the weights that count: the average where
// there is one.
func (t *trainer) evaluationProgram(b *Batch) *program {
	d := t.draft("validation")
	base := 0
	if len(t.averageArrays) > 0 {
		base = t.averageArrays[0]
	}
	arrays := make([]int, len(t.weightArrays))
	for i := range arrays {
		arrays[i] = base + i
	}
	d.take(arrays)
	inputs, targets, sampleWeights := d.batch(b)
	_, outputs, loss := d.forward(b, base, false, nil, inputs, targets, sampleWeights)
	results := []*Node{loss}
	for _, o := range outputs {
		results = append(results, graph.ConvertDType(o, dtypes.Float32))
	}
	return d.compile(results...)
}

func pick(nodes []*Node, which []int) []*Node {
	out := make([]*Node, len(which))
	for i, w := range which {
		out[i] = nodes[w]
	}
	return out
}

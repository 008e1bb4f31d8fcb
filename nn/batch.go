package nn

import (
	"context"
	"fmt"
	"hash/fnv"
	"slices"
	"strings"
)

// A Batch is what one forward pass takes. The first dimension of every array is the number of samples.
type Batch struct {
	Inputs  []Array   // of the network, in order
	Targets []Array   // of the objective
	Weights []float32 // of the samples; nil means all 1
	IDs     []int     // the samples' places in the data, for messages: never identities of patients
}

// Samples is the number of samples, 0 without an input.
func (b *Batch) Samples() int {
	if len(b.Inputs) == 0 || len(b.Inputs[0].Dims) == 0 {
		return 0
	}
	return b.Inputs[0].Dims[0]
}

// mass is the weight of the batch among others: the sum of its samples' weights, or their number.
func (b *Batch) mass() float64 {
	if b.Weights == nil {
		return float64(b.Samples())
	}
	sum := 0.0
	for _, w := range b.Weights {
		sum += float64(w)
	}
	return sum
}

// check returns an error where the arrays of a batch do not belong together: a defect of its source.
func (b *Batch) check() error {
	n := b.Samples()
	if n == 0 {
		return fmt.Errorf("a batch has no sample")
	}
	for _, a := range slices.Concat(b.Inputs, b.Targets) {
		if len(a.Dims) == 0 || a.Dims[0] != n {
			return fmt.Errorf("arrays of a batch of %d samples have dimensions %v", n, a.Dims)
		}
		if product(a.Dims) != len(a.Floats)+len(a.Ints) || a.Floats != nil && a.Ints != nil {
			return fmt.Errorf("an array of dimensions %v holds %d values", a.Dims, len(a.Floats)+len(a.Ints))
		}
	}
	if b.Weights != nil && len(b.Weights) != n || b.IDs != nil && len(b.IDs) != n {
		return fmt.Errorf("a batch of %d samples has %d weights and %d places", n, len(b.Weights), len(b.IDs))
	}
	return nil
}

// bytes is the memory of a batch.
func (b *Batch) bytes() int64 {
	n := 4*len(b.Weights) + 8*len(b.IDs)
	for _, a := range slices.Concat(b.Inputs, b.Targets) {
		n += 4 * (len(a.Floats) + len(a.Ints))
	}
	return int64(n)
}

// key tells batches of different shapes apart: a graph is compiled for each.
func (b *Batch) key() string {
	var k strings.Builder
	for _, a := range b.Inputs {
		fmt.Fprintf(&k, "%s ", a.Shape())
	}
	k.WriteString("->")
	for _, a := range b.Targets {
		fmt.Fprintf(&k, " %s", a.Shape())
	}
	if b.Weights != nil {
		k.WriteString(" weighted")
	}
	return k.String()
}

// place says which samples a batch is of, for messages: the first few places and a hash of all.
func (b *Batch) place() string {
	if len(b.IDs) == 0 {
		return "samples without places"
	}
	h := fnv.New32a()
	for _, id := range b.IDs {
		fmt.Fprintf(h, "%d,", id)
	}
	const shown = 8
	text := strings.Trim(fmt.Sprint(b.IDs[:min(shown, len(b.IDs))]), "[]")
	if more := len(b.IDs) - shown; more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return fmt.Sprintf("samples %s, hash %08x", text, h.Sum32())
}

// A Source makes batches. Batch k of epoch e depends on the source, e and k alone, so neither the order in which
// batches are made nor the number of threads that make them changes a training.
type Source interface {
	// Batches is the number of batches of an epoch, the same for every epoch.
	Batches() int
	// Next makes batch index, from 0, of an epoch, from 0. Several goroutines may call it at once. The caller may
	// keep the batch, but not change it.
	Next(ctx context.Context, epoch, index int) (*Batch, error)
}

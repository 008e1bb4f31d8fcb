package nn

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"

	"galen.dev/fault"
)

func TestOrderTakesEverySampleOnce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 60).Draw(t, "samples")
		o := Order{
			Size: rapid.IntRange(0, 20).Draw(t, "size"), Shuffle: rapid.Bool().Draw(t, "shuffle"),
			DropLast: rapid.Bool().Draw(t, "drop"), Seed: rapid.Uint64().Draw(t, "seed"),
		}
		if o.Check(n) != nil {
			if o.batches(n) > 0 {
				t.Fatal("refused")
			}
			return
		}
		var cache, other shuffled
		for epoch := range 3 {
			var all []int
			for k := range o.batches(n) {
				ids := cache.take(o, n, epoch, k)
				if k < o.batches(n)-1 && len(ids) != o.size() || len(ids) == 0 || o.DropLast && len(ids) != o.size() {
					t.Fatalf("batch %d has %d samples", k, len(ids))
				}
				all = append(all, ids...)
			}
			if last := o.batches(n) - 1; !slices.Equal(all[last*o.size():], other.take(o, n, epoch, last)) {
				t.Fatal("a batch depends on those before it")
			}
			slices.Sort(all)
			if len(slices.Compact(all)) != len(all) || !o.DropLast && len(all) != n {
				t.Fatalf("epoch %d takes %v", epoch, all)
			}
		}
	})
}

func TestShuffleDiffers(t *testing.T) {
	var s shuffled
	o := Order{Size: 100, Shuffle: true, Seed: 1}
	a, b := s.take(o, 100, 0, 0), s.take(o, 100, 1, 0)
	o.Seed = 2
	var other shuffled
	c := other.take(o, 100, 0, 0)
	if slices.Equal(a, b) || slices.Equal(a, c) || slices.IsSorted(a) {
		t.Error("orders of other epochs and seeds are the same")
	}
}

// loaded makes samples whose values say which they are.
func loaded(n int, o Order) (Source, error) {
	return FromSamples(n, o, true, func(_ context.Context, id int, rng *rand.Rand) (*Sample, error) {
		if id == 13 {
			return nil, errors.New("broken file")
		}
		return &Sample{
			Inputs:  []Array{{Dims: []int{2}, Floats: []float32{float32(id), float32(rng.Float64())}}, {Ints: []int32{int32(-id)}}},
			Targets: []Array{{Dims: []int{1}, Floats: []float32{float32(id) * 2}}},
			Weight:  float32(id) + 1,
		}, nil
	})
}

func TestSources(t *testing.T) {
	o := Order{Size: 4, Shuffle: true, Seed: 9}
	s, err := loaded(10, o)
	if err != nil {
		t.Fatal(err)
	}
	all := &Batch{Inputs: []Array{{Dims: []int{10, 2}}, {Dims: []int{10}}}, Targets: []Array{{Dims: []int{10, 1}}}}
	for i := range 10 {
		all.Inputs[0].Floats = append(all.Inputs[0].Floats, float32(i), 0)
		all.Inputs[1].Ints = append(all.Inputs[1].Ints, int32(-i))
		all.Targets[0].Floats = append(all.Targets[0].Floats, float32(i)*2)
		all.Weights, all.IDs = append(all.Weights, float32(i)+1), append(all.IDs, i+100)
	}
	m, err := FromArrays(all, o, func(rng *rand.Rand, b *Batch) {
		for i := range b.Samples() {
			b.Inputs[0].Floats[2*i+1] = 7
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	if s.Batches() != 3 || m.Batches() != 3 {
		t.Fatalf("%d and %d batches", s.Batches(), m.Batches())
	}
	draws := map[float32]bool{}
	for epoch := range 2 {
		for k := range 3 {
			a, err := s.Next(context.Background(), epoch, k)
			if err != nil {
				t.Fatal(err)
			}
			b, err := m.Next(context.Background(), epoch, k)
			if err != nil || a.check() != nil || b.check() != nil {
				t.Fatal(err, a.check(), b.check())
			}
			for i := range a.Samples() {
				draws[a.Inputs[0].Floats[2*i+1]] = true
				if b.Inputs[0].Floats[2*i+1] != 7 || b.IDs[i] != a.IDs[i]+100 {
					t.Error("augmentation or places are lost")
				}
				a.Inputs[0].Floats[2*i+1], b.IDs[i] = 7, a.IDs[i]
			}
			if !reflect.DeepEqual(a, b) {
				t.Errorf("epoch %d, batch %d: %v and %v", epoch, k, a, b)
			}
		}
	}
	if len(draws) != 20 {
		t.Errorf("%d random numbers for 20 samples", len(draws))
	}
	if all.Inputs[0].Floats[1] != 0 {
		t.Error("augmentation changed the data")
	}
}

func TestSourcesThatAreRefused(t *testing.T) {
	for name, o := range map[string]Order{"size": {Size: -1}, "all dropped": {Size: 11, DropLast: true}} {
		if _, err := loaded(10, o); fault.KindOf(err) != fault.Usage {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := loaded(0, Order{}); fault.KindOf(err) != fault.Usage {
		t.Errorf("no samples: %v", err)
	}
	for name, b := range map[string]*Batch{
		"empty":       {},
		"lengths":     {Inputs: []Array{{Dims: []int{2, 2}, Floats: make([]float32, 3)}}},
		"both":        {Inputs: []Array{{Dims: []int{2}, Floats: make([]float32, 1), Ints: make([]int32, 1)}}},
		"targets":     {Inputs: []Array{{Dims: []int{2}, Floats: make([]float32, 2)}}, Targets: []Array{{Dims: []int{1}, Floats: make([]float32, 1)}}},
		"weights":     {Inputs: []Array{{Dims: []int{2}, Floats: make([]float32, 2)}}, Weights: make([]float32, 1)},
		"many places": {Inputs: []Array{{Dims: []int{2}, Floats: make([]float32, 2)}}, IDs: make([]int, 3)},
	} {
		if _, err := FromArrays(b, Order{}, nil); fault.KindOf(err) != fault.Usage {
			t.Errorf("%s: %v", name, err)
		}
	}
	s, err := loaded(20, Order{Size: 20})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Next(context.Background(), 0, 0); err == nil || !strings.Contains(err.Error(), "sample 13: broken file") {
		t.Errorf("a broken sample: %v", err)
	}
	odd, err := FromSamples(2, Order{}, false, func(_ context.Context, id int, _ *rand.Rand) (*Sample, error) {
		return &Sample{Inputs: []Array{{Dims: []int{2 + id}, Floats: make([]float32, 2+id)}}}, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := odd.Next(context.Background(), 0, 0); fault.KindOf(err) != fault.Data || !strings.Contains(err.Error(), "sample 1") {
		t.Errorf("samples of other dimensions: %v", err)
	}
}

// counting is a source that knows how many of its batches are in existence.
type counting struct {
	n                      int
	alive, most, made, bad atomic.Int64
	panics                 bool
}

func (s *counting) Batches() int { return s.n }

func (s *counting) Next(ctx context.Context, epoch, index int) (*Batch, error) {
	s.made.Add(1)
	if v := s.alive.Add(1); v > s.most.Load() {
		s.most.Store(v)
	}
	time.Sleep(time.Duration(rand.IntN(300)) * time.Microsecond)
	if s.bad.Load() > 0 && int64(epoch*s.n+index) == s.bad.Load() {
		if s.panics {
			panic("a defect")
		}
		return nil, errors.New("broken")
	}
	return &Batch{Inputs: []Array{{Dims: []int{1}, Floats: []float32{float32(epoch*s.n + index)}}}}, nil
}

func TestPrefetchKeepsOrderAndBound(t *testing.T) {
	for _, p := range []Prefetch{{}, {Ahead: 1}, {Ahead: 5, Threads: 3}, {Ahead: 3, Threads: 9}} {
		source := &counting{n: 7}
		s := p.start(context.Background(), source, 1, 3, 5)
		for want := 7 + 3; want < 5*7; want++ {
			time.Sleep(time.Duration(rand.IntN(300)) * time.Microsecond)
			b, err := s.next(context.Background())
			if err != nil {
				t.Fatal(err)
			}
			if got := b.Inputs[0].Floats[0]; got != float32(want) {
				t.Fatalf("%+v: batch %v, want %d", p, got, want)
			}
			source.alive.Add(-1) // the batch before is free now; this one is in use
		}
		if b, err := s.next(context.Background()); b != nil || err != nil {
			t.Errorf("behind the last batch: %v, %v", b, err)
		}
		s.stop()
		// A batch handed out is no longer counted, so these are the ones made ahead; one may be counted too many,
		// between its leaving and the count.
		if most := source.most.Load(); most > int64(p.ahead()+1) {
			t.Errorf("%+v: %d batches at once", p, most)
		}
	}
}

func TestPrefetchEnds(t *testing.T) {
	for _, panics := range []bool{false, true} {
		source := &counting{n: 10, panics: panics}
		source.bad.Store(4)
		s := Prefetch{Ahead: 3}.start(context.Background(), source, 0, 0, 2)
		for range 4 {
			if _, err := s.next(context.Background()); err != nil {
				t.Fatal(err)
			}
		}
		func() {
			defer func() {
				if thrown := recover(); (thrown != nil) != panics {
					t.Errorf("recovered %v", thrown)
				}
			}()
			if _, err := s.next(context.Background()); err == nil || !strings.Contains(err.Error(), "batch 5 of epoch 1") {
				t.Errorf("a broken batch: %v", err)
			}
		}()
		s.stop()
		if made := source.made.Load(); made > 9 {
			t.Errorf("%d batches were made", made)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	s := Prefetch{}.start(ctx, &counting{n: 1 << 30}, 0, 0, 1)
	cancel()
	for {
		if _, err := s.next(ctx); err != nil {
			if !errors.Is(err, context.Canceled) {
				t.Error(err)
			}
			break
		}
	}
	s.stop()
}

func TestPlaceNamesFewSamples(t *testing.T) {
	b := &Batch{IDs: []int{5, 4, 3, 2, 1, 9, 8, 7, 6}}
	other := &Batch{IDs: []int{5, 4, 3, 2, 1, 9, 8, 7, 0}}
	if got := b.place(); !strings.HasPrefix(got, "samples 5 4 3 2 1 9 8 7 and 1 more, hash ") || got == other.place() {
		t.Errorf("%q", got)
	}
	if got := (&Batch{}).place(); got != "samples without places" {
		t.Errorf("%q", got)
	}
}

func ExampleFromSamples() {
	source, err := FromSamples(5, Order{Size: 2}, false, func(_ context.Context, id int, rng *rand.Rand) (*Sample, error) {
		return &Sample{Inputs: []Array{{Dims: []int{1}, Floats: []float32{float32(id)}}}}, nil
	})
	if err != nil {
		panic(err)
	}
	for k := range source.Batches() {
		b, err := source.Next(context.Background(), 0, k)
		if err != nil {
			panic(err)
		}
		fmt.Println(b.IDs, b.Inputs[0].Floats)
	}
	// Output:
	// [0 1] [0 1]
	// [2 3] [2 3]
	// [4] [4]
}

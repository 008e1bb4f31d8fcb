package segment

import (
	"context"
	"encoding/json"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"galen.dev/imaging/plan"
	"galen.dev/nn"
)

// preparedNoise writes prepared cases of noise in which class 1 is where values are high.
func preparedNoise(t *testing.T, n int, dims [3]int, channels int) *preparedReader {
	t.Helper()
	file, err := os.Create(filepath.Join(t.TempDir(), preparedFile))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { file.Close() })
	w := newPreparedWriter(file, channels, n, 1, 1)
	rng := rand.New(rand.NewPCG(1, 1))
	for i := range n {
		p := &plan.Prepared{Dims: dims, Values: make([]float32, dims[0]*dims[1]*dims[2]*channels)}
		classes := make([]uint8, dims[0]*dims[1]*dims[2])
		for k := range p.Values {
			p.Values[k] = float32(rng.NormFloat64())
			if p.Values[k] > 1 {
				classes[k/channels] = 1
			}
		}
		if err := w.add(i, p, classes); err != nil {
			t.Fatal(err)
		}
	}
	index, err := w.finish()
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(index)
	if err != nil {
		t.Fatal(err)
	}
	r, err := openPrepared(file, text)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestPlanBoundsMemory: the plan's estimate is never below what the training counts for itself before it starts, and
// not so far above that memory lies idle.
func TestPlanBoundsMemory(t *testing.T) {
	for _, c := range []struct {
		dims     [3]int
		spacing  [3]float64
		channels int
		classes  int
		base     int
	}{
		{[3]int{1, 128, 128}, [3]float64{flatSpacing, 1, 1}, 3, 2, 16},
		{[3]int{1, 96, 192}, [3]float64{flatSpacing, 1, 1}, 1, 5, 8},
		{[3]int{32, 48, 48}, [3]float64{1, 1, 1}, 1, 2, 8},
		{[3]int{12, 64, 64}, [3]float64{4, 1, 1}, 2, 3, 8},
	} {
		f := &plan.Fingerprint{RelativeSize: 1}
		for range 40 {
			f.SpacingsMM, f.Shapes = append(f.SpacingsMM, c.spacing), append(f.Shapes, c.dims)
		}
		for range c.channels {
			f.Channels = append(f.Channels, plan.Intensity{Name: "x"})
		}
		p, err := plan.Make(f, make([]plan.Class, c.classes-1), plan.Options{Base: c.base, MaxBatch: 4})
		if err != nil {
			t.Fatal(err)
		}
		backend, err := nn.Backend("cpu")
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		var got nn.MemoryEstimate
		job := &fitting{
			backend: backend, plan: p, out: c.classes, reader: preparedNoise(t, 2, c.dims, c.channels), fold: fold{Train: []int{0}, Val: []int{1}},
			recipe: recipe{Epochs: 1, Iterations: 1, Validations: 1, Optimiser: "adamw", Augment: "none"}, folder: filepath.Join(t.TempDir(), "fold-0"), steps: 1,
			progress: func(p nn.Progress) {
				if p.Memory != nil {
					got = *p.Memory
					cancel()
				}
			},
		}
		if _, _, err := job.fit(ctx); err == nil {
			t.Error("the training was not stopped")
		}
		cancel()
		backend.Finalize()
		planned := p.Memory.TrainingBytes
		if got.Total == 0 || got.Total > planned || planned > 6*got.Total {
			t.Errorf("%v, %s, patch %v × %d: planned %d MiB, the training counts %s", c.dims, p.Use, p.Chosen().Patch, p.Chosen().Batch, planned>>20, got)
		}
		t.Logf("%v: planned %d MiB, counted %s", c.dims, planned>>20, got)
	}
}

// TestPatchReachesBeyond: what lies outside an image is 0 in values and classes, and the rest is as it was written.
func TestPatchReachesBeyond(t *testing.T) {
	dims := [3]int{3, 5, 7}
	r := preparedNoise(t, 2, dims, 2)
	whole, classes := make([]float32, 3*5*7*2), make([]uint8, 3*5*7)
	if err := r.patch(1, [3]int{}, dims, whole, classes); err != nil {
		t.Fatal(err)
	}
	size, from := [3]int{4, 4, 12}, [3]int{1, -2, -3}
	got, marks := make([]float32, 4*4*12*2), make([]uint8, 4*4*12)
	if err := r.patch(1, from, size, got, marks); err != nil {
		t.Fatal(err)
	}
	for i := range marks {
		z, y, x := i/48+from[0], i/12%4+from[1], i%12+from[2]
		for ch := range 2 {
			want, mark := float32(0), uint8(0)
			if z < 3 && y >= 0 && y < 5 && x >= 0 && x < 7 {
				at := (z*5+y)*7 + x
				want, mark = whole[2*at+ch], classes[at]
			}
			if got[2*i+ch] != want || marks[i] != mark {
				t.Fatalf("voxel %d %d %d: %v %d, want %v %d", z, y, x, got[2*i+ch], marks[i], want, mark)
			}
		}
	}
}

// TestBatchesDependOnTheirPlaceAlone: the same epoch and index give the same batch, others another one.
func TestBatchesDependOnTheirPlaceAlone(t *testing.T) {
	r := preparedNoise(t, 3, [3]int{1, 40, 40}, 1)
	c := &plan.Configuration{Patch: []int{24, 24}, Batch: 3}
	s := newPatches(r, []int{0, 2}, c, 5, 9, true)
	first := must(s.Next(t.Context(), 1, 2))
	again := must(newPatches(r, []int{0, 2}, c, 5, 9, true).Next(t.Context(), 1, 2))
	other := must(s.Next(t.Context(), 1, 3))
	same, differs := true, false
	for i, v := range first.Inputs[0].Floats {
		same = same && v == again.Inputs[0].Floats[i]
		differs = differs || v != other.Inputs[0].Floats[i]
	}
	if !same || !differs {
		t.Errorf("the same batch: %v, another one differs: %v", same, differs)
	}
	for _, id := range first.IDs {
		if id == 1 {
			t.Error("a case of no training entry was drawn")
		}
	}
}

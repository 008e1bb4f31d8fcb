package region

import (
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"

	"galen.dev/volume"
)

// randomMask is made of blocks of two voxels a side, some of which touch.
func randomMask(seed uint64, g Grid, part float64) []uint8 {
	r := rand.New(rand.NewPCG(seed, 0))
	out := make([]uint8, g.Voxels())
	for range int(part*float64(len(out))/8) + 1 {
		x, y, z := r.IntN(g.Dims[0]), r.IntN(g.Dims[1]), r.IntN(g.Dims[2])
		for k := z; k < min(g.Dims[2], z+2); k++ {
			for j := y; j < min(g.Dims[1], y+2); j++ {
				for i := x; i < min(g.Dims[0], x+2); i++ {
					out[(k*g.Dims[1]+j)*g.Dims[0]+i] = 1
				}
			}
		}
	}
	return out
}

// bruteSurface lists the places, in mm, and the weights of the surface of a mask, from the definitions.
func bruteSurface(m []uint8, g Grid, c Convention) (at [][3]float64, weight []float64) {
	in := func(x, y, z int) bool {
		return x >= 0 && y >= 0 && z >= 0 && x < g.Dims[0] && y < g.Dims[1] && z < g.Dims[2] && m[(z*g.Dims[1]+y)*g.Dims[0]+x] != 0
	}
	areas, top := surfaceAreas(g.SpacingMM), 1
	if g.flat() {
		areas, top = contourLengths(g.SpacingMM), 0
	}
	for z := 0; z < g.Dims[2]+top; z++ {
		for y := 0; y <= g.Dims[1]; y++ {
			for x := 0; x <= g.Dims[0]; x++ {
				w := 0.0
				if c == Borders {
					if in(x, y, z) && !(in(x-1, y, z) && in(x+1, y, z) && in(x, y-1, z) && in(x, y+1, z) && (g.flat() || in(x, y, z-1) && in(x, y, z+1))) {
						w = 1
					}
				} else {
					code := 0
					for k := range 4 << top {
						if in(x-1+k&1, y-1+k>>1&1, z-top+k>>2) {
							code |= 1 << k
						}
					}
					w = areas[code]
				}
				if w > 0 {
					at = append(at, [3]float64{float64(x) * g.SpacingMM[0], float64(y) * g.SpacingMM[1], float64(z) * g.SpacingMM[2]})
					weight = append(weight, w)
				}
			}
		}
	}
	return at, weight
}

func bruteSamples(from, to [][3]float64, weight []float64) (out []sample) {
	for i, a := range from {
		best := math.Inf(1)
		for _, b := range to {
			d := 0.0
			for k := range 3 {
				d += (a[k] - b[k]) * (a[k] - b[k])
			}
			best = min(best, d)
		}
		out = append(out, sample{math.Sqrt(best), weight[i]})
	}
	return out
}

func checkSamples(t *testing.T, what string, got, want []sample) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: %d points, want %d", what, len(got), len(want))
	}
	slices.SortFunc(want, func(a, b sample) int {
		if d := a.mm - b.mm; math.Abs(d) > 1e-9 {
			return int(math.Copysign(1, d))
		}
		return int(math.Copysign(1, a.weight-b.weight))
	})
	sum, wantSum := 0.0, 0.0
	for i := range got {
		if math.Abs(got[i].mm-want[i].mm) > 1e-9 {
			t.Fatalf("%s: distance %d is %v, want %v", what, i, got[i], want[i])
		}
		sum += got[i].mm * got[i].weight
		wantSum += want[i].mm * want[i].weight
	}
	if math.Abs(sum-wantSum) > 1e-9*max(1, wantSum) {
		t.Fatalf("%s: weighted sum %v, want %v", what, sum, wantSum)
	}
}

func TestDistancesByBruteForce(t *testing.T) {
	for seed := range uint64(60) {
		r := rand.New(rand.NewPCG(seed, 1))
		g := Grid{[3]int{1 + r.IntN(9), 1 + r.IntN(9), 1 + r.IntN(5)}, [3]float64{.3 + r.Float64(), .3 + r.Float64(), .3 + 4*r.Float64()}}
		pred, ref := randomMask(seed, g, .3), randomMask(seed+1000, g, .2)
		for _, c := range []Convention{Elements, Borders} {
			what := fmt.Sprint(g, c)
			a, wa := bruteSurface(pred, g, c)
			b, wb := bruteSurface(ref, g, c)
			d := SurfaceDistances(pred, ref, 1, g, c)
			checkSamples(t, what+" predicted", d.pred, bruteSamples(a, b, wa))
			checkSamples(t, what+" reference", d.ref, bruteSamples(b, a, wb))
		}
	}
}

// A mask against itself is perfect; exchanging masks exchanges directions; moving both changes nothing; scaling the
// grid scales millimetres; moving one by a voxel moves its Hausdorff distance by no more.
func TestProperties(t *testing.T) {
	for seed := range uint64(20) {
		inner := Grid{[3]int{9, 8, 6}, [3]float64{.7, 1.1, 2.5}}
		if seed%3 == 0 {
			inner.Dims[2] = 1
		}
		g := inner
		for i := range 3 {
			if g.Dims[i] > 1 {
				g.Dims[i] += 4
			}
		}
		put := func(m []uint8, by [3]int) []uint8 {
			out := make([]uint8, g.Voxels())
			for i, v := range m {
				x, y, z := i%inner.Dims[0]+by[0], i/inner.Dims[0]%inner.Dims[1]+by[1], i/inner.Dims[0]/inner.Dims[1]+by[2]
				out[(z*g.Dims[1]+y)*g.Dims[0]+x] = v
			}
			return out
		}
		a, b := randomMask(seed, inner, .3), randomMask(seed+99, inner, .3)
		moved := [3]int{3, 1, 2}
		if inner.Dims[2] == 1 {
			moved[2] = 0
		}
		for _, c := range []Convention{Elements, Borders} {
			scores := func(d *Distances) []float64 {
				x, y := d.Average()
				return []float64{x, y, d.Hausdorff(), d.Percentile(95), d.PooledPercentile(95), d.ASSD(), d.MASD(), d.SurfaceDice(1), d.PredictedSize(), d.ReferenceSize()}
			}
			plain := scores(SurfaceDistances(put(a, [3]int{}), put(b, [3]int{}), 1, g, c))
			if got := scores(SurfaceDistances(put(a, moved), put(b, moved), 1, g, c)); !slices.Equal(got, plain) {
				t.Errorf("translation changes %v to %v", plain, got)
			}
			swapped := scores(SurfaceDistances(put(b, [3]int{}), put(a, [3]int{}), 1, g, c))
			swapped[0], swapped[1], swapped[8], swapped[9] = swapped[1], swapped[0], swapped[9], swapped[8]
			for i := range plain {
				if math.Abs(swapped[i]-plain[i]) > 1e-12*max(1, plain[i]) {
					t.Errorf("score %d is %v, exchanged %v", i, plain[i], swapped[i])
				}
			}
			self := scores(SurfaceDistances(put(a, [3]int{}), put(a, [3]int{}), 1, g, c))
			if !slices.Equal(self[:8], []float64{0, 0, 0, 0, 0, 0, 0, 1}) {
				t.Errorf("a mask differs from itself: %v", self)
			}
			double := g
			for i := range 3 {
				double.SpacingMM[i] *= 2
			}
			twice := scores(SurfaceDistances(put(a, [3]int{}), put(b, [3]int{}), 1, double, c))
			for i := range 7 {
				if twice[i] != 2*plain[i] {
					t.Errorf("score %d is %v on a grid of twice the spacing, not twice %v", i, twice[i], plain[i])
				}
			}
			if h := SurfaceDistances(put(a, [3]int{}), put(a, [3]int{1}), 1, g, c).Hausdorff(); h > g.SpacingMM[0] {
				t.Errorf("moved by a voxel of %v mm: Hausdorff distance %v", g.SpacingMM[0], h)
			}
			if plain[6] != (plain[0]+plain[1])/2 {
				t.Errorf("MASD is %v of %v and %v", plain[6], plain[0], plain[1])
			}
		}
		c := Count(a, b, 1)
		if d, i := c.Dice(), c.IoU(); math.Abs(i-d/(2-d)) > 1e-15 {
			t.Errorf("Dice %v, IoU %v", d, i)
		}
	}
}

func TestOneVoxelApart(t *testing.T) {
	g := Grid{[3]int{10, 7, 5}, [3]float64{.5, 2, 3}}
	pred, ref := make([]uint8, g.Voxels()), make([]uint8, g.Voxels())
	pred[0], ref[g.Voxels()-1] = 1, 1
	want := math.Sqrt(4.5*4.5 + 12*12 + 12*12)
	d := SurfaceDistances(pred, ref, 1, g, Borders)
	if d.Hausdorff() != want || d.Percentile(0) != want || d.ASSD() != want || d.SurfaceDice(want) != 1 || d.SurfaceDice(want-.001) != 0 {
		t.Errorf("two voxels %v mm apart: %v", want, d)
	}
	if got := SurfaceDistances(pred, ref, 1, g, Elements).Hausdorff(); got != want {
		t.Errorf("their corners: %v", got) // each corner's nearest is at most as far, the outermost exactly
	}
}

func TestEmptyMasks(t *testing.T) {
	g := Grid{[3]int{6, 5, 4}, [3]float64{1, 1, 1}}
	none, some := make([]uint8, g.Voxels()), randomMask(3, g, .2)
	for _, c := range []Convention{Elements, Borders} {
		for _, d := range []*Distances{SurfaceDistances(some, none, 1, g, c), SurfaceDistances(none, some, 1, g, c)} {
			a, b := d.Average()
			for _, v := range []float64{a, b, d.Hausdorff(), d.Percentile(95), d.PooledPercentile(50), d.ASSD(), d.MASD()} {
				if !math.IsNaN(v) {
					t.Errorf("a distance to nothing: %v", v)
				}
			}
			if d.SurfaceDice(5) != 0 || d.SurfaceDice(math.Inf(1)) != 0 {
				t.Error("surface Dice with an empty mask is not 0")
			}
		}
		if d := SurfaceDistances(none, none, 1, g, c); !math.IsNaN(d.SurfaceDice(1)) || !math.IsNaN(d.Hausdorff()) {
			t.Error("two empty masks have a score")
		}
	}
	one := Count(some, none, 1)
	if one.Dice() != 0 || one.IoU() != 0 || one.Precision() != 0 || !math.IsNaN(one.Sensitivity()) || !math.IsNaN(one.RelativeVolumeError()) {
		t.Errorf("against an empty reference: %+v", one)
	}
	if !math.IsNaN(Count(none, none, 1).Dice()) {
		t.Error("two empty masks have a Dice")
	}
	if d := DistanceMap(none, 1, g); !math.IsInf(d[0], 1) {
		t.Errorf("distance to nothing: %v", d[0])
	}
}

func TestSameBitsForAnyThreads(t *testing.T) {
	g := Grid{[3]int{40, 37, 24}, [3]float64{.8, .7, 2}}
	pred, ref := randomMask(1, g, .3), randomMask(2, g, .3)
	run := func(threads int) string {
		defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(threads))
		out := ""
		for _, c := range []Convention{Elements, Borders} {
			d := SurfaceDistances(pred, ref, 1, g, c)
			p, err := Components(pred, ref, 1, g, volume.Faces)
			if err != nil {
				t.Fatal(err)
			}
			out += fmt.Sprint(d.ASSD(), d.MASD(), d.Percentile(95), d.SurfaceDice(1), p.AJI(), p.Detect(Matching{Above: .1}), Count(pred, ref, 1))
		}
		return out
	}
	want := run(1)
	for _, n := range []int{2, 4} {
		if got := run(n); got != want {
			t.Errorf("%d threads: %s, one: %s", n, got, want)
		}
	}
}

func TestGrid(t *testing.T) {
	good := volume.Geometry{Dims: [3]int{4, 5, 6}, Affine: volume.FromColumns(volume.Vec{0, 2, 0}, volume.Vec{-1, 0, 0}, volume.Vec{0, 0, 3}, volume.Vec{7, 8, 9})}
	g, err := GridOf(good)
	if err != nil || g.SpacingMM != [3]float64{2, 1, 3} || g.VoxelML() != .006 {
		t.Errorf("%v, %v", g, err)
	}
	slanted := good
	slanted.Affine = volume.FromColumns(volume.Vec{0, 2, 0}, volume.Vec{-1, 0, 0}, volume.Vec{0, 1, 3}, volume.Vec{})
	if _, err := GridOf(slanted); err == nil {
		t.Error("a sheared grid was taken")
	}
	for _, g := range []Grid{
		{[3]int{0, 1, 1}, [3]float64{1, 1, 1}},
		{[3]int{1, 1 << 20, 1}, [3]float64{1, 1, 1}},
		{[3]int{1, 1, 1}, [3]float64{1, math.NaN(), 1}},
		{[3]int{1, 1, 1}, [3]float64{1, -1, 1}},
		{[3]int{1, 1, 1}, [3]float64{1, 1, 0}},
	} {
		if g.Check("test") == nil {
			t.Errorf("%v was taken", g)
		}
	}
	if d := (Grid{[3]int{3, 4, 1}, [3]float64{1, 1, 50}}).DiagonalMM(); d != 5 {
		t.Errorf("diagonal of an image: %v", d)
	}
	if d := (Grid{[3]int{2, 3, 6}, [3]float64{1, 1, 1}}).DiagonalMM(); d != 7 {
		t.Errorf("diagonal of a volume: %v", d)
	}
}

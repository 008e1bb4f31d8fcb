package region

import (
	"math"
	"testing"

	"galen.dev/volume"
)

// The masks of bench/region_peer.py: rough ellipsoids in a CT of 512 x 512 x 200 voxels.
var ct = Grid{[3]int{512, 512, 200}, [3]float64{.8, .8, 2.5}}

func ellipsoid(g Grid, part float64, shift int) []uint8 {
	out := make([]uint8, g.Voxels())
	rough := func(v int, period float64) float64 { return math.Sin(float64(v) / period) }
	i := 0
	for z := range g.Dims[2] {
		for y := range g.Dims[1] {
			for x := range g.Dims[0] {
				r := 0.0
				for k, v := range [3]int{x, y, z} {
					d := (float64(v-shift) - float64(g.Dims[k])/2) / (part * float64(g.Dims[k]) / 2)
					r += d * d
				}
				if r < 1+.2*rough(x, 5)*rough(y, 7)*rough(z, 3) {
					out[i] = 1
				}
				i++
			}
		}
	}
	return out
}

func benchSurfaces(b *testing.B, part float64, c Convention) {
	pred, ref := ellipsoid(ct, part, 2), ellipsoid(ct, part, 0)
	b.ReportAllocs()
	for b.Loop() {
		d := SurfaceDistances(pred, ref, 1, ct, c)
		d.Percentile(95)
		d.ASSD()
		d.SurfaceDice(1)
	}
}

func BenchmarkOrganElements(b *testing.B) { benchSurfaces(b, .45, Elements) }
func BenchmarkOrganBorders(b *testing.B)  { benchSurfaces(b, .45, Borders) }
func BenchmarkBodyElements(b *testing.B)  { benchSurfaces(b, .9, Elements) }
func BenchmarkBodyBorders(b *testing.B)   { benchSurfaces(b, .9, Borders) }

func BenchmarkOverlap(b *testing.B) {
	pred, ref := ellipsoid(ct, .45, 2), ellipsoid(ct, .45, 0)
	for b.Loop() {
		Count(pred, ref, 1).Dice()
	}
}

func BenchmarkTransform(b *testing.B) {
	g := Grid{[3]int{256, 256, 100}, ct.SpacingMM}
	mask := ellipsoid(g, .45, 0)
	for b.Loop() {
		DistanceMap(mask, 1, g)
	}
}

func BenchmarkNuclei(b *testing.B) {
	g := Grid{[3]int{1000, 1000, 1}, [3]float64{1, 1, 1}}
	pred, ref := nuclei(g, 2), nuclei(g, 0)
	for b.Loop() {
		p := Compare(pred, ref, g)
		p.Detect(Matching{})
		p.AJI()
		p.AJIPlus()
	}
}

func nuclei(g Grid, shift int) []uint32 {
	out := make([]uint32, g.Voxels())
	for y := range g.Dims[1] {
		for x := range g.Dims[0] {
			dx, dy := (x+shift)%25-12, (y+shift)%25-12
			if dx*dx+dy*dy < 100 {
				out[y*g.Dims[0]+x] = uint32((y+shift)/25*41 + (x+shift)/25 + 1)
			}
		}
	}
	return out
}

func BenchmarkLesions(b *testing.B) {
	pred, ref := ellipsoid(ct, .45, 2), ellipsoid(ct, .45, 0)
	for b.Loop() {
		p, err := Components(pred, ref, 1, ct, volume.Faces)
		if err != nil {
			b.Fatal(err)
		}
		p.Detect(Matching{})
	}
}

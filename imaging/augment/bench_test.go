package augment

import "testing"

func benchmark(b *testing.B, s Settings, shape []int) {
	dims, _ := grid(shape)
	image, labels := noise(size(shape), 1), blobs(dims, []uint8{0, 1, 2})
	seed := uint64(0)
	b.SetBytes(int64(4 * len(image)))
	for b.Loop() {
		seed++
		Apply(Draw(seed, s, shape), image, labels)
	}
}

var affine = Settings{Rotation: Rotation{Probability: 1, Degrees: [3]Range{{-30, 30}, {-30, 30}, {-30, 30}}}, Scale: Scale{Probability: 1, Factor: Range{.7, 1.4}}}

func elasticToo() Settings {
	s := affine
	s.Elastic = Elastic{Probability: 1, Magnitude: Range{2, 6}}
	return s
}

var (
	plane = []int{128, 128, 1}
	solid = []int{96, 96, 96, 1}
)

func BenchmarkLight2D(b *testing.B)         { benchmark(b, Light2D(), plane) }
func BenchmarkNNUNet2D(b *testing.B)        { benchmark(b, NNUNet2D([2]int{128, 128}), plane) }
func BenchmarkNNUNet3D(b *testing.B)        { benchmark(b, NNUNet3D([3]int{96, 96, 96}), solid) }
func BenchmarkAffine2D(b *testing.B)        { benchmark(b, affine, plane) }
func BenchmarkAffine3D(b *testing.B)        { benchmark(b, affine, solid) }
func BenchmarkElastic2D(b *testing.B)       { benchmark(b, elasticToo(), plane) }
func BenchmarkElastic3D(b *testing.B)       { benchmark(b, elasticToo(), solid) }
func BenchmarkGamma3D(b *testing.B)         { one(b, Step{Kind: Gamma, Amount: .8}) }
func BenchmarkBlur3D(b *testing.B)          { one(b, Step{Kind: Blur, Axes: [3]float64{1, 1, 1}}) }
func BenchmarkNoise3D(b *testing.B)         { one(b, Step{Kind: Noise, Amount: .1}) }
func BenchmarkLowResolution3D(b *testing.B) { one(b, Step{Kind: LowResolution, Amount: .6}) }

func one(b *testing.B, s Step) {
	image := noise(size(solid), 1)
	for b.Loop() {
		ApplyImage(Parameters{From: [3]int{96, 96, 96}, Steps: []Step{s}}, image)
	}
}

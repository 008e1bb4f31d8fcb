package signal

import (
	"math/rand/v2"
	"testing"

	"galen.dev/assess"
	"galen.dev/nn"
)

// BenchmarkPredict asks an ensemble of five networks about one beat of 140 samples, as apply does.
func BenchmarkPredict(b *testing.B) {
	p := &plan{Format: planFormat, Channels: []channel{{Name: "signal", Rate: 140}}, Rate: 140, Crop: 140, Stride: 70}
	e := &ensemble{modelFile: modelFile{Kind: "resnet1d", Aggregate: "mean", Settings: settings{Width: 32}, Heads: []assess.Outcome{{Target: "label", Classes: []string{"1", "2", "3", "4", "5"}}}}, plan: p}
	net, err := e.Settings.network(e.Kind, 5)
	if err != nil {
		b.Fatal(err)
	}
	for k := range 5 {
		w, err := nn.Init(net, uint64(k), nn.Float32s(1, 140, 1))
		if err != nil {
			b.Fatal(err)
		}
		e.members = append(e.members, &member{weights: w})
	}
	if err := e.open(5); err != nil {
		b.Fatal(err)
	}
	defer e.Close()
	x := make([]float32, 140)
	for i := range x {
		x[i] = float32(rand.New(rand.NewPCG(1, uint64(i))).NormFloat64())
	}
	for b.Loop() {
		if _, _, err := e.predict(b.Context(), x); err != nil {
			b.Fatal(err)
		}
	}
}

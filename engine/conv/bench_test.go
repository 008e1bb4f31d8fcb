package conv

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
	"time"
)

// A Layer is a convolution of one of the networks that the engine is measured with.
type Layer struct {
	Name string
	Shape
}

func layer2(name string, n, size, cin, cout, kernel, stride, pad int) Layer {
	return Layer{name, Shape{
		N: n, In: [3]int{1, size, size}, Cin: cin, Cout: cout, Kernel: [3]int{1, kernel, kernel},
		Stride: [3]int{1, stride, stride}, PadLow: [3]int{0, pad, pad}, PadHigh: [3]int{0, pad, pad},
	}}
}

func layer3(name string, n, size, cin, cout, kernel, stride, pad int) Layer {
	l := layer2(name, n, size, cin, cout, kernel, stride, pad)
	l.In[0], l.Kernel[0], l.Stride[0], l.PadLow[0], l.PadHigh[0] = size, kernel, stride, pad, pad
	return l
}

// transposed is the transposed convolution of PyTorch: the data gradient of an ordinary convolution from cout to cin
// channels, as a shape of its own.
func transposed(name string, n, size, cin, cout, kernel, stride, pad int) Layer {
	large := (size-1)*stride + kernel - 2*pad
	l := layer2(name, n, large, cout, cin, kernel, stride, pad)
	l.Shape = l.DataGradient()
	return l
}

func depthwiseLayer(name string, n, size, channels, kernel, stride, pad int) Layer {
	l := layer2(name, n, size, channels, channels, kernel, stride, pad)
	l.Groups = channels
	return l
}

// Layers are the convolutions of the networks in bench, in their order; bench/conv_peer.py has the same list.
var Layers = []Layer{
	layer2("conv-64", 32, 32, 64, 64, 3, 1, 1),
	layer2("cnn-1", 64, 28, 3, 32, 3, 1, 1),
	layer2("cnn-2", 64, 14, 32, 64, 3, 1, 1),
	layer2("resnet-stem", 64, 28, 3, 64, 3, 1, 1),
	layer2("resnet-64", 64, 28, 64, 64, 3, 1, 1),
	layer2("resnet-64-128-s2", 64, 28, 64, 128, 3, 2, 1),
	layer2("resnet-64-128-1x1", 64, 28, 64, 128, 1, 2, 0),
	layer2("resnet-128", 64, 14, 128, 128, 3, 1, 1),
	layer2("resnet-128-256-s2", 64, 14, 128, 256, 3, 2, 1),
	layer2("resnet-128-256-1x1", 64, 14, 128, 256, 1, 2, 0),
	layer2("resnet-256", 64, 7, 256, 256, 3, 1, 1),
	layer2("resnet-256-512-s2", 64, 7, 256, 512, 3, 2, 1),
	layer2("resnet-256-512-1x1", 64, 7, 256, 512, 1, 2, 0),
	layer2("resnet-512", 64, 4, 512, 512, 3, 1, 1),
	layer2("unet-1-32", 4, 128, 1, 32, 3, 1, 1),
	layer2("unet-32", 4, 128, 32, 32, 3, 1, 1),
	layer2("unet-64", 4, 64, 64, 64, 3, 1, 1),
	layer2("unet-128", 4, 32, 128, 128, 3, 1, 1),
	layer2("unet-256", 4, 16, 256, 256, 3, 1, 1),
	layer2("unet-512", 4, 8, 512, 512, 3, 1, 1),
	layer2("unet-512-256", 4, 16, 512, 256, 3, 1, 1),
	layer2("unet-64-32", 4, 128, 64, 32, 3, 1, 1),
	transposed("unet-up-512", 4, 8, 512, 256, 2, 2, 0),
	transposed("unet-up-128", 4, 32, 128, 64, 2, 2, 0),
	transposed("unet-up-64", 4, 64, 64, 32, 2, 2, 0),
	layer2("unet-out", 4, 128, 32, 1, 1, 1, 0),
	layer3("conv3d-1-16", 2, 32, 1, 16, 3, 1, 1),
	layer3("conv3d-16", 2, 32, 16, 16, 3, 1, 1),
	layer3("conv3d-16-32-s2", 2, 32, 16, 32, 3, 2, 1),
	layer3("conv3d-32", 2, 16, 32, 32, 3, 1, 1),
	layer3("conv3d-out", 2, 16, 32, 2, 1, 1, 0),
	transposed("dcgan-1", 64, 1, 100, 128, 7, 1, 0),
	transposed("dcgan-2", 64, 7, 128, 64, 4, 2, 1),
	transposed("dcgan-3", 64, 14, 64, 3, 4, 2, 1),
	depthwiseLayer("depthwise-64", 16, 56, 64, 3, 1, 1),
	depthwiseLayer("depthwise-256-s2", 16, 28, 256, 3, 2, 1),
	layer2("one-64", 1, 28, 64, 64, 3, 1, 1),
	layer2("one-256", 1, 7, 256, 256, 3, 1, 1),
	layer2("one-512", 1, 4, 512, 512, 3, 1, 1),
	layer2("one-slice-32", 1, 512, 32, 32, 3, 1, 1),
}

// A pass is one of the three products of a layer, ready to run.
func passes(s Shape) (names []string, run []func()) {
	r := rand.New(rand.NewPCG(1, 1))
	x, w, dy := numbers(s.XLen(), r), numbers(s.WeightsLen(), r), numbers(s.YLen(), r)
	dx, dw, y := make([]float32, len(x)), make([]float32, len(w)), make([]float32, len(dy))
	plan, back := New(s, nil), New(s.DataGradient(), nil)
	return []string{"forward", "data", "weights"}, []func(){
		func() { plan.Forward(x, w, y) },
		func() { back.Forward(dy, w, dx) },
		func() { plan.WeightGradient(x, dy, dw) },
	}
}

func BenchmarkConv(b *testing.B) {
	for _, l := range Layers {
		names, run := passes(l.Shape)
		for i, f := range run {
			b.Run(l.Name+"/"+names[i], func(b *testing.B) {
				f()
				for b.Loop() {
					f()
				}
				b.ReportMetric(l.Flops()*float64(b.N)/b.Elapsed().Seconds()/1e9, "GFLOP/s")
				b.ReportMetric(0, "ns/op")
			})
		}
	}
}

// TestPeer is the half of bench/conv_peer.py that runs here: it reads a layer's name and a number of seconds a
// line, runs the layer's three passes that long, and answers with the best time of each.
func TestPeer(t *testing.T) {
	if os.Getenv("GALEN_CONV_PEER") == "" {
		t.Skip("GALEN_CONV_PEER is not set: bench/conv_peer.py runs this")
	}
	type state struct {
		run  []func()
		flop float64
	}
	ready := map[string]state{}
	for {
		var name string
		var seconds float64
		if _, err := fmt.Scanln(&name, &seconds); err != nil {
			return
		}
		s, ok := ready[name]
		if !ok {
			for _, l := range Layers {
				if l.Name == name {
					_, run := passes(l.Shape)
					s = state{run, l.Flops()}
					for _, f := range run {
						f()
					}
				}
			}
			ready = map[string]state{name: s}
		}
		times := make([]float64, len(s.run))
		for i, f := range s.run {
			f()
			count, begin := 0, time.Now()
			for count == 0 || time.Since(begin).Seconds() < seconds {
				f()
				count++
			}
			times[i] = time.Since(begin).Seconds() / float64(count)
		}
		answer, err := json.Marshal(map[string]any{"flop": s.flop, "times": times})
		if err != nil {
			t.Fatal(err)
		}
		os.Stdout.WriteString("peer " + strings.TrimSpace(string(answer)) + "\n")
	}
}

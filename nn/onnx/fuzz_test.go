package onnx

import (
	"testing"

	"github.com/gomlx/gomlx/core/graph"

	"galen.dev/fault"
	"galen.dev/nn"
)

// FuzzRead reads any bytes as a model: they are refused, or build a graph, or are refused then. Nothing runs.
func FuzzRead(f *testing.F) {
	for _, c := range recordedCases(f, "operators.json.gz") {
		f.Add(c.Model)
	}
	f.Add([]byte{})
	backend := stock(f)
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := read(b, nil)
		if err != nil {
			if fault.KindOf(err) != fault.Data {
				t.Fatalf("an error of kind %v: %v", fault.KindOf(err), err)
			}
			return
		}
		// Small inputs, so that a size in the file cannot ask for much.
		g := graph.NewGraph(backend, "")
		defer g.Finalize()
		s := nn.NewScope(g, nn.ScopeOptions{})
		net := m.Net()
		err = nn.Catch(func() {
			var nodes []*nn.Node
			for _, in := range net.Inputs {
				shape := nn.Shape{DType: in.DType}
				for _, d := range in.Dims {
					if d == 0 {
						d = 2
					}
					if d > 64 || len(in.Dims) > 6 {
						return
					}
					shape.Dimensions = append(shape.Dimensions, d)
				}
				nodes = append(nodes, graph.Parameter(g, inputPrefix+in.Name, shape))
			}
			if _, err := net.Build(s, nodes...); err != nil {
				panic(err)
			}
		})
		if err != nil && fault.KindOf(err) == fault.Internal {
			t.Fatal(err)
		}
	})
}

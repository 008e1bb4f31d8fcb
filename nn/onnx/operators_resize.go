package onnx

import (
	"math"
	"slices"

	"github.com/gomlx/gomlx/core/graph"
)

// Resize works axis by axis: each new position reads one old one (nearest) or two with weights (linear). Which ones
// follows from the sizes alone, so they are computed when the graph is built.

func resize(c *converter, n *nodeProto, in []*value) []*value {
	scales, sizes := in[2], in[3]
	if c.Opset < 11 {
		scales, sizes = in[1], nil
	}
	rank := len(in[0].dims)
	axes := n.ints("axes")
	if axes == nil {
		axes = sequence(rank)
	}
	if p := n.string("keep_aspect_ratio_policy", "stretch"); p != "stretch" || n.int("antialias", 0) != 0 || n.int("exclude_outside", 0) != 0 {
		fail("keep_aspect_ratio_policy, antialias and exclude_outside are not supported")
	}
	transform := "half_pixel"
	if c.Opset < 11 {
		transform = "asymmetric"
	}
	how := resizing{
		mode: n.string("mode", "nearest"), transform: n.string("coordinate_transformation_mode", transform), nearest: n.string("nearest_mode", "round_prefer_floor"),
	}
	if c.Opset < 11 {
		how.nearest = "floor"
	}
	var factors []float64
	var targets []int
	if sizes != nil && product(sizes.dims) > 0 {
		targets = sizes.ints("the sizes")
	} else if scales != nil {
		factors = scales.floats("the scales")
	}
	return []*value{c.resized(in[0], axes, factors, targets, how)}
}

func upsample(c *converter, n *nodeProto, in []*value) []*value {
	var factors []float64
	if a := n.attribute("scales", kindFloats); a != nil {
		for _, f := range a.floats {
			factors = append(factors, float64(f))
		}
	} else if in[1] != nil {
		factors = in[1].floats("the scales")
	}
	how := resizing{mode: n.string("mode", "nearest"), transform: "asymmetric", nearest: "floor"}
	return []*value{c.resized(in[0], sequence(len(in[0].dims)), factors, nil, how)}
}

type resizing struct{ mode, transform, nearest string }

func (c *converter) resized(v *value, axes []int, factors []float64, targets []int, how resizing) *value {
	if len(factors) != len(axes) && len(targets) != len(axes) {
		fail("%d scales and %d sizes for %d axes", len(factors), len(targets), len(axes))
	}
	if how.mode != "nearest" && how.mode != "linear" {
		fail("mode %q; nearest and linear are supported", how.mode)
	}
	x := c.stored(v)
	for i, axis := range axes {
		axis = axisOf(axis, len(v.dims))
		from, to, scale := v.dims[axis], 0, 0.
		if targets != nil {
			to = targets[i]
			scale = float64(to) / float64(from)
		} else {
			scale = factors[i]
			if !(scale > 0 && scale < 1<<20) {
				fail("a scale of %g", scale)
			}
			to = int(math.Floor(float64(from) * scale))
		}
		c.checked([]int{max(to, 0), x.Shape().Size() / from})
		if to < 1 {
			fail("a size of %d", to)
		}
		if to == from && scale == 1 {
			continue
		}
		x = c.line(x, v.storage(axis), from, to, scale, how)
	}
	return v.like(x)
}

// line resizes one axis.
func (c *converter) line(x *Node, axis, from, to int, scale float64, how resizing) *Node {
	low, high, share := make([]int, to), make([]int, to), make([]float32, to)
	within := func(p int) int { return min(max(p, 0), from-1) }
	for o := range to {
		at := how.source(o, from, to, scale)
		if how.mode == "nearest" {
			low[o] = within(how.round(at))
			continue
		}
		at = min(max(at, 0), float64(from-1))
		f := math.Floor(at)
		low[o], high[o], share[o] = within(int(f)), within(int(f)+1), float32(at-f)
	}
	first := c.take(x, axis, low)
	if how.mode == "nearest" {
		return first
	}
	second := c.take(x, axis, high)
	dims := slices.Repeat([]int{1}, x.Rank())
	dims[axis] = to
	weight := graph.Reshape(graph.Const(c.g, share), dims...)
	return graph.Add(first, graph.Mul(weight, graph.Sub(second, first)))
}

// source is the place in the old line of a place in the new one.
func (r resizing) source(o, from, to int, scale float64) float64 {
	p := float64(o)
	switch r.transform {
	case "half_pixel":
		return (p+0.5)/scale - 0.5
	case "pytorch_half_pixel":
		if to == 1 {
			return 0
		}
		return (p+0.5)/scale - 0.5
	case "asymmetric":
		return p / scale
	case "align_corners":
		if to == 1 {
			return 0
		}
		return p * float64(from-1) / float64(to-1)
	}
	fail("coordinate_transformation_mode %q", r.transform)
	return 0
}

func (r resizing) round(p float64) int {
	switch r.nearest {
	case "floor":
		return int(math.Floor(p))
	case "ceil":
		return int(math.Ceil(p))
	case "round_prefer_floor":
		return int(math.Ceil(p - 0.5))
	case "round_prefer_ceil":
		return int(math.Floor(p + 0.5))
	}
	fail("nearest_mode %q", r.nearest)
	return 0
}

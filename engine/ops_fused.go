package engine

import (
	"fmt"
	"slices"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/shapeinference"
	"github.com/gomlx/compute/shapes"
)

// Operations that stand for several. What is refused here with compute.ErrNotImplemented is built from single
// operations by the graph library, and fused by the engine's own passes.

// unfused is the answer to fused operations that the engine does not have.
func unfused(op compute.OpType) error {
	return fmt.Errorf("%s: %w by the backend %q", op, compute.ErrNotImplemented, Name)
}

// onFloats refuses what a fused operation is not defined for, so that the caller builds it otherwise.
func onFloats(op compute.OpType, s shapes.Shape) error {
	if !capabilities.DTypes[s.DType] || s.DType.Size() < 4 || !s.DType.IsFloat() || s.IsDynamic() {
		return fmt.Errorf("%s of %s: %w by the backend %q", op, s, compute.ErrNotImplemented, Name)
	}
	return nil
}

func (f *function) FusedSoftmax(x compute.Value, axis int) (compute.Value, error) {
	in, err := f.use("FusedSoftmax", x)
	if err != nil {
		return nil, err
	}
	s := in[0].shape()
	if axis < 0 || axis >= s.Rank() {
		return nil, fmt.Errorf("FusedSoftmax: axis %d is not one of %s", axis, s)
	}
	if err := onFloats(compute.OpTypeFusedSoftmax, s); err != nil {
		return nil, err
	}
	return f.record(compute.OpTypeFusedSoftmax, in, axisAttr{axis}, s, func(f compute.Function, in []compute.Value) ([]compute.Value, error) {
		return one(f.FusedSoftmax(in[0], axis))
	})
}

func (f *function) FusedGelu(x compute.Value, exact bool) (compute.Value, error) {
	if d, ok := allHalf(x); ok {
		return f.widenedOne(d, func(vs []compute.Value) (compute.Value, error) { return f.FusedGelu(vs[0], exact) }, x)
	}
	in, err := f.use("FusedGelu", x)
	if err != nil {
		return nil, err
	}
	s := in[0].shape()
	if !s.DType.IsFloat() {
		return nil, fmt.Errorf("FusedGelu: want floating point numbers, got %s", s)
	}
	return f.record(compute.OpTypeFusedGelu, in, geluAttr{exact}, s, func(f compute.Function, in []compute.Value) ([]compute.Value, error) {
		return one(f.FusedGelu(in[0], exact))
	})
}

// FusedLayerNorm normalises over axes; gamma and beta may be nil.
func (f *function) FusedLayerNorm(x compute.Value, axes []int, epsilon float64, gamma, beta compute.Value) (compute.Value, error) {
	vs := []compute.Value{x}
	for _, v := range []compute.Value{gamma, beta} {
		if v != nil {
			vs = append(vs, v)
		}
	}
	in, err := f.use("FusedLayerNorm", vs...)
	if err != nil {
		return nil, err
	}
	s := in[0].shape()
	if err := onFloats(compute.OpTypeFusedLayerNorm, s); err != nil {
		return nil, err
	}
	axes = slices.Clone(axes)
	for i, axis := range axes {
		if axis < 0 {
			axes[i] += s.Rank()
		}
	}
	sorted, err := sortedAxes(axes, s)
	if err != nil {
		return nil, fmt.Errorf("FusedLayerNorm: %w", err)
	}
	if gamma == nil && beta != nil {
		// Inputs are told apart by their place, so an offset alone has none.
		return nil, unfused(compute.OpTypeFusedLayerNorm)
	}
	normalized := shapes.Make(s.DType)
	for _, axis := range sorted {
		normalized.Dimensions = append(normalized.Dimensions, s.Dimensions[axis])
	}
	for i, v := range in[1:] {
		if v.dtype() != s.DType || v.shape().Size() != normalized.Size() {
			return nil, fmt.Errorf("FusedLayerNorm: input %d must have the values of %s, got %s", i+1, normalized, v.shape())
		}
	}
	hasGamma, hasBeta := gamma != nil, beta != nil
	return f.record(compute.OpTypeFusedLayerNorm, in, normAttr{epsilon: epsilon, axes: sorted}, s, func(f compute.Function, in []compute.Value) ([]compute.Value, error) {
		var gamma, beta compute.Value
		if hasGamma {
			gamma = in[1]
		}
		if hasBeta {
			beta = in[2]
		}
		return one(f.FusedLayerNorm(in[0], sorted, epsilon, gamma, beta))
	})
}

// FusedDense is an activation of a product plus a bias, which may be nil.
func (f *function) FusedDense(x, weight, bias compute.Value, config compute.DenseConfig) (compute.Value, error) {
	vs := []compute.Value{x, weight}
	if bias != nil {
		vs = append(vs, bias)
	}
	in, err := f.use("FusedDense", vs...)
	if err != nil {
		return nil, err
	}
	s, w := in[0].shape(), in[1].shape()
	for _, v := range in {
		if err := onFloats(compute.OpTypeFusedDense, v.shape()); err != nil {
			return nil, err
		}
	}
	if s.Rank() < 1 || w.Rank() < 2 {
		return nil, fmt.Errorf("FusedDense: want an input of rank 1 and a weight of rank 2 at least, got %s and %s", s, w)
	}
	contract := 0
	switch config.WeightLayout {
	case compute.DenseLayoutInputOutputs:
	case compute.DenseLayoutOutputsInput:
		contract = w.Rank() - 1
	default:
		return nil, fmt.Errorf("FusedDense: unknown layout %v of the weight", config.WeightLayout)
	}
	shape, err := shapeinference.DotGeneral(s, []int{s.Rank() - 1}, nil, w, []int{contract}, nil, compute.DotGeneralConfig{})
	if err != nil {
		return nil, fmt.Errorf("FusedDense: %w", err)
	}
	if bias != nil {
		outputs := shape.Clone()
		outputs.Dimensions = outputs.Dimensions[s.Rank()-1:]
		if b := in[2].shape(); b.DType != s.DType || b.Size() != outputs.Size() {
			return nil, fmt.Errorf("FusedDense: the bias must be %s, got %s", outputs, b)
		}
	}
	hasBias := bias != nil
	return f.record(compute.OpTypeFusedDense, in, denseAttr{config}, shape, func(f compute.Function, in []compute.Value) ([]compute.Value, error) {
		var bias compute.Value
		if hasBias {
			bias = in[2]
		}
		return one(f.FusedDense(in[0], in[1], bias, config))
	})
}

func (f *function) FusedScaledDotProductAttention(_, _, _ compute.Value, _ compute.AttentionAxesLayout, _ *compute.ScaledDotProductAttentionConfig) (compute.Value, []compute.Value, error) {
	return nil, nil, unfused(compute.OpTypeFusedScaledDotProductAttention)
}

func (f *function) FusedScaledDotProductAttentionVJP(_, _, _ compute.Value, _ compute.AttentionAxesLayout, _ *compute.ScaledDotProductAttentionConfig, _ compute.Value, _ []compute.Value, _ compute.Value) (dQuery, dKey, dValue compute.Value, err error) {
	return nil, nil, nil, unfused(compute.OpTypeFusedScaledDotProductAttentionVJP)
}

func (f *function) QuantizedEmbeddingLookup(_, _ compute.Value, _ *compute.Quantization) (compute.Value, error) {
	return nil, unfused(compute.OpTypeQuantizedEmbeddingLookup)
}

func (f *function) FusedQuantizedDense(_, _, _ compute.Value, _ *compute.Quantization, _ compute.ActivationType) (compute.Value, error) {
	return nil, unfused(compute.OpTypeFusedQuantizedDense)
}

func (f *function) FusedAttentionQKVProjection(_, _, _, _, _ compute.Value, _, _ int) (query, key, val compute.Value, err error) {
	return nil, nil, nil, unfused(compute.OpTypeFusedAttentionQKVProjection)
}

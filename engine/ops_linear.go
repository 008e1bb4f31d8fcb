package engine

import (
	"fmt"
	"slices"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapeinference"
	"github.com/gomlx/compute/shapes"
)

// Products, convolutions and normalisation over the batch.

// DotGeneral multiplies and sums over the contracted axes.
func (f *function) DotGeneral(lhs compute.Value, lhsContract, lhsBatch []int, rhs compute.Value, rhsContract, rhsBatch []int, config compute.DotGeneralConfig) (compute.Value, error) {
	if d, ok := allHalf(lhs, rhs); ok && config.AccumulatorDType != dtypes.Float64 && (config.OutputDType == dtypes.InvalidDType || config.OutputDType == d) {
		return f.widenedOne(d, func(vs []compute.Value) (compute.Value, error) {
			return f.DotGeneral(vs[0], lhsContract, lhsBatch, vs[1], rhsContract, rhsBatch, compute.DotGeneralConfig{})
		}, lhs, rhs)
	}
	in, err := f.use("DotGeneral", lhs, rhs)
	if err != nil {
		return nil, err
	}
	shape, err := shapeinference.DotGeneral(in[0].shape(), lhsContract, lhsBatch, in[1].shape(), rhsContract, rhsBatch, config)
	if err != nil {
		return nil, err
	}
	if in[0].dtype() == dtypes.Bool {
		return nil, fmt.Errorf("DotGeneral: want numbers, got %s", in[0].shape())
	}
	a := dotAttr{slices.Clone(lhsContract), slices.Clone(lhsBatch), slices.Clone(rhsContract), slices.Clone(rhsBatch), config}
	return f.record(compute.OpTypeDotGeneral, in, a, shape, func(f compute.Function, in []compute.Value) ([]compute.Value, error) {
		return one(f.DotGeneral(in[0], a.lhsContract, a.lhsBatch, in[1], a.rhsContract, a.rhsBatch, a.config))
	})
}

// ConvGeneral convolves; strides, paddings and dilations may be left out, groups of zero are one.
func (f *function) ConvGeneral(input, kernel compute.Value, axes compute.ConvolveAxesConfig, strides []int, paddings [][2]int, inputDilations, kernelDilations []int, channelGroups, batchGroups int) (compute.Value, error) {
	if d, ok := allHalf(input, kernel); ok {
		return f.widenedOne(d, func(vs []compute.Value) (compute.Value, error) {
			return f.ConvGeneral(vs[0], vs[1], axes, strides, paddings, inputDilations, kernelDilations, channelGroups, batchGroups)
		}, input, kernel)
	}
	in, err := f.use("ConvGeneral", input, kernel)
	if err != nil {
		return nil, err
	}
	a := convAttr{axes: axes.Clone(), channelGroups: max(channelGroups, 1), batchGroups: max(batchGroups, 1)}
	x, w := in[0].shape(), in[1].shape()
	if x.DType != w.DType {
		return nil, fmt.Errorf("ConvGeneral: input and kernel must have one type, got %s and %s", x, w)
	}
	shape, err := shapeinference.ConvGeneral(x, w, axes, strides, paddings, inputDilations, kernelDilations, a.channelGroups, a.batchGroups)
	if err != nil {
		return nil, fmt.Errorf("ConvGeneral of %s with kernel %s, axes %+v, strides %v, paddings %v, dilations %v and %v, groups %d and %d: %w",
			x, w, axes, strides, paddings, inputDilations, kernelDilations, channelGroups, batchGroups, err)
	}
	spatial := x.Rank() - 2
	a.strides, a.paddings = filled(strides, spatial), filledPaddings(paddings, spatial)
	a.inputDilations, a.kernelDilations = atLeastOne(filled(inputDilations, spatial)), atLeastOne(filled(kernelDilations, spatial))
	return f.record(compute.OpTypeConvGeneral, in, a, shape, func(f compute.Function, in []compute.Value) ([]compute.Value, error) {
		return one(f.ConvGeneral(in[0], in[1], a.axes, a.strides, a.paddings, a.inputDilations, a.kernelDilations, a.channelGroups, a.batchGroups))
	})
}

func atLeastOne(list []int) []int {
	for i, n := range list {
		list[i] = max(n, 1)
	}
	return list
}

// useNorm checks the operands of a normalisation over the batch: one of any shape, and vectors along the feature
// axis, except those listed in whole, which are shaped like the first.
func (f *function) useNorm(op string, axis int, whole int, vs ...compute.Value) ([]value, int, error) {
	in, err := f.use(op, vs...)
	if err != nil {
		return nil, 0, err
	}
	s := in[0].shape()
	if axis < 0 {
		axis += s.Rank()
	}
	if axis < 0 || axis >= s.Rank() {
		return nil, 0, fmt.Errorf("%s: axis %d is not one of %s", op, axis, s)
	}
	if !s.DType.IsFloat() {
		return nil, 0, fmt.Errorf("%s: want floating point numbers, got %s", op, s)
	}
	features := shapes.Make(s.DType, s.Dimensions[axis])
	for i, v := range in[1:] {
		want := features
		if i+1 == whole {
			want = s
		}
		if !v.shape().Equal(want) {
			return nil, 0, fmt.Errorf("%s: input %d must be %s for %s with features on axis %d, got %s", op, i+1, want, s, axis, v.shape())
		}
	}
	return in, axis, nil
}

// three takes a list of three results apart.
func three(vs []compute.Value, err error) (a, b, c compute.Value, _ error) {
	if err != nil {
		return nil, nil, nil, err
	}
	return vs[0], vs[1], vs[2], nil
}

// BatchNormForInference normalises with a given mean and variance.
func (f *function) BatchNormForInference(operand, scale, offset, mean, variance compute.Value, epsilon float32, featureAxis int) (compute.Value, error) {
	if d, ok := allHalf(operand, scale, offset, mean, variance); ok {
		return f.widenedOne(d, func(vs []compute.Value) (compute.Value, error) {
			return f.BatchNormForInference(vs[0], vs[1], vs[2], vs[3], vs[4], epsilon, featureAxis)
		}, operand, scale, offset, mean, variance)
	}
	in, axis, err := f.useNorm("BatchNormForInference", featureAxis, 0, operand, scale, offset, mean, variance)
	if err != nil {
		return nil, err
	}
	return f.record(compute.OpTypeBatchNormForInference, in, normAttr{epsilon: float64(epsilon), axis: axis}, in[0].shape(),
		func(f compute.Function, in []compute.Value) ([]compute.Value, error) {
			return one(f.BatchNormForInference(in[0], in[1], in[2], in[3], in[4], epsilon, axis))
		})
}

// BatchNormForTraining normalises with the batch's own mean and (biased) variance, and returns these too.
func (f *function) BatchNormForTraining(operand, scale, offset compute.Value, epsilon float32, featureAxis int) (normalized, mean, variance compute.Value, err error) {
	if d, ok := allHalf(operand, scale, offset); ok {
		return three(f.widened(d, func(vs []compute.Value) ([]compute.Value, error) {
			a, b, c, err := f.BatchNormForTraining(vs[0], vs[1], vs[2], epsilon, featureAxis)
			return []compute.Value{a, b, c}, err
		}, operand, scale, offset))
	}
	in, axis, err := f.useNorm("BatchNormForTraining", featureAxis, 0, operand, scale, offset)
	if err != nil {
		return nil, nil, nil, err
	}
	outputs := []shapes.Shape{in[0].shape(), in[1].shape(), in[1].shape()}
	n, err := f.recordMany(compute.OpTypeBatchNormForTraining, in, normAttr{epsilon: float64(epsilon), axis: axis}, outputs,
		func(f compute.Function, in []compute.Value) ([]compute.Value, error) {
			a, b, c, err := f.BatchNormForTraining(in[0], in[1], in[2], epsilon, axis)
			return []compute.Value{a, b, c}, err
		})
	if err != nil {
		return nil, nil, nil, err
	}
	return value{n, 0}, value{n, 1}, value{n, 2}, nil
}

// BatchNormGradient returns the gradients with respect to the operand, the scale and the offset of
// BatchNormForTraining.
func (f *function) BatchNormGradient(operand, scale, mean, variance, gradOutput compute.Value, epsilon float32, featureAxis int) (gradOperand, gradScale, gradOffset compute.Value, err error) {
	if d, ok := allHalf(operand, scale, mean, variance, gradOutput); ok {
		return three(f.widened(d, func(vs []compute.Value) ([]compute.Value, error) {
			a, b, c, err := f.BatchNormGradient(vs[0], vs[1], vs[2], vs[3], vs[4], epsilon, featureAxis)
			return []compute.Value{a, b, c}, err
		}, operand, scale, mean, variance, gradOutput))
	}
	in, axis, err := f.useNorm("BatchNormGradient", featureAxis, 4, operand, scale, mean, variance, gradOutput)
	if err != nil {
		return nil, nil, nil, err
	}
	outputs := []shapes.Shape{in[0].shape(), in[1].shape(), in[1].shape()}
	n, err := f.recordMany(compute.OpTypeBatchNormGradient, in, normAttr{epsilon: float64(epsilon), axis: axis}, outputs,
		func(f compute.Function, in []compute.Value) ([]compute.Value, error) {
			a, b, c, err := f.BatchNormGradient(in[0], in[1], in[2], in[3], in[4], epsilon, axis)
			return []compute.Value{a, b, c}, err
		})
	if err != nil {
		return nil, nil, nil, err
	}
	return value{n, 0}, value{n, 1}, value{n, 2}, nil
}

// FFT transforms the last len(lengths) axes.
func (f *function) FFT(operand compute.Value, kind compute.FFTType, lengths []int) (compute.Value, error) {
	in, err := f.use("FFT", operand)
	if err != nil {
		return nil, err
	}
	shape, err := fftShape(in[0].shape(), kind, lengths)
	if err != nil {
		return nil, err
	}
	a := fftAttr{kind, slices.Clone(lengths)}
	return f.record(compute.OpTypeFFT, in, a, shape, func(f compute.Function, in []compute.Value) ([]compute.Value, error) {
		return one(f.FFT(in[0], a.kind, a.lengths))
	})
}

// fftShape follows XLA: a real transform keeps half of the last axis, the inverse makes it whole again.
func fftShape(s shapes.Shape, kind compute.FFTType, lengths []int) (shapes.Shape, error) {
	if len(lengths) == 0 || len(lengths) > s.Rank() {
		return s, fmt.Errorf("FFT: %d lengths for %s, want 1 to %d", len(lengths), s, s.Rank())
	}
	out := s.Clone()
	last := s.Rank() - 1
	first := s.Rank() - len(lengths)
	want := slices.Clone(lengths)
	switch {
	case kind == compute.FFTForwardReal && (s.DType == dtypes.Float32 || s.DType == dtypes.Float64):
		out.DType = dtypes.Complex64
		if s.DType == dtypes.Float64 {
			out.DType = dtypes.Complex128
		}
		out.Dimensions[last] = lengths[len(lengths)-1]/2 + 1
	case kind == compute.FFTInverseReal && s.DType.IsComplex():
		out.DType = s.DType.RealDType()
		want[len(want)-1] = lengths[len(lengths)-1]/2 + 1
		out.Dimensions[last] = lengths[len(lengths)-1]
	case (kind == compute.FFTForward || kind == compute.FFTInverse) && s.DType.IsComplex():
	default:
		return s, fmt.Errorf("FFT: %s does not transform %s", kind, s)
	}
	for i, n := range want {
		if lengths[i] < 1 || s.Dimensions[first+i] != n {
			return s, fmt.Errorf("FFT: %s with lengths %v wants axis %d of size %d, got %s", kind, lengths, first+i, n, s)
		}
	}
	return out, nil
}

package engine

import (
	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
)

// Half precision is a way to store: arithmetic on it is recorded as arithmetic in Float32, whose results are
// rounded once. The stock backend would take numbers below 2⁻¹⁴ for zero.

// allHalf reports whether the values are of one type of half precision, and which.
func allHalf(vs ...compute.Value) (dtypes.DType, bool) {
	half := dtypes.InvalidDType
	for _, v := range vs {
		own, ok := v.(value)
		if !ok || own.node == nil || !own.dtype().IsHalfPrecision() || half != dtypes.InvalidDType && own.dtype() != half {
			return half, false
		}
		half = own.dtype()
	}
	return half, half != dtypes.InvalidDType
}

// widened records op on the values in Float32, and rounds what it returns in Float32 to d.
func (f *function) widened(d dtypes.DType, op func(vs []compute.Value) ([]compute.Value, error), vs ...compute.Value) ([]compute.Value, error) {
	wide := make([]compute.Value, len(vs))
	for i, v := range vs {
		var err error
		if wide[i], err = f.ConvertDType(v, dtypes.Float32); err != nil {
			return nil, err
		}
	}
	results, err := op(wide)
	if err != nil {
		return nil, err
	}
	for i, r := range results {
		if r.(value).dtype() != dtypes.Float32 {
			continue
		}
		if results[i], err = f.ConvertDType(r, d); err != nil {
			return nil, err
		}
	}
	return results, nil
}

// widenedOne is widened for an operation of one result.
func (f *function) widenedOne(d dtypes.DType, op func(vs []compute.Value) (compute.Value, error), vs ...compute.Value) (compute.Value, error) {
	results, err := f.widened(d, func(vs []compute.Value) ([]compute.Value, error) { return one(op(vs)) }, vs...)
	if err != nil {
		return nil, err
	}
	return results[0], nil
}

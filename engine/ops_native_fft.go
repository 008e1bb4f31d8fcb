package engine

import (
	"github.com/gomlx/compute"
	"gonum.org/v1/gonum/dsp/fourier"
)

func init() { nativeKernels[compute.OpTypeFFT] = fftKernel }

// fftKernel transforms axis by axis in double precision, by the mixed-radix algorithm of FFTPACK (Swarztrauber
// 1982) that gonum has. Inverses are divided by the lengths.
//
// A real transform takes the last axis first and keeps its non-negative frequencies. Its inverse takes that axis
// last, and makes it whole.
func fftKernel(n *node) (kernel, error) {
	a := n.attr.(fftAttr)
	from, to := n.in[0].shape(), n.shapes[0]
	first := from.Rank() - len(a.lengths)
	last := from.Rank() - 1
	// The work lies in the half spectrum's shape where there is one.
	spectrum := from.Dimensions
	if a.kind == compute.FFTForwardReal {
		spectrum = to.Dimensions
	}
	work := make([]complex128, max(size(spectrum), 1))
	var lines []func(work []complex128)
	for axis := first; axis <= last; axis++ {
		if axis == last && (a.kind == compute.FFTForwardReal || a.kind == compute.FFTInverseReal) {
			continue
		}
		lines = append(lines, fftAxis(spectrum, axis, a.kind == compute.FFTInverse || a.kind == compute.FFTInverseReal))
	}
	length := a.lengths[len(a.lengths)-1]
	half := length/2 + 1
	realLine := fourier.NewFFT(length)
	signal := make([]float64, length)
	return func(in, out [][]byte) error {
		x, y := reader(from.DType, in[0]), writer(to.DType, out[0])
		if a.kind == compute.FFTForwardReal {
			for row := range from.Size() / length {
				for i := range signal {
					signal[i] = real(x(row*length + i))
				}
				realLine.Coefficients(work[row*half:(row+1)*half], signal)
			}
		} else {
			for i := range from.Size() {
				work[i] = x(i)
			}
		}
		for _, line := range lines {
			line(work)
		}
		if a.kind == compute.FFTInverseReal {
			for row := range to.Size() / length {
				realLine.Sequence(signal, work[row*half:(row+1)*half])
				for i, v := range signal {
					y(row*length+i, complex(v/float64(length), 0))
				}
			}
			return nil
		}
		for i := range to.Size() {
			y(i, work[i])
		}
		return nil
	}, nil
}

// fftAxis returns a function that transforms every line along an axis in place.
func fftAxis(dims []int, axis int, inverse bool) func(work []complex128) {
	length, inner := dims[axis], size(dims[axis+1:])
	outer := size(dims[:axis])
	transform := fourier.NewCmplxFFT(length)
	line := make([]complex128, length)
	return func(work []complex128) {
		for row := range outer * inner {
			base := row/inner*inner*length + row%inner
			for i := range line {
				line[i] = work[base+i*inner]
			}
			if inverse {
				transform.Sequence(line, line)
			} else {
				transform.Coefficients(line, line)
			}
			for i, c := range line {
				if inverse {
					c /= complex(float64(length), 0)
				}
				work[base+i*inner] = c
			}
		}
	}
}

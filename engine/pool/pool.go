// Package pool reduces windows that slide over a tensor (max, min, sum and product pooling, running sums) and sends
// gradients back through them. Plain Go loops reach a tenth of the memory's speed here; these kernels work on all
// channels of a position at once, which the channels-last layout puts side by side.
//
// Every operation is a plan, made once per shape; running it allocates nothing once every thread has had a turn. A
// plan may be used by one goroutine at a time, and its sources must not overlap its destination. Plans panic where
// shapes contradict each other.
//
// The meaning is that of OpenXLA's ReduceWindow and SelectAndScatter (https://openxla.org/xla/operation_semantics),
// with the details of GoMLX's stock backend: padding and holes take part in nothing, a window of padding alone gives
// the operation's neutral value, and of equal elements the first in row-major order is the maximum. A NaN beats every
// number, and a later NaN an earlier one. Results are the same for every number of threads and every family of
// kernels, bit for bit: elements of a window are taken in row-major order.
//
// Any axis may have a window. Leading axes without one count as images, trailing ones as channels: kernels are fast
// where there are at least eight channels of float32.
//
// Read geometry.go first, then reduce.go and select.go.
package pool

import "fmt"

// Number lists the types that can be pooled.
type Number interface {
	int8 | int16 | int32 | int64 | uint8 | uint16 | uint32 | uint64 | float32 | float64
}

// Op is how the elements of a window are reduced to one.
type Op uint8

// The reductions, and what a window without elements gives: 0, 1, and the lowest and highest value of the type
// (infinite for floating-point numbers).
const (
	Sum Op = iota
	Product
	Max
	Min
)

// Axis is the window along one axis of a tensor. The zero value is no window: every element by itself.
type Axis struct {
	Size          int // elements of the window; 0 means 1
	Stride        int // steps between windows; 0 means Size, as in GoMLX
	Dilation      int // steps between elements of the window; 0 means 1
	InputDilation int // the tensor is spread so far first, with holes between; 0 means 1
	Before, After int // padding on both ends; negative takes elements away
}

func (a Axis) filled() Axis {
	a.Size = max(a.Size, 1)
	if a.Stride == 0 {
		a.Stride = a.Size
	}
	a.Dilation = max(a.Dilation, 1)
	a.InputDilation = max(a.InputDilation, 1)
	return a
}

// reach is how many steps the window spans.
func (a Axis) reach() int { return (a.Size-1)*a.Dilation + 1 }

// windows is how many windows an axis of n elements has.
func (a Axis) windows(n int) int {
	spread := 0
	if n > 0 {
		spread = (n-1)*a.InputDilation + 1
	}
	return max(0, (spread+a.Before+a.After-a.reach()+a.Stride)/a.Stride)
}

// Result is the shape of a tensor of shape dims after reducing windows. axes may be shorter than dims.
func Result(dims []int, axes []Axis) []int {
	must(len(axes) <= len(dims), "%d windows for %d axes", len(axes), len(dims))
	result := make([]int, len(dims))
	for i, n := range dims {
		result[i] = n
		if i < len(axes) {
			result[i] = axes[i].filled().windows(n)
		}
	}
	return result
}

func must(ok bool, format string, args ...any) {
	if !ok {
		panic("pool: " + fmt.Sprintf(format, args...))
	}
}

func sameLength(what string, got, want int) {
	if got != want {
		panic(fmt.Sprintf("pool: %s has %d elements, want %d", what, got, want))
	}
}

// A piece of work handles about this many elements of windows.
const grain = 1 << 14

// At most so many pieces.
const mostPieces = 256

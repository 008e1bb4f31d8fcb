// Package conv computes convolutions in one, two and three dimensions, and their gradients, in float32 with the
// channels last. A convolution is a matrix product whose left operand, the patches of the image, exists only as a
// way to walk through the image: tile.Row reads it in place by segments. Nothing but the weights is ever packed, and
// of the image no more is copied than what needs a border of zeros. The gradient of the weights is the product of
// the transposed patches and the gradient of y, read in place by tile.Col.
//
// Transposed convolutions, and the data gradients of strided ones, are convolutions with input dilation. They are
// taken apart into phases (phase.go), each an ordinary convolution, so that no inserted zero is ever multiplied.
//
// Planes of 3 × 3 taps at stride 1 are computed with 16 multiplications instead of 36 by Winograd's minimal filtering,
// where there are channels enough to pay for its transforms (winograd.go).
//
// Start with Shape (shape.go) and Plan (plan.go). reference.go has the same in plain loops, for other types.
// The ways to compute y are lines.go, images.go, dots.go, depthwise.go and winograd.go, between which estimates of
// their time choose (cost.go, winograd_cost.go); gradient.go and winograd_gradient.go have the weights'
// gradient, between which winograd_gradient_cost.go chooses.
//
// The method of walking instead of copying is that of indirect convolution (Dukhan, "The Indirect Convolution
// Algorithm", 2019); taking strided transposed convolutions apart is in Dumoulin and Visin, "A guide to convolution
// arithmetic for deep learning" (2016).
package conv

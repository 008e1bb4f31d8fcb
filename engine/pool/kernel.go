package pool

// windowKernel reduces count windows of float32, at least eight channels wide: window i begins at src + i·srcStep,
// its elements lie offsets (in elements) further on, taps of them, and its result goes to dst + i·dstStep. Steps are
// in bytes.
type windowKernel = func(dst, src *float32, offsets *int, taps, count, dstStep, srcStep, channels int)

// selectKernel sends the gradients of count windows to the elements they selected: window i begins at step·i in x
// and dst alike, and its gradient at grad + i·gradStep. Steps are in bytes. The kernels that do not add write zero
// to the other elements of the window.
type selectKernel = func(dst, x, grad *float32, offsets *int, taps, count, step, gradStep, channels int)

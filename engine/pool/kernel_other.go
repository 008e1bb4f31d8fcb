//go:build !amd64

package pool

// windowKernelFor is the assembly for this machine: there is none.
func windowKernelFor(Op) windowKernel { return nil }

// selectKernelFor is the assembly for this machine: there is none.
func selectKernelFor(Op, bool) selectKernel { return nil }

// Package engine is a backend for GoMLX that runs on CPUs: importing it registers the backend "cpu", which
// GOMLX_BACKEND=cpu chooses and New makes. It exists because the library's own Go backend is many times slower
// than PyTorch, and XLA is no Go.
//
// A graph is recorded as it is built (function.go and ops_*.go check shapes and keep each operation as a node of
// ir.go) and planned when it is compiled (plan.go): calls are inlined, equal nodes joined, what is known computed,
// chains of elementwise operations fused into loops and into the products and convolutions before them (pass_*.go,
// fuse.go), and what remains is lowered to kernels of the packages gemm, conv, rnn, loop, move and pool
// (lower*.go). Memory of intermediate values is laid out once, so that a training step allocates none. Operations
// without a kernel run one by one on the library's Go backend (fallback.go; FallbackTimes says which and for how
// long). Results do not depend on the number of threads.
//
// Start with ir.go, then function.go for the front and plan.go for the back; executable.go joins them. What an
// operation means is defined by the interface compute.StandardOps, which follows XLA
// (https://openxla.org/xla/operation_semantics).
package engine

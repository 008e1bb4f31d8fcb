// Package autodiff extends the differentiation of GoMLX's graphs: gradients of operations that the graph library
// leaves out, and subgraphs that carry a name and a gradient of their own.
//
// A named subgraph (see Call) is how a layer offers a whole computation, such as a recurrence over time, to a
// backend that has one kernel for it. The body is written in ordinary operations, so that every backend can run
// it and differentiate it; a backend that knows the name runs its kernel instead. This is the same bargain as
// XLA's composite calls (StableHLO specification, composite).
//
// Start with call.go. The files vjp_*.go register gradients of single operations; importing the package is
// enough for those.
package autodiff

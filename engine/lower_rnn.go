package engine

// recurrences are the kinds of named subgraphs (package autodiff) that package rnn has kernels for.
var recurrences = map[string]bool{}

// hasKernel tells whether a named subgraph is run by a kernel of its own instead of being inlined.
func hasKernel(kind string) bool { return recurrences[kind] }

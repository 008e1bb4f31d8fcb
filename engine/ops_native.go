package engine

import "github.com/gomlx/compute"

// nativeKernels are operations that the stock backend lacks or gets wrong, and those that run functions. lower asks
// here before it falls back.
var nativeKernels = map[compute.OpType]func(n *node) (kernel, error){}

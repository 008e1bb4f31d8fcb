//go:build !amd64

package vec

import "unsafe"

// Prefetch asks for the n bytes from from on behind each pointer, so that they are in the cache when they are
// used. Processors other than amd64 are left to their own prefetching.
func Prefetch(_ []unsafe.Pointer, _, _ int) {}

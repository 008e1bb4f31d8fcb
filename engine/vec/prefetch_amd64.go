package vec

import "unsafe"

// Prefetch asks for the n bytes from from on behind each pointer, so that they are in the cache when they are
// used. It reads nothing and may point past the end of memory.
func Prefetch(at []unsafe.Pointer, from, n int) {
	prefetchLines(unsafe.Slice((*uintptr)(unsafe.Pointer(unsafe.SliceData(at))), len(at)), from, n)
}

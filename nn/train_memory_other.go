//go:build !linux

package nn

// availableMemory is not known here: a training is refused only where it exceeds Options.Memory.
func availableMemory() int64 { return 0 }

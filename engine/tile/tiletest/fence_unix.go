//go:build unix

package tiletest

import (
	"syscall"
	"testing"
	"unsafe"
)

// Fenced returns n floats between two pages that no one may touch: the slice ends at the second fence, or
// starts right behind the first one where atStart is set. Reading or writing beyond it ends the test program.
// Where the system cannot fence memory, it is ordinary memory. It is gone after the test.
func Fenced(t testing.TB, n int, atStart bool) []float32 {
	t.Helper()
	page := syscall.Getpagesize()
	size := (max(n, 1)*4 + page - 1) / page * page
	whole, err := syscall.Mmap(-1, 0, size+2*page, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err != nil {
		t.Fatal(err)
	}
	for _, fence := range [][]byte{whole[:page], whole[page+size:]} {
		if err := syscall.Mprotect(fence, syscall.PROT_NONE); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() {
		if err := syscall.Munmap(whole); err != nil {
			t.Error(err)
		}
	})
	inside := unsafe.Slice((*float32)(unsafe.Pointer(&whole[page])), size/4)
	if atStart {
		return inside[:n:n]
	}
	return inside[len(inside)-n:]
}

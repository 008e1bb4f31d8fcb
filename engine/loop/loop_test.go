package loop

import (
	"testing"

	"galen.dev/internal/cpu"
)

// eachFamily runs a test with every kernel family that the machine has.
func eachFamily(t *testing.T, f func(t *testing.T)) {
	for _, family := range []cpu.Family{cpu.Portable, cpu.AVX2, cpu.AVX512} {
		if family > cpu.Hardware() {
			continue
		}
		t.Run(family.String(), func(t *testing.T) {
			defer cpu.Use(family)()
			f(t)
		})
	}
}

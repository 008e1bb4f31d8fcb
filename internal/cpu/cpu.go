// Package cpu says which instructions this machine has and shares work between its threads. Kernels ask
// Level which of their families to run, and Do to run a loop on every thread.
//
// Start with Level, then Do. The rule that keeps results independent of the number of threads is in Do's comment.
package cpu

import (
	"fmt"
	"os"
	"sync"
	"sync/atomic"

	syscpu "golang.org/x/sys/cpu"
)

// Family is a set of instructions that kernels are written for.
type Family int32

// The families, from the one that runs everywhere.
const (
	Portable Family = iota // plain Go
	AVX2                   // AVX2 and FMA
	AVX512                 // AVX-512 F, VL, BW, DQ
)

// Variable names the environment variable that forces a family.
const Variable = "GALEN_CPU"

var names = []string{"portable", "avx2", "avx512"}

func (f Family) String() string { return names[f] }

var (
	hardware = detect()
	current  atomic.Int32
	choose   sync.Once
	refused  error
)

func detect() Family {
	x := syscpu.X86
	if !x.HasAVX2 || !x.HasFMA {
		return Portable
	}
	if x.HasAVX512F && x.HasAVX512VL && x.HasAVX512BW && x.HasAVX512DQ {
		return AVX512
	}
	return AVX2
}

// Hardware is the widest family this machine can run.
func Hardware() Family { return hardware }

// Level is the family that kernels run: the widest that the machine has, unless GALEN_CPU asks for less. A
// value that cannot be honoured is reported by Check, and the machine's own family is used.
func Level() Family {
	choose.Do(func() {
		f, err := parse(os.Getenv(Variable))
		refused = err
		current.Store(int32(f))
	})
	return Family(current.Load())
}

// Check returns an error where GALEN_CPU names no family, or one that this machine lacks.
func Check() error {
	Level()
	return refused
}

func parse(value string) (Family, error) {
	if value == "" {
		return hardware, nil
	}
	for i, name := range names {
		if value != name {
			continue
		}
		if Family(i) > hardware {
			return hardware, fmt.Errorf("%s=%s: this machine has %s at most", Variable, value, hardware)
		}
		return Family(i), nil
	}
	return hardware, fmt.Errorf("%s=%q is none of portable, avx2, avx512", Variable, value)
}

// Use makes kernels run the family f, or the machine's own where f is wider, and returns a function that
// undoes it. It is for tests and benchmarks: no kernel may be running.
func Use(f Family) (restore func()) {
	before := Level()
	current.Store(int32(min(f, hardware)))
	return func() { current.Store(int32(before)) }
}

package tile

import (
	"runtime"
	"time"
)

// Peak measures what one thread's multiply-adds can do in the current family when nothing is fetched from
// memory, in floating-point operations per second: the ceiling that benchmarks are read against. It takes the
// best of several runs, about 20 milliseconds in all.
func Peak() float64 {
	best := 0.0
	for range 10 {
		begin := time.Now()
		flops := peak(200_000)
		best = max(best, float64(flops)/time.Since(begin).Seconds())
	}
	return best
}

func peakPortable(rounds int) (flops int) {
	x, y := float32(1.0001), float32(0.5)
	var s0, s1, s2, s3, s4, s5, s6, s7 float32
	for range rounds {
		s0, s1, s2, s3 = s0+x*y, s1+x*y, s2+x*y, s3+x*y
		s4, s5, s6, s7 = s4+x*y, s5+x*y, s6+x*y, s7+x*y
		x = -x
	}
	runtime.KeepAlive(s0 + s1 + s2 + s3 + s4 + s5 + s6 + s7) // or the compiler drops the loop
	return rounds * 16
}

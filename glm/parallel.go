package glm

import (
	"runtime"
	"sync"
	"sync/atomic"
)

// each calls f(0..n-1), on as many goroutines as there are processors where the work (a rough count of
// arithmetic operations) is worth it. Calls must be independent, so that results do not depend on the order.
func each(n int, work float64, f func(i int)) {
	workers := min(runtime.GOMAXPROCS(0), n)
	if workers <= 1 || work < 1e5 {
		for i := range n {
			f(i)
		}
		return
	}
	var next atomic.Int64
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			for {
				i := int(next.Add(1)) - 1
				if i >= n {
					return
				}
				f(i)
			}
		})
	}
	wg.Wait()
}

// Rows are cut into chunks whose bounds depend on n alone, and partial sums are added in the order of the
// chunks, so that sums do not depend on the number of processors.
const chunkRows = 8192

func chunks(n int) int { return (n + chunkRows - 1) / chunkRows }

func chunk(n, c int) (lo, hi int) { return c * chunkRows, min(n, (c+1)*chunkRows) }

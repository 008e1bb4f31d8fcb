package tree

import (
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
)

// chunkRows is how many rows one task of a pass over rows takes. It is fixed, so that sums by chunk are
// added in the same order whatever the number of threads.
const chunkRows = 1 << 15

// parallel runs f for tasks 0..tasks-1 on as many goroutines as there are processors; worker numbers them.
// Tasks may finish in any order: f writes only what belongs to its task or its worker.
func parallel(tasks int, f func(worker, task int)) {
	workers := min(workers(), tasks)
	if workers <= 1 {
		for t := range tasks {
			f(0, t)
		}
		return
	}
	var next atomic.Int64
	var wg sync.WaitGroup
	run := func(w int) {
		for {
			t := int(next.Add(1)) - 1
			if t >= tasks {
				return
			}
			f(w, t)
		}
	}
	for w := 1; w < workers; w++ {
		wg.Add(1)
		go func() {
			defer wg.Done()
			run(w)
		}()
	}
	run(0)
	wg.Wait()
}

// maxWorkers bounds the worker numbers that parallel hands out. Scratch by worker has this length, since
// GOMAXPROCS may rise while a fit runs.
const maxWorkers = 256

func workers() int { return min(runtime.GOMAXPROCS(0), maxWorkers) }

// chunks runs f over fixed chunks of n rows.
func chunks(n int, f func(chunk, from, to int)) {
	parallel(chunkCount(n), func(_, c int) { f(c, c*chunkRows, min((c+1)*chunkRows, n)) })
}

func chunkCount(n int) int { return (n + chunkRows - 1) / chunkRows }

// sumChunks adds f over fixed chunks of n rows in the order of the chunks.
func sumChunks(n int, f func(from, to int) float64) float64 {
	part := make([]float64, chunkCount(n))
	chunks(n, func(c, from, to int) { part[c] = f(from, to) })
	var s float64
	for _, v := range part {
		s += v
	}
	return s
}

// stream is the random generator of part n of a fit. PCG's states for neighbouring seeds are related, and so
// would be the trees of a forest: both words are mixed first (the finaliser of SplitMix64).
func stream(seed, n uint64) *rand.Rand {
	a := mix(seed + 0x9e3779b97f4a7c15)
	return rand.New(rand.NewPCG(a, mix(a^mix(n+0x6a09e667f3bcc909))))
}

func mix(z uint64) uint64 {
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

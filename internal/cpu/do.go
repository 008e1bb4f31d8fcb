package cpu

import (
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

// Waiting threads look for work this long before they sleep: the gap between two loops of a training step is
// shorter, and waking a sleeping thread costs several microseconds.
const patience = 60 * time.Microsecond

// A loop is one call of Do.
type loop struct {
	body  func(worker, item int)
	items int64
	team  int          // workers with this number or a higher one stay out
	next  atomic.Int64 // the next item that nobody has taken
	done  atomic.Int64 // items that are finished
	late  chan struct{}
	sleep atomic.Bool // the caller waits on late
	panic atomic.Pointer[any]
}

// run takes items until none is left.
func (l *loop) run(worker int) {
	finished := int64(0)
	defer func() {
		if r := recover(); r != nil {
			l.panic.CompareAndSwap(nil, &r)
			// Nobody needs the rest: count what is left as finished, so that the caller returns.
			left := l.items - min(l.next.Swap(l.items), l.items)
			finished += 1 + left
		}
		if finished > 0 && l.done.Add(finished) == l.items && l.sleep.Load() {
			select {
			case l.late <- struct{}{}:
			default:
			}
		}
	}()
	for {
		i := l.next.Add(1) - 1
		if i >= l.items {
			return
		}
		l.body(worker, int(i))
		finished++
	}
}

// The pool: goroutines that live as long as the program, shared by all callers, one loop at a time.
var pool struct {
	sync.Mutex
	workers []*worker
	current atomic.Pointer[loop]
}

type worker struct {
	asleep atomic.Bool
	wake   chan struct{}
	number int
}

func (w *worker) live() {
	var last *loop
	idle := time.Now()
	for spins := 0; ; spins++ {
		l := pool.current.Load()
		if l != nil && l != last {
			last = l
			if w.number < l.team {
				l.run(w.number)
			}
			idle, spins = time.Now(), 0
			continue
		}
		if spins&63 != 63 || time.Since(idle) < patience {
			continue
		}
		w.asleep.Store(true)
		if l := pool.current.Load(); l != nil && l != last {
			if !w.asleep.CompareAndSwap(true, false) {
				<-w.wake // somebody is waking us already
			}
			idle = time.Now()
			continue
		}
		last = nil // do not keep a finished loop alive while asleep
		<-w.wake
		idle = time.Now()
	}
}

// Threads is how many goroutines Do uses: GOMAXPROCS.
func Threads() int { return runtime.GOMAXPROCS(0) }

// Do calls body once for every item from 0 to items-1, on up to Threads() goroutines, and returns when all are
// finished. Which worker takes which item differs from run to run: a body writes only what belongs to its
// item, and sums over items are made afterwards in their order. That, and cutting work into items by its size
// alone, keeps results independent of the number of threads.
//
// worker is below Threads() and no two bodies that run at the same time in one Do share it: it may index
// scratch space that belongs to the call. A Do inside a body, or beside another goroutine's Do, runs its items
// one after the other on the calling goroutine: loops never wait for each other. A panic in a body is raised
// again in the caller.
func Do(items int, body func(worker, item int)) {
	threads := min(Threads(), items)
	if threads <= 1 || !pool.TryLock() {
		for i := range items {
			body(0, i)
		}
		return
	}
	defer pool.Unlock()
	for len(pool.workers) < threads-1 {
		w := &worker{wake: make(chan struct{}), number: len(pool.workers) + 1}
		pool.workers = append(pool.workers, w)
		go w.live()
	}
	l := &loop{body: body, items: int64(items), team: threads, late: make(chan struct{}, 1)}
	pool.current.Store(l)
	for _, w := range pool.workers[:threads-1] {
		if w.asleep.CompareAndSwap(true, false) {
			w.wake <- struct{}{}
		}
	}
	l.run(0)
	l.wait()
	pool.current.Store(nil)
	if r := l.panic.Load(); r != nil {
		panic(*r)
	}
}

// wait returns when every item is finished.
func (l *loop) wait() {
	begin := time.Now()
	for spins := 0; l.done.Load() < l.items; spins++ {
		if spins&63 != 63 || time.Since(begin) < patience {
			continue
		}
		l.sleep.Store(true)
		for l.done.Load() < l.items {
			<-l.late
		}
	}
}

// Chunks cuts n into pieces of at least grain, the same ones on every machine, at most most of them, and
// returns how many pieces and how long each is (the last may be shorter).
func Chunks(n, grain, most int) (pieces, size int) {
	if n <= 0 {
		return 0, 0
	}
	pieces = max(1, min(most, n/max(grain, 1)))
	size = (n + pieces - 1) / pieces
	return (n + size - 1) / size, size
}

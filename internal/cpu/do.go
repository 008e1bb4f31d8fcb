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

// The loop under way. There is one at a time in the program, and its memory is used again: Do allocates nothing.
var loop struct {
	sync.Mutex // held by the caller of Do
	workers    []*worker

	// Set while nobody is inside.
	body  func(worker, item int)
	items int64
	team  int    // workers with this number or a higher one stay out
	turn  uint64 // counts loops, so that a worker enters each one once

	open   atomic.Bool
	inside atomic.Int32 // workers that look at what is above
	next   atomic.Int64 // the next item that nobody has taken
	done   atomic.Int64 // items that are finished
	sleep  atomic.Bool  // the caller waits on late
	late   chan struct{}
	panic  atomic.Pointer[any]
}

func init() { loop.late = make(chan struct{}, 1) }

// takeItems runs items until none is left.
func takeItems(worker int) {
	finished := int64(0)
	defer func() {
		if r := recover(); r != nil {
			loop.panic.CompareAndSwap(nil, &r)
			// Nobody needs the rest: count what is left as finished, so that the caller returns.
			left := loop.items - min(loop.next.Swap(loop.items), loop.items)
			finished += 1 + left
		}
		if finished > 0 && loop.done.Add(finished) == loop.items {
			tell()
		}
	}()
	for {
		i := loop.next.Add(1) - 1
		if i >= loop.items {
			return
		}
		loop.body(worker, int(i))
		finished++
	}
}

// tell wakes the caller where it sleeps.
func tell() {
	if loop.sleep.Load() {
		select {
		case loop.late <- struct{}{}:
		default:
		}
	}
}

// A worker is a goroutine that lives as long as the program.
type worker struct {
	asleep atomic.Bool
	wake   chan struct{}
	number int
}

// enter takes part in the open loop, unless it has been there: turn is the last loop it saw.
func (w *worker) enter(turn uint64) uint64 {
	loop.inside.Add(1)
	defer func() {
		if loop.inside.Add(-1) == 0 {
			tell()
		}
	}()
	if !loop.open.Load() || loop.turn == turn {
		return turn
	}
	turn = loop.turn
	if w.number < loop.team {
		takeItems(w.number)
	}
	return turn
}

func (w *worker) live() {
	turn := uint64(0)
	idle := time.Now()
	for spins := 0; ; spins++ {
		if loop.open.Load() {
			if now := w.enter(turn); now != turn {
				turn, idle, spins = now, time.Now(), 0
				continue
			}
		}
		if spins&63 != 63 || time.Since(idle) < patience {
			continue
		}
		w.asleep.Store(true)
		if loop.open.Load() {
			if now := w.enter(turn); now != turn {
				turn = now
				if !w.asleep.CompareAndSwap(true, false) {
					<-w.wake // somebody is waking us already
				}
				idle = time.Now()
				continue
			}
		}
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
	if threads <= 1 || !loop.TryLock() {
		for i := range items {
			body(0, i)
		}
		return
	}
	defer loop.Unlock()
	for len(loop.workers) < threads-1 {
		w := &worker{wake: make(chan struct{}), number: len(loop.workers) + 1}
		loop.workers = append(loop.workers, w)
		go w.live()
	}
	loop.body, loop.items, loop.team = body, int64(items), threads
	loop.turn++
	loop.next.Store(0)
	loop.done.Store(0)
	loop.open.Store(true)
	for _, w := range loop.workers[:threads-1] {
		if w.asleep.CompareAndSwap(true, false) {
			w.wake <- struct{}{}
		}
	}
	takeItems(0)
	await(func() bool { return loop.done.Load() == loop.items })
	loop.open.Store(false)
	await(func() bool { return loop.inside.Load() == 0 })
	loop.body = nil
	if r := loop.panic.Swap(nil); r != nil {
		panic(*r)
	}
}

// await returns when the condition holds, of which tell tells.
func await(holds func() bool) {
	begin := time.Now()
	for spins := 0; !holds(); spins++ {
		if spins&63 != 63 || time.Since(begin) < patience {
			continue
		}
		loop.sleep.Store(true)
		for !holds() {
			<-loop.late
		}
		loop.sleep.Store(false)
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

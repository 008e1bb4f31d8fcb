package cpu

import (
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
)

func TestDoRunsEveryItemOnce(t *testing.T) {
	for _, threads := range []int{1, 2, 3, 8} {
		t.Run(fmt.Sprint(threads), func(t *testing.T) {
			defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(threads))
			for round := range 3000 {
				items := round % 37
				seen := make([]atomic.Int32, items)
				busy := make([]atomic.Int32, threads)
				Do(items, func(w, i int) {
					if busy[w].Add(1) != 1 {
						t.Error("two bodies share a worker")
					}
					seen[i].Add(1)
					busy[w].Add(-1)
				})
				for i := range seen {
					if seen[i].Load() != 1 {
						t.Fatalf("round %d: item %d ran %d times", round, i, seen[i].Load())
					}
				}
			}
		})
	}
}

func TestDoNestedAndBesideAnother(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(4))
	var group sync.WaitGroup
	var total atomic.Int64
	for range 6 {
		group.Go(func() {
			for range 200 {
				Do(5, func(_, _ int) { Do(7, func(_, _ int) { total.Add(1) }) })
			}
		})
	}
	group.Wait()
	if got, want := total.Load(), int64(6*200*35); got != want {
		t.Fatalf("%d bodies ran, want %d", got, want)
	}
}

func TestDoRaisesThePanicOfABody(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(4))
	for range 200 {
		func() {
			defer func() {
				if r := recover(); r != "item 3" {
					t.Fatalf("recovered %v", r)
				}
			}()
			Do(16, func(_, i int) {
				if i == 3 {
					panic("item 3")
				}
			})
			t.Fatal("no panic")
		}()
		var n atomic.Int32
		Do(16, func(_, _ int) { n.Add(1) })
		if n.Load() != 16 {
			t.Fatalf("%d items after a panic", n.Load())
		}
	}
}

func TestFamilies(t *testing.T) {
	for _, name := range names {
		f, err := parse(name)
		if f > Hardware() || err == nil && f.String() != name {
			t.Errorf("%s: %v, %v", name, f, err)
		}
	}
	if _, err := parse("sse"); err == nil {
		t.Error("an unknown family is accepted")
	}
	restore := Use(Portable)
	if Level() != Portable {
		t.Error("Use does not hold")
	}
	restore()
	if Level() != Hardware() {
		t.Error("restore does not hold")
	}
}

func TestChunksCoverEverything(t *testing.T) {
	for n := range 300 {
		pieces, size := Chunks(n, 7, 16)
		if pieces > 16 || pieces > 0 && ((pieces-1)*size >= n || pieces*size < n) {
			t.Fatalf("%d: %d pieces of %d", n, pieces, size)
		}
	}
}

func BenchmarkDo(b *testing.B) {
	for b.Loop() {
		Do(2, func(_, _ int) {})
	}
}

func TestDoAllocatesNothing(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(4))
	body := func(_, _ int) {}
	Do(8, body)
	if n := testing.AllocsPerRun(100, func() { Do(8, body) }); n > 0 {
		t.Errorf("%g allocations in each call", n)
	}
}

package nn

import (
	"math/rand/v2"
	"sync"

	"galen.dev/fault"
)

// Order says which samples make which batch. It is shared by the sources below.
type Order struct {
	Size     int    // samples of a batch; 0 means 32
	Shuffle  bool   // a new order each epoch, from Seed and the epoch
	Seed     uint64 // of the order and of augmentation
	DropLast bool   // leave out the last batch of an epoch where it is smaller, which saves compiling for its size
}

// Check returns a Usage error where the order suits no data set of n samples.
func (o Order) Check(n int) error {
	switch {
	case o.Size < 0:
		return fault.Errorf(fault.Usage, "batches of %d samples: want 1 or more", o.Size)
	case n == 0:
		return fault.Errorf(fault.Usage, "there are no samples to make batches of")
	case o.batches(n) == 0:
		return fault.WithHint(fault.Errorf(fault.Usage, "%s make no batch of %d", fault.Count(n, "sample"), o.size()), "make batches smaller, or keep the last one")
	}
	return nil
}

func (o Order) size() int {
	if o.Size == 0 {
		return 32
	}
	return o.Size
}

func (o Order) batches(n int) int {
	if o.DropLast {
		return n / o.size()
	}
	return (n + o.size() - 1) / o.size()
}

// shuffled keeps the orders of the two last epochs asked for: prefetching reaches into the next one.
type shuffled struct {
	mu     sync.Mutex
	epochs [2]int
	orders [2][]int
	next   int
}

// take is the samples of a batch.
func (s *shuffled) take(o Order, n, epoch, index int) []int {
	from := index * o.size()
	to := min(from+o.size(), n)
	ids := make([]int, to-from)
	if !o.Shuffle {
		for i := range ids {
			ids[i] = from + i
		}
		return ids
	}
	copy(ids, s.order(o, n, epoch)[from:to])
	return ids
}

func (s *shuffled) order(o Order, n, epoch int) []int {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, order := range s.orders {
		if order != nil && s.epochs[i] == epoch {
			return order
		}
	}
	order := rand.New(rand.NewPCG(mix(o.Seed), mix(uint64(epoch)))).Perm(n)
	s.epochs[s.next], s.orders[s.next] = epoch, order
	s.next = 1 - s.next
	return order
}

// sampleRNG is the stream of random numbers of one sample in one epoch.
func sampleRNG(seed uint64, epoch, sample int) *rand.Rand {
	return rand.New(rand.NewPCG(mix(seed^mix(uint64(epoch)+0x51ed270b7a4f)), mix(uint64(sample)+0x2545f4914f6cdd1d)))
}

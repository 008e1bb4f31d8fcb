package fingerprint

import "slices"

// seen is a hash table of sets of bonds.
type seen struct {
	slots   []int32 // index into entries + 1, 0 = free
	entries []winner
	sets    []uint64 // set of each entry, words each
	words   int
}

// winner is the environment that was the first to have a set of bonds.
type winner struct {
	atom, round int32
	code        uint32
}

// reset empties the table and makes room for n sets.
func (t *seen) reset(n, words int) {
	size := 16
	for size < 2*n && size < 1<<20 {
		size <<= 1
	}
	t.slots = resized(t.slots, size)
	clear(t.slots)
	t.entries, t.sets, t.words = t.entries[:0], t.sets[:0], words
}

// find looks a set up. Where it is new it gets an entry if add is true, and else the answer is nil. The entry is
// valid until the next call.
func (t *seen) find(set []uint64, add bool) (e *winner, isNew bool) {
	if 2*len(t.entries) >= len(t.slots) {
		t.grow()
	}
	k := t.slot(set)
	if i := t.slots[k]; i != 0 {
		return &t.entries[i-1], false
	}
	if !add {
		return nil, true
	}
	t.entries = append(t.entries, winner{})
	t.sets = append(t.sets, set...)
	t.slots[k] = int32(len(t.entries))
	return &t.entries[len(t.entries)-1], true
}

// slot is where a set is, or where it would go.
func (t *seen) slot(set []uint64) int {
	h := uint64(0)
	for _, w := range set {
		h = (h ^ w) * 0x9e3779b97f4a7c15
		h ^= h >> 32
	}
	mask := len(t.slots) - 1
	k := int(h) & mask
	for {
		i := int(t.slots[k])
		if i == 0 || slices.Equal(t.sets[(i-1)*t.words:i*t.words], set) {
			return k
		}
		k = (k + 1) & mask
	}
}

func (t *seen) grow() {
	t.slots = make([]int32, 2*len(t.slots))
	for i := range t.entries {
		t.slots[t.slot(t.sets[i*t.words:(i+1)*t.words])] = int32(i + 1)
	}
}

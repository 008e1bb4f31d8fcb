package volume

import "galen.dev/internal/cpu"

// grain is the least number of voxels worth a thread's visit.
const grain = 1 << 14

// pieces cuts n voxels by their number alone, so that the cut is the same on every machine.
func pieces(n int) (count, size int) { return cpu.Chunks(n, grain, 256) }

func do(items int, body func(item int)) { cpu.Do(items, func(_, item int) { body(item) }) }

// inPieces calls body for consecutive ranges that cover n voxels, on every thread.
func inPieces(n int, body func(from, to int)) {
	count, size := pieces(n)
	do(count, func(p int) { body(p*size, min(n, (p+1)*size)) })
}

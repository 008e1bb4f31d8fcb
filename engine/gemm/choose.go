package gemm

import "galen.dev/engine/tile"

// The choices. All limits were measured on an AVX-512 machine with 32 KiB of first-level and 1 MiB of second-level
// cache; the exact values matter little, and nothing but speed depends on them.
const (
	// blockK is the longest run of the inner dimension between two visits of a tile of C: a tile's part of A
	// then fits the first-level cache and a panel's part of B the second.
	blockK = 512
	// blockInPlace is the same where B is read in place: its rows may lie far apart and fill the caches unevenly.
	blockInPlace = 128
	// vectorFloats bounds the rows of B in a block where C has so few rows that reading B takes the time:
	// neighbouring panels are then read while the pages of these rows are at hand.
	vectorFloats = 32 << 10
	// blockRows is the same where both operands are read along their rows.
	blockRows = 4096
	// groupFloats bounds the scratch memory: longer inner dimensions are packed group by group.
	groupFloats = 4 << 20
	// itemWork is the least number of multiply-adds worth handing to another thread (about 4 microseconds).
	itemWork = 1 << 19
	// mostItems bounds how finely a product is cut.
	mostItems = 48
	// apartBelow is the size of a product (in multiply-adds) from which on threads share one product rather
	// than take one each of a batch.
	apartBelow = 1 << 24
	// batchWork is the least number of multiply-adds that a thread takes at once from a batch.
	batchWork = 1 << 16
	// epilogueFloats is the least number of elements of C that a thread takes at once for an epilogue.
	epilogueFloats = 1 << 12
	// thinRows is the most rows of C for which B is read in place.
	thinRows = 112
	// dotRows is the most rows (or columns) of C for which both operands are read along the inner dimension.
	dotRows = 4
	// inPlaceFloats bounds the part of B that fits the second-level cache beside everything else.
	inPlaceFloats = 64 << 10
)

// A form says how an operand reaches the tiles.
type form int

const (
	rowsInPlace form = iota // A row-major, read by tile.Row or tile.Dot
	rowsCopied              // the same, from a copy whose rows lie close together
	inPlace                 // inner dimension outermost, read by tile.Col where it lies
	packed                  // A in tiles for tile.Col, B in panels
	alongRows               // B transposed, read by tile.Dot where it lies
)

// forms chooses how A and B are read.
func forms(s Shape) (a, b form) {
	tiles, panels := (s.M+tile.Rows()-1)/tile.Rows(), tile.Panels(s.N)
	switch {
	case s.TransB && s.M <= dotRows && !s.TransA:
		return rowsInPlace, alongRows
	case s.TransB && s.M <= dotRows:
		return rowsCopied, alongRows
	case s.Packed || s.TransB:
		b = packed
	case s.M <= thinRows:
		b = inPlace
	case s.TransA:
		b = packedUnlessFew(s.LDB, tiles)
	default:
		b = packed
	}
	switch {
	case s.TransA:
		a = packedUnlessFew(s.LDA, panels)
	case b == packed && s.LDA%1024 == 0 && panels > 2:
		a = rowsCopied
	case b == packed:
		a = rowsInPlace
	case s.M == 1:
		a = inPlace
	default:
		a = packed
	}
	return a, b
}

// packedUnlessFew copies an operand with the inner dimension outermost unless it is read so few times that
// copying costs more than it saves. Leading dimensions that are large powers of two put all rows into the same
// few places of a cache, so those are copied sooner.
func packedUnlessFew(ld, times int) form {
	few := 6
	if ld%512 == 0 {
		few = 2
	}
	if times <= few {
		return inPlace
	}
	return packed
}

// flips says that Cᵀ = Bᵀ·Aᵀ is computed instead: where C has few columns, these would fill registers badly.
func flips(s Shape) bool { return s.N <= dotRows && s.M >= 4*s.N && !s.Packed }

// splits is the number of pieces into which the inner dimension is cut for threads: 1 unless C is small and the
// inner dimension long.
func splits(s Shape) int {
	tiles, panels := (s.M+tile.Rows()-1)/tile.Rows(), tile.Panels(s.N)
	if s.Batch > 4 || tiles*panels >= 16 {
		return 1
	}
	return max(1, min(16, s.K/1024, s.M*s.N*s.K/(2*itemWork)))
}

// A grid says how the tiles of C are cut into items.
type grid struct {
	rowBlocks, colBlocks int // items down and across
	tiles, panels        int // tiles and panels in an item
}

// cut chooses the grid of a product of m × n × k with the given tiles and panels.
func cut(m, n, k, tiles, panels int) grid {
	want := max(1, min(mostItems, m*n*k/itemWork))
	down, across := 1, 1
	switch {
	case want == 1:
	case panels >= min(want, 8) && tiles <= 18:
		across = min(want, panels)
	case panels*k*tile.Width <= inPlaceFloats:
		// All of B stays in the second-level cache: only rows are cut.
		down = min(want, tiles)
	default:
		// Several tiles in a row use a part of B while it is near.
		down = min(want, (tiles+3)/4)
	}
	if across == 1 && down < want {
		across = min(panels, (want+down-1)/down)
	}
	g := grid{tiles: (tiles + down - 1) / down, panels: (panels + across - 1) / across}
	g.rowBlocks, g.colBlocks = (tiles+g.tiles-1)/g.tiles, (panels+g.panels-1)/g.panels
	return g
}

package layout

import "slices"

// sortBySize orders parts: those of a template first, then the largest.
func sortBySize(order []int, parts [][]int32, g *graph) {
	slices.SortStableFunc(order, func(a, b int) int {
		if x, y := g.holds(parts[a]), g.holds(parts[b]); x != y {
			if x {
				return -1
			}
			return 1
		}
		return len(parts[b]) - len(parts[a])
	})
}

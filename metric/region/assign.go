package region

import (
	"math"
	"slices"
)

// assign chooses pairs one to one so that the sum of their weights, all positive, is largest, and returns their
// places by rising order. Instances that overlap, directly or by others, form groups; each group is solved by
// itself, so that thousands of nuclei take no longer than their few neighbours each.
func (p *Instances) assign(weights []float64) (chosen []int) {
	parent := make([]int, len(p.ref)+len(p.pred))
	for i := range parent {
		parent[i] = i
	}
	root := func(i int) int {
		for parent[i] != i {
			parent[i] = parent[parent[i]]
			i = parent[i]
		}
		return i
	}
	for _, o := range p.pairs {
		a, b := root(o.ref), root(len(p.ref)+o.pred)
		parent[max(a, b)] = min(a, b)
	}
	groups := make([][]int, len(p.ref)) // places of pairs, by the group's root, which is a reference instance
	for i, o := range p.pairs {
		r := root(o.ref)
		groups[r] = append(groups[r], i)
	}
	for _, group := range groups {
		if len(group) == 1 {
			chosen = append(chosen, group[0])
		} else if len(group) > 1 {
			chosen = append(chosen, p.assignGroup(group, weights)...)
		}
	}
	slices.Sort(chosen)
	return chosen
}

func (p *Instances) assignGroup(group []int, weights []float64) (chosen []int) {
	rows, cols := map[int]int{}, map[int]int{}
	place := func(m map[int]int, i int) int {
		at, ok := m[i]
		if !ok {
			at = len(m)
			m[i] = at
		}
		return at
	}
	for _, i := range group {
		place(rows, p.pairs[i].ref)
		place(cols, p.pairs[i].pred)
	}
	turned := len(rows) > len(cols)
	if turned {
		rows, cols = cols, rows
	}
	cost := make([][]float64, len(rows))
	at := make([][]int, len(rows)) // the pair's place, plus one
	for r := range cost {
		cost[r], at[r] = make([]float64, len(cols)), make([]int, len(cols))
	}
	for _, i := range group {
		a, b := p.pairs[i].ref, p.pairs[i].pred
		if turned {
			a, b = b, a
		}
		cost[rows[a]][cols[b]], at[rows[a]][cols[b]] = -weights[i], i+1
	}
	for r, c := range hungarian(cost) {
		if at[r][c] > 0 {
			chosen = append(chosen, at[r][c]-1)
		}
	}
	return chosen
}

// hungarian gives each row a column of its own so that the sum of costs is least, for no more rows than columns,
// by shortest augmenting paths with potentials in O(rows² columns) (Jonker and Volgenant 1987).
func hungarian(cost [][]float64) []int {
	n, m := len(cost), len(cost[0])
	// Rows and columns count from 1; column 0 is where a path begins.
	u, v := make([]float64, n+1), make([]float64, m+1)
	owner, way := make([]int, m+1), make([]int, m+1)
	least, done := make([]float64, m+1), make([]bool, m+1)
	for row := 1; row <= n; row++ {
		for j := range least {
			least[j], done[j] = math.Inf(1), false
		}
		owner[0] = row
		at := 0
		for owner[at] != 0 {
			done[at] = true
			i, next, delta := owner[at], 0, math.Inf(1)
			for j := 1; j <= m; j++ {
				if done[j] {
					continue
				}
				if c := cost[i-1][j-1] - u[i] - v[j]; c < least[j] {
					least[j], way[j] = c, at
				}
				if least[j] < delta {
					delta, next = least[j], j
				}
			}
			for j := range least {
				if done[j] {
					u[owner[j]] += delta
					v[j] -= delta
				} else {
					least[j] -= delta
				}
			}
			at = next
		}
		for at != 0 {
			owner[at] = owner[way[at]]
			at = way[at]
		}
	}
	out := make([]int, n)
	for j := 1; j <= m; j++ {
		if owner[j] > 0 {
			out[owner[j]-1] = j - 1
		}
	}
	return out
}

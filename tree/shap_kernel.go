package tree

// The two passes over a tree in which explanations spend their time. The assembly in shap_amd64.s does the
// same operations in the same order, without fused multiply-add, so both give the same bits.

// descend builds the product of the path to every node, from the root down.
func (p *pathTree) descend(edges []edge, s *pathRow) {
	n := len(p.parent)
	down := s.down[:n]
	down[0] = vec{1, 1, 1, 1}
	if useAVX2 {
		descendAVX2(&down[0], &edges[0], &s.state[0], &p.parent[0], n)
		return
	}
	for i := 1; i < n; i++ {
		r, d := &edges[i][s.state[i]].ratio, &down[p.parent[i]]
		for q := range r {
			down[i][q] = d[q] * r[q]
		}
	}
}

// ascend adds up, from the leaves, the values of the leaves below every node times their products, and gives
// each edge's share to its feature in acc. value holds the values of the leaves, and 0 for splits.
func (p *pathTree) ascend(edges []edge, value []float64, s *pathRow, acc []vec) {
	n := len(p.parent)
	up := s.up[:n]
	clear(up)
	if useAVX2 {
		ascendAVX2(&acc[0], &up[0], &s.down[0], &edges[0], &value[0], &s.state[0], &p.parent[0], &p.feature[0], n)
		return
	}
	for i := n - 1; i > 0; i-- {
		g, o, v := &edges[i][s.state[i]].gain, &acc[p.feature[i]], &up[p.parent[i]]
		for q := range g {
			u := up[i][q] + float64(s.down[i][q]*value[i])
			o[q] += float64(g[q] * u)
			v[q] += u
		}
	}
}

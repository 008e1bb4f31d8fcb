package tree

import "math"

// Prediction of many rows: blocks of rows stay in cache while trees pass by.

// blockRows is how many rows are predicted together, fewer where they are wide.
const blockRows = 512

// blockOf bounds a block of rows by the values that it holds.
func blockOf(rows, values int) int { return max(1, min(rows, 1<<20/max(1, values))) }

// sumColumns predicts columns into out[output][row], which holds the starting values. Trees are summed in the
// same order as in sum, so both give the same bits.
func (e *ensemble) sumColumns(x [][]float64, out [][]float64) {
	rows := rowCount(x, e.features)
	var keyed []keyNode // not worth making for a few rows
	if rows >= blockRows && len(e.sets) == 0 {
		keyed = e.keyNodes()
	}
	size := blockOf(blockRows, e.features)
	parallel((rows+size-1)/size, func(_, b int) {
		from, to := b*size, min((b+1)*size, rows)
		buf := make([]float64, (to-from)*e.features)
		gather(buf, x, from, to)
		acc := make([]float64, (to-from)*e.outputs)
		for k := range out {
			for i := from; i < to; i++ {
				acc[(i-from)*e.outputs+k] = out[k][i]
			}
		}
		e.sumBlock(keyed, buf, acc)
		for k := range out {
			for i := from; i < to; i++ {
				out[k][i] = acc[(i-from)*e.outputs+k]
			}
		}
	})
}

// sumBlock adds all trees for rows in row-major order to acc[row][output].
func (e *ensemble) sumBlock(keyed []keyNode, buf, acc []float64) {
	leaves := make([]int32, len(acc)/e.outputs)
	var keys []int64
	if keyed != nil {
		keys = make([]int64, len(buf))
		for i, v := range buf {
			keys[i] = orderedKey(v)
		}
	}
	for t := range e.trees() {
		if keyed != nil {
			leavesOf(keyed, e.roots[t], keys, e.features, leaves)
		} else {
			for i := range leaves {
				leaves[i] = e.leaf(e.roots[t], buf[i*e.features:(i+1)*e.features])
			}
		}
		e.addLeaves(t, leaves, acc)
	}
}

// A keyNode is a node for prediction in batches: thresholds and values are integers in the same order, because a
// choice between two integers compiles to a conditional move, and branches on patients' values cannot be
// predicted by the processor.
type keyNode struct {
	key   int64
	right int32
	feat  uint32
}

// missingKey lies above the keys of all numbers.
const missingKey = math.MaxInt64

// orderedKey maps numbers to integers in the same order, both zeros to one.
func orderedKey(v float64) int64 {
	if v != v {
		return missingKey
	}
	k := int64(math.Float64bits(v + 0))
	return k ^ int64(uint64(k>>63)>>1)
}

// keyNodes converts all nodes.
func (e *ensemble) keyNodes() []keyNode {
	out := make([]keyNode, len(e.nodes))
	chunks(len(out), func(_, from, to int) {
		for i, n := range e.nodes[from:to] {
			out[from+i] = keyNode{orderedKey(n.value), n.right, n.feat}
		}
	})
	return out
}

// leavesOf finds the leaf of each row of keys, four rows at a time: one row alone would wait for every node it
// reads.
func leavesOf(nodes []keyNode, root int32, keys []int64, p int, at []int32) {
	i := 0
	for ; i+4 <= len(at); i += 4 {
		x0, x1 := keys[i*p:(i+1)*p], keys[(i+1)*p:(i+2)*p]
		x2, x3 := keys[(i+2)*p:(i+3)*p], keys[(i+3)*p:(i+4)*p]
		a, b, c, d := root, root, root, root
		for {
			na, nb, nc, nd := &nodes[a], &nodes[b], &nodes[c], &nodes[d]
			if na.feat&nb.feat&nc.feat&nd.feat&isLeaf != 0 {
				break
			}
			a, b, c, d = na.step(a, x0), nb.step(b, x1), nc.step(c, x2), nd.step(d, x3)
		}
		at[i], at[i+1], at[i+2], at[i+3] = a, b, c, d
	}
	for ; i < len(at); i++ {
		x, a := keys[i*p:(i+1)*p], root
		for nodes[a].feat&isLeaf == 0 {
			a = nodes[a].step(a, x)
		}
		at[i] = a
	}
}

// step is the node a row goes to from node i, or i itself for a leaf.
func (n *keyNode) step(i int32, x []int64) int32 {
	if n.feat&isLeaf != 0 {
		return i
	}
	k, next := x[n.feat>>flagBits], n.right
	if k <= n.key {
		next = i + 1
	}
	if k == missingKey && n.feat&missLeft != 0 {
		next = i + 1
	}
	return next
}

// addLeaves adds the values of tree t in the leaves of rows to acc[row][output].
func (e *ensemble) addLeaves(t int, leaves []int32, acc []float64) {
	k := e.outputs
	if e.width == 1 {
		for i, l := range leaves {
			acc[i*k+t%k] += e.nodes[l].value
		}
		return
	}
	for i, l := range leaves {
		out := acc[i*k : (i+1)*k]
		for o, v := range e.leaves[int(e.nodes[l].value):][:k] {
			out[o] += v
		}
	}
}

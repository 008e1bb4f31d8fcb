package tree

// A groupHist holds the sums over the bins of eight features: 16 KiB, half of a first-level cache.
type groupHist [8][256]fixed

// A hist is the histogram of all features of a leaf.
type hist []groupHist

// addRows adds rows to the histograms of eight features, whose bins lie in one word, stride words from row to
// row. gh is in the order of rows. This is where boosting spends its time: a word is read and eight sums are
// raised.
func (h *groupHist) addRows(words []uint64, stride int, rows []uint32, gh []fixed) {
	gh = gh[:len(rows)]
	for i, r := range rows {
		b, v := words[int(r)*stride], gh[i]
		h[0][uint8(b)] += v
		h[1][uint8(b>>8)] += v
		h[2][uint8(b>>16)] += v
		h[3][uint8(b>>24)] += v
		h[4][uint8(b>>32)] += v
		h[5][uint8(b>>40)] += v
		h[6][uint8(b>>48)] += v
		h[7][uint8(b>>56)] += v
	}
}

// histBlock is how many rows are added to one group after the other while their words stay in cache.
const histBlock = 512

// histRange is how many groups are summed together: a cache line of words.
const histRange = 8

// accumulate adds rows to the histograms of the groups from first on. The rows of a leaf are scattered over the
// table, so a first pass only reads what a block needs: many cache misses are then under way at
// once, where the sums would let only a few overlap. That halves the time of small leaves and more.
func (g *grower) accumulate(dst hist, first int, rows []uint32) {
	words, stride, last := g.words[first:], g.stride, len(dst)-1
	var gh [histBlock]fixed
	var touched uint64
	for len(rows) > 0 {
		block := rows[:min(histBlock, len(rows))]
		rows = rows[len(block):]
		for i, r := range block {
			at := int(r) * stride
			touched |= words[at] | words[at+last]
			gh[i] = g.gh[r]
		}
		for k := range dst {
			dst[k].addRows(words[k:], stride, block, gh[:len(block)])
		}
	}
	g.touched.Store(touched) // so that the compiler keeps the reads
}

// subtract takes away the histogram of the sibling.
func (h *groupHist) subtract(o *groupHist) {
	for j := range h {
		a, b := &h[j], &o[j]
		for i := range a {
			a[i] -= b[i]
		}
	}
}

// add adds another part of the rows.
func (h *groupHist) add(o *groupHist) {
	for j := range h {
		a, b := &h[j], &o[j]
		for i := range a {
			a[i] += b[i]
		}
	}
}

// partition moves the rows that go left to the front, keeping the order of both sides, and returns how many
// there are. tmp is scratch of the same length.
func partition(rows, tmp []uint32, col []uint8, left *[256]uint8) int {
	n := len(rows)
	count := make([]int, chunkCount(n))
	chunks(n, func(c, from, to int) {
		count[c] = partitionChunk(rows[from:to], tmp[from:to], col, left)
	})
	if len(count) == 1 {
		copy(rows[count[0]:], tmp[:n-count[0]])
		return count[0]
	}
	at := 0
	for c, k := range count {
		copy(rows[at:at+k], rows[c*chunkRows:])
		at += k
	}
	lefts := at
	for c, k := range count {
		from := c * chunkRows
		m := min(chunkRows, n-from) - k
		copy(rows[at:at+m], tmp[from:])
		at += m
	}
	return lefts
}

// partitionChunk leaves the left rows at the front of rows and the right ones at the front of tmp.
func partitionChunk(rows, tmp []uint32, col []uint8, left *[256]uint8) int {
	l, r := 0, 0
	tmp = tmp[:len(rows)]
	for _, row := range rows {
		g := int(left[col[row]])
		rows[l] = row
		tmp[r] = row
		l += g
		r += 1 - g
	}
	return l
}

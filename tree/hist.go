package tree

// A groupHist holds the sums over the bins of eight features: 16 KiB, half of a first-level cache.
type groupHist [8][256]fixed

// A hist is the histogram of all features of a leaf.
type hist []groupHist

// addRows adds rows to the histograms of eight features, whose bins lie in one word a row. gh is in the order
// of rows. This is where boosting spends its time: per row one word is read and eight sums are raised.
func (h *groupHist) addRows(bins []uint64, rows []uint32, gh []fixed) {
	gh = gh[:len(rows)]
	for i, r := range rows {
		b, v := bins[r], gh[i]
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

// addAll is addRows for rows that follow each other.
func (h *groupHist) addAll(bins []uint64, gh []fixed) {
	gh = gh[:len(bins)]
	for i, b := range bins {
		v := gh[i]
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

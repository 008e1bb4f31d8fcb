package move

// DynamicSlice takes a box of fixed shape from a place known only when it runs. A box that would reach outside is
// moved inside first.
type DynamicSlice struct {
	copy             *Strided
	strides, most    []int // bytes, and the highest start
	dstBytes, nBytes int
}

// NewDynamicSlice plans taking a box of shape sizes from a tensor of shape dims.
func NewDynamicSlice(size int, dims, sizes []int) *DynamicSlice {
	must(len(sizes) == len(dims), "a box of %d axes from %d", len(sizes), len(dims))
	p := &DynamicSlice{strides: rowMajor(size, dims), dstBytes: size * product(sizes), nBytes: size * product(dims)}
	axes := make([]Axis, len(dims))
	for i, d := range rowMajor(size, sizes) {
		must(sizes[i] >= 0 && sizes[i] <= dims[i], "%d of %d elements", sizes[i], dims[i])
		axes[i] = Axis{sizes[i], d, p.strides[i]}
		p.most = append(p.most, dims[i]-sizes[i])
	}
	p.copy = NewStrided(size, axes...)
	return p
}

// Run takes the box that starts at starts, one per axis, from src into dst.
func (p *DynamicSlice) Run(dst, src []byte, starts []int) {
	sameLength("the result", dst, p.dstBytes)
	sameLength("the operand", src, p.nBytes)
	p.copy.Run(dst, 0, src, place(starts, p.most, p.strides))
}

// place is the byte at which a box begins, after moving it inside.
func place(starts, most, strides []int) int {
	sameCount("starts", len(starts), len(most))
	at := 0
	for i, s := range starts {
		at += max(0, min(s, most[i])) * strides[i]
	}
	return at
}

// DynamicUpdate puts a box of values into a tensor, at a place known only when it runs. A box that would reach
// outside is moved inside first.
type DynamicUpdate struct {
	copy           *Strided
	whole          *Strided
	strides, most  []int
	bytes, updated int
}

// NewDynamicUpdate plans putting a box of shape sizes into a tensor of shape dims.
func NewDynamicUpdate(size int, dims, sizes []int) *DynamicUpdate {
	must(len(sizes) == len(dims), "a box of %d axes into %d", len(sizes), len(dims))
	p := &DynamicUpdate{strides: rowMajor(size, dims), bytes: size * product(dims), updated: size * product(sizes)}
	axes := make([]Axis, len(dims))
	for i, s := range rowMajor(size, sizes) {
		must(sizes[i] >= 0 && sizes[i] <= dims[i], "%d of %d elements", sizes[i], dims[i])
		axes[i] = Axis{sizes[i], p.strides[i], s}
		p.most = append(p.most, dims[i]-sizes[i])
	}
	p.copy = NewStrided(size, axes...)
	p.whole = NewStrided(1, Axis{p.bytes, 1, 1})
	return p
}

// Run sets dst to src with update put in at starts, one per axis. dst may be src itself: then only the box is
// written.
func (p *DynamicUpdate) Run(dst, src, update []byte, starts []int) {
	sameLength("the result", dst, p.bytes)
	sameLength("the operand", src, p.bytes)
	sameLength("the update", update, p.updated)
	if p.bytes > 0 && &dst[0] != &src[0] {
		p.whole.Run(dst, 0, src, 0)
	}
	p.copy.Run(dst, place(starts, p.most, p.strides), update, 0)
}

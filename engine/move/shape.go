package move

// Transpose reorders axes: axis i of the result is axis permutation[i] of the operand.
type Transpose struct {
	copy  *Strided
	bytes int
}

// NewTranspose plans the transposition of a tensor of shape dims with elements of size bytes.
func NewTranspose(size int, dims, permutation []int) *Transpose {
	must(len(permutation) == len(dims), "%d axes permuted by %d", len(dims), len(permutation))
	seen := make([]bool, len(dims))
	result := make([]int, len(dims))
	for i, from := range permutation {
		must(from >= 0 && from < len(dims) && !seen[from], "%v is no permutation", permutation)
		seen[from] = true
		result[i] = dims[from]
	}
	src, dst := rowMajor(size, dims), rowMajor(size, result)
	axes := make([]Axis, len(dims))
	for i, from := range permutation {
		axes[i] = Axis{dims[from], dst[i], src[from]}
	}
	return &Transpose{NewStrided(size, axes...), size * product(dims)}
}

// Run transposes src into dst.
func (p *Transpose) Run(dst, src []byte) {
	sameLength("the result", dst, p.bytes)
	sameLength("the operand", src, p.bytes)
	p.copy.Run(dst, 0, src, 0)
}

// Slice takes every stride-th element from start to before limit, along each axis.
type Slice struct {
	copy             *Strided
	at               int
	dstBytes, nBytes int
}

// NewSlice plans a slice of a tensor of shape dims. strides may be nil: all 1.
func NewSlice(size int, dims, starts, limits, strides []int) *Slice {
	must(len(starts) == len(dims) && len(limits) == len(dims) && (strides == nil || len(strides) == len(dims)),
		"a slice of %d axes from %v to %v by %v", len(dims), starts, limits, strides)
	result := make([]int, len(dims))
	src := rowMajor(size, dims)
	at := 0
	axes := make([]Axis, len(dims))
	for i := range dims {
		step := 1
		if strides != nil {
			step = strides[i]
		}
		must(step > 0 && starts[i] >= 0 && starts[i] <= limits[i] && limits[i] <= dims[i],
			"axis %d of %d sliced from %d to %d by %d", i, dims[i], starts[i], limits[i], step)
		result[i] = (limits[i] - starts[i] + step - 1) / step
		at += starts[i] * src[i]
		axes[i] = Axis{result[i], 0, step * src[i]}
	}
	for i, d := range rowMajor(size, result) {
		axes[i].Dst = d
	}
	return &Slice{NewStrided(size, axes...), at, size * product(result), size * product(dims)}
}

// Run slices src into dst.
func (p *Slice) Run(dst, src []byte) {
	sameLength("the result", dst, p.dstBytes)
	sameLength("the operand", src, p.nBytes)
	p.copy.Run(dst, 0, src, p.at)
}

// Concatenate joins tensors along an axis.
type Concatenate struct {
	copies []*Strided
	bytes  []int // of each operand
	at     []int // where each begins in the result
	total  int
}

// NewConcatenate plans joining operands of the given shapes, equal but for the axis.
func NewConcatenate(size, axis int, shapes ...[]int) *Concatenate {
	must(len(shapes) > 0 && axis >= 0 && axis < len(shapes[0]), "%d tensors joined on axis %d", len(shapes), axis)
	result := append([]int(nil), shapes[0]...)
	for _, dims := range shapes[1:] {
		must(len(dims) == len(result), "shapes %v and %v joined", shapes[0], dims)
		for i, d := range dims {
			must(i == axis || d == result[i], "shapes %v and %v joined on axis %d", shapes[0], dims, axis)
		}
		result[axis] += dims[axis]
	}
	dst := rowMajor(size, result)
	p := &Concatenate{total: size * product(result)}
	at := 0
	for _, dims := range shapes {
		axes := make([]Axis, len(dims))
		for i, s := range rowMajor(size, dims) {
			axes[i] = Axis{dims[i], dst[i], s}
		}
		p.copies = append(p.copies, NewStrided(size, axes...))
		p.bytes = append(p.bytes, size*product(dims))
		p.at = append(p.at, at)
		at += dims[axis] * dst[axis]
	}
	return p
}

// Run joins the operands into dst.
func (p *Concatenate) Run(dst []byte, operands ...[]byte) {
	sameLength("the result", dst, p.total)
	sameCount("operands", len(operands), len(p.copies))
	for i, src := range operands {
		sameLength("an operand", src, p.bytes[i])
		p.copies[i].Run(dst, p.at[i], src, 0)
	}
}

// Reverse turns the order of elements around along some axes.
type Reverse struct {
	copy      *Strided
	at, bytes int
}

// NewReverse plans the reversal of the given axes of a tensor of shape dims.
func NewReverse(size int, dims []int, reversed ...int) *Reverse {
	axes := make([]Axis, len(dims))
	for i, s := range rowMajor(size, dims) {
		axes[i] = Axis{dims[i], s, s}
	}
	at := 0
	for _, i := range reversed {
		must(i >= 0 && i < len(dims) && axes[i].Src >= 0, "axes %v of %d reversed", reversed, len(dims))
		at += (dims[i] - 1) * axes[i].Src
		axes[i].Src = -axes[i].Src
	}
	return &Reverse{NewStrided(size, axes...), at, size * product(dims)}
}

// Run reverses src into dst.
func (p *Reverse) Run(dst, src []byte) {
	sameLength("the result", dst, p.bytes)
	sameLength("the operand", src, p.bytes)
	p.copy.Run(dst, 0, src, p.at)
}

// Broadcast repeats a tensor along new axes and along axes of one element.
type Broadcast struct {
	copy             *Strided
	dstBytes, nBytes int
}

// NewBroadcast plans broadcasting a tensor of shape dims to the shape result: axis i of the operand becomes axis
// axes[i] of the result; axes increases.
func NewBroadcast(size int, dims, result, axes []int) *Broadcast {
	must(len(axes) == len(dims), "%d axes broadcast to %v", len(dims), axes)
	loops := make([]Axis, len(result))
	for i, d := range rowMajor(size, result) {
		loops[i] = Axis{result[i], d, 0}
	}
	src := rowMajor(size, dims)
	for i, to := range axes {
		must(to >= 0 && to < len(result) && (i == 0 || to > axes[i-1]), "axes broadcast to %v of %d", axes, len(result))
		must(dims[i] == 1 || dims[i] == result[to], "axis %d of %d broadcast to %d", i, dims[i], result[to])
		if dims[i] != 1 {
			loops[to].Src = src[i]
		}
	}
	return &Broadcast{NewStrided(size, loops...), size * product(result), size * product(dims)}
}

// Run broadcasts src into dst.
func (p *Broadcast) Run(dst, src []byte) {
	sameLength("the result", dst, p.dstBytes)
	sameLength("the operand", src, p.nBytes)
	p.copy.Run(dst, 0, src, 0)
}

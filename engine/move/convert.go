package move

import "galen.dev/internal/cpu"

// Convert turns every element of a tensor into another type, as Go's conversions do: integers wrap, floating-point
// numbers lose their fraction, and those that no integer of the type can hold become what the machine makes of
// them. Anything but zero is true. Half-precision numbers pass through float32, rounding ties to even.
type Convert struct {
	from, to             Type
	n, pieces, pieceSize int
	convert              func(dst, src []byte)
	widen                func(dst []float32, src []uint16) // where convert starts from float32
	blocks               [][256]float32                    // per worker, for widened elements
	dst, src             []byte
	body                 func(worker, piece int)
}

// NewConvert plans the conversion of n elements.
func NewConvert(to, from Type, n int) *Convert {
	p := &Convert{from: from, to: to, n: n, convert: conversions[from][to]}
	if p.convert == nil {
		p.widen, p.convert = wideners[from], conversions[Float32][to]
	}
	p.pieces, p.pieceSize = cpu.Chunks(n, grain/4, mostPieces)
	p.body = p.piece
	return p
}

// Run converts src into dst.
func (p *Convert) Run(dst, src []byte) {
	sameLength("the result", dst, p.n*p.to.Size())
	sameLength("the operand", src, p.n*p.from.Size())
	for p.widen != nil && len(p.blocks) < min(cpu.Threads(), p.pieces) {
		p.blocks = append(p.blocks, [256]float32{})
	}
	p.dst, p.src = dst, src
	if p.pieces == 1 {
		p.piece(0, 0)
	} else {
		cpu.Do(p.pieces, p.body)
	}
	p.dst, p.src = nil, nil
}

func (p *Convert) piece(worker, piece int) {
	a, b := piece*p.pieceSize, min((piece+1)*p.pieceSize, p.n)
	dst, src := p.dst[a*p.to.Size():b*p.to.Size()], p.src[a*p.from.Size():b*p.from.Size()]
	if p.widen == nil {
		p.convert(dst, src)
		return
	}
	block := &p.blocks[worker]
	for half := view[uint16](src); len(half) > 0; {
		n := min(len(half), len(block))
		p.widen(block[:n], half[:n])
		p.convert(dst[:n*p.to.Size()], Bytes(block[:n]))
		half, dst = half[n:], dst[n*p.to.Size():]
	}
}

type number interface {
	int8 | int16 | int32 | int64 | uint8 | uint16 | uint32 | uint64 | float32 | float64
}

// conversions[from][to]; nil where a half-precision number is made a float32 first.
var conversions = [types][types]func(dst, src []byte){
	Bool: {
		Bool: copyBytes,
		Int8: fromBool[int8], Int16: fromBool[int16], Int32: fromBool[int32], Int64: fromBool[int64],
		Uint8: fromBool[uint8], Uint16: fromBool[uint16], Uint32: fromBool[uint32], Uint64: fromBool[uint64],
		Float16: boolTo(toFloat16(1)), BFloat16: boolTo(toBFloat16(1)),
		Float32: fromBool[float32], Float64: fromBool[float64],
	},
	Int8: conversionsOf[int8](Int8), Int16: conversionsOf[int16](Int16),
	Int32: conversionsOf[int32](Int32), Int64: conversionsOf[int64](Int64),
	Uint8: conversionsOf[uint8](Uint8), Uint16: conversionsOf[uint16](Uint16),
	Uint32: conversionsOf[uint32](Uint32), Uint64: conversionsOf[uint64](Uint64),
	Float32: conversionsOfFloat32(), Float64: conversionsOf[float64](Float64),
	Float16:  {Float16: copyBytes, Float32: widenAll(fromFloat16s)},
	BFloat16: {BFloat16: copyBytes, Float32: widenAll(fromBFloat16s)},
}

var wideners = [types]func(dst []float32, src []uint16){Float16: fromFloat16s, BFloat16: fromBFloat16s}

func conversionsOf[F number](from Type) (to [types]func(dst, src []byte)) {
	to = [types]func(dst, src []byte){
		toBool[F],
		convert[int8, F], convert[int16, F], convert[int32, F], convert[int64, F],
		convert[uint8, F], convert[uint16, F], convert[uint32, F], convert[uint64, F],
		toFloat16s[F], toBFloat16s[F], convert[float32, F], convert[float64, F],
	}
	to[from] = copyBytes
	return to
}

// conversionsOfFloat32 has kernels for the half-precision types.
func conversionsOfFloat32() (to [types]func(dst, src []byte)) {
	to = conversionsOf[float32](Float32)
	to[Float16] = func(dst, src []byte) {
		n := blocksToHalf(Float16, view[uint16](dst), view[float32](src))
		toFloat16s[float32](dst[2*n:], src[4*n:])
	}
	to[BFloat16] = func(dst, src []byte) {
		n := blocksToHalf(BFloat16, view[uint16](dst), view[float32](src))
		toBFloat16s[float32](dst[2*n:], src[4*n:])
	}
	return to
}

func widenAll(widen func(dst []float32, src []uint16)) func(dst, src []byte) {
	return func(dst, src []byte) { widen(view[float32](dst), view[uint16](src)) }
}

func copyBytes(dst, src []byte) { copy(dst, src) }

func convert[T, F number](dst, src []byte) {
	to, from := view[T](dst), view[F](src)
	to = to[:len(from)]
	for i, v := range from {
		to[i] = T(v)
	}
}

func toBool[F number](dst, src []byte) {
	to := view[bool](dst)
	for i, v := range view[F](src) {
		to[i] = v != 0
	}
}

func fromBool[T number](dst, src []byte) {
	to := view[T](dst)
	for i, v := range src {
		to[i] = T(v)
	}
}

func boolTo(one uint16) func(dst, src []byte) {
	return func(dst, src []byte) {
		to := view[uint16](dst)
		for i, v := range src {
			to[i] = one * uint16(v)
		}
	}
}

func toFloat16s[F number](dst, src []byte) {
	to := view[uint16](dst)
	for i, v := range view[F](src) {
		to[i] = toFloat16(float32(v))
	}
}

func toBFloat16s[F number](dst, src []byte) {
	to := view[uint16](dst)
	for i, v := range view[F](src) {
		to[i] = toBFloat16(float32(v))
	}
}

func fromFloat16s(dst []float32, src []uint16) {
	for i := blocksFromHalf(Float16, dst, src); i < len(dst); i++ {
		dst[i] = fromFloat16(src[i])
	}
}

func fromBFloat16s(dst []float32, src []uint16) {
	for i := blocksFromHalf(BFloat16, dst, src); i < len(dst); i++ {
		dst[i] = fromBFloat16(src[i])
	}
}

// Bitcast gives the same bytes to a tensor of another type: it copies. Where the types differ in size, the last
// axis grows or shrinks by the ratio; the caller knows the shapes.
type Bitcast struct{ copy *Strided }

// NewBitcast plans the copy of a tensor of so many bytes.
func NewBitcast(bytes int) *Bitcast { return &Bitcast{NewStrided(1, Axis{bytes, 1, 1})} }

// Run copies src into dst.
func (p *Bitcast) Run(dst, src []byte) {
	sameLength("the result", dst, len(src))
	p.copy.Run(dst, 0, src, 0)
}

// Iota counts along an axis, from zero.
type Iota struct {
	broadcast *Broadcast
	count     []byte
}

// NewIota plans a tensor of shape dims whose elements are their own index on an axis. typ is not Bool.
func NewIota(typ Type, dims []int, axis int) *Iota {
	must(axis >= 0 && axis < len(dims) && typ != Bool, "counting along axis %d of %d", axis, len(dims))
	n := dims[axis]
	index := make([]int64, n)
	for i := range index {
		index[i] = int64(i)
	}
	p := &Iota{NewBroadcast(typ.Size(), []int{n}, dims, []int{axis}), make([]byte, n*typ.Size())}
	NewConvert(typ, Int64, n).Run(p.count, Bytes(index))
	return p
}

// Run fills dst.
func (p *Iota) Run(dst []byte) { p.broadcast.Run(dst, p.count) }

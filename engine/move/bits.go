package move

import (
	"encoding/binary"
	"math/bits"

	"galen.dev/internal/cpu"
)

// RandomBits fills memory with random bits: the stream of the generator PCG-DXSM with 128 bits of state (O'Neill
// 2014, https://www.pcg-random.org; Go's math/rand/v2.PCG), the low byte of every number first. This is GoMLX's
// definition, bit for bit, for every type.
//
// A linear congruential generator can jump: n steps are one step with another multiplier and increment. Each piece
// of the memory starts its own generator at its place of the stream, so threads do not change the result.
type RandomBits struct {
	n             int // bytes
	pieces, words int // words of eight bytes per piece
	starts        []affine
	state         uint128
	dst           []byte
	body          func(worker, piece int)
}

// RandomState is the state of a generator: words 0 and 1 are the state of the PCG, word 2 is carried along.
type RandomState [3]uint64

type uint128 struct{ hi, lo uint64 }

func (a uint128) mul(b uint128) uint128 {
	hi, lo := bits.Mul64(a.lo, b.lo)
	return uint128{hi + a.hi*b.lo + a.lo*b.hi, lo}
}

func (a uint128) add(b uint128) uint128 {
	lo, carry := bits.Add64(a.lo, b.lo, 0)
	hi, _ := bits.Add64(a.hi, b.hi, carry)
	return uint128{hi, lo}
}

// affine is x → mul·x + inc modulo 2^128.
type affine struct{ mul, inc uint128 }

func (f affine) of(x uint128) uint128 { return x.mul(f.mul).add(f.inc) }

// then is f followed by g.
func (f affine) then(g affine) affine { return affine{f.mul.mul(g.mul), g.of(f.inc)} }

// times is f, n times over.
func (f affine) times(n uint64) affine {
	result := affine{mul: uint128{0, 1}}
	for ; n > 0; n >>= 1 {
		if n&1 == 1 {
			result = result.then(f)
		}
		f = f.then(f)
	}
	return result
}

// pcgStep is one step of the generator; the constants are those of the reference implementation
// (pcg-cpp, pcg_random.hpp, pcg_128bit).
var pcgStep = affine{
	mul: uint128{2549297995355413924, 4865540595714422341},
	inc: uint128{6364136223846793005, 1442695040888963407},
}

var pcgFourSteps = pcgStep.times(4)

// output scrambles a state into a number: "double xorshift multiply".
func (a uint128) output() uint64 {
	const cheapMul = 0xda942042e4dd58b5
	hi := a.hi
	hi ^= hi >> 32
	hi *= cheapMul
	hi ^= hi >> 48
	return hi * (a.lo | 1)
}

// NewRandomBits plans filling n bytes.
func NewRandomBits(n int) *RandomBits {
	p := &RandomBits{n: n}
	p.body = p.piece
	p.pieces, p.words = cpu.Chunks((n+7)/8, grain/8, mostPieces)
	piece := pcgStep.times(uint64(p.words))
	start := pcgStep // the first number comes after one step
	for range p.pieces {
		p.starts = append(p.starts, start)
		start = start.then(piece)
	}
	return p
}

// Run fills dst and returns the state that continues the stream. GoMLX hands the two words of the state on with
// their bytes reversed, so the next fill continues from that reversed state; so does this one.
func (p *RandomBits) Run(dst []byte, state RandomState) RandomState {
	sameLength("the result", dst, p.n)
	p.state, p.dst = uint128{state[0], state[1]}, dst
	if p.pieces == 1 {
		p.piece(0, 0)
	} else {
		cpu.Do(p.pieces, p.body)
	}
	p.dst = nil
	end := pcgStep.times(uint64((p.n + 7) / 8)).of(p.state)
	return RandomState{bits.ReverseBytes64(end.hi), bits.ReverseBytes64(end.lo), state[2]}
}

// piece runs four generators side by side, each taking every fourth number, so that none waits for its multiplier.
func (p *RandomBits) piece(_, piece int) {
	first := piece * p.words * 8
	dst := p.dst[first:min(first+p.words*8, p.n)]
	a := p.starts[piece].of(p.state)
	b := pcgStep.of(a)
	c := pcgStep.of(b)
	d := pcgStep.of(c)
	four := pcgFourSteps
	for ; len(dst) >= 32; dst = dst[32:] {
		binary.LittleEndian.PutUint64(dst, a.output())
		binary.LittleEndian.PutUint64(dst[8:], b.output())
		binary.LittleEndian.PutUint64(dst[16:], c.output())
		binary.LittleEndian.PutUint64(dst[24:], d.output())
		a, b, c, d = four.of(a), four.of(b), four.of(c), four.of(d)
	}
	for ; len(dst) >= 8; dst = dst[8:] {
		binary.LittleEndian.PutUint64(dst, a.output())
		a = pcgStep.of(a)
	}
	if len(dst) > 0 {
		var last [8]byte
		binary.LittleEndian.PutUint64(last[:], a.output())
		copy(dst, last[:])
	}
}

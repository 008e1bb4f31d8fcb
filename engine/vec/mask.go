package vec

// Comparison says which comparison Compare makes.
type Comparison int

// The comparisons. With NaN on either side all are false but NotEqual.
const (
	Equal Comparison = iota
	NotEqual
	Less
	LessEqual
	Greater
	GreaterEqual
)

// Compare sets dst to all ones where the comparison a op b holds, to 0 elsewhere.
func Compare(op Comparison, dst []uint32, a, b []float32) {
	match(len(dst), len(a), len(b))
	switch op {
	case Equal:
		equal(dst, a, b)
	case NotEqual:
		notEqual(dst, a, b)
	case Less:
		less(dst, a, b)
	case LessEqual:
		lessEqual(dst, a, b)
	case Greater:
		less(dst, b, a)
	case GreaterEqual:
		lessEqual(dst, b, a)
	}
}

// CompareScalar sets dst to all ones where the comparison a op s holds, to 0 elsewhere.
func CompareScalar(op Comparison, dst []uint32, a []float32, s float32) {
	match(len(dst), len(a))
	switch op {
	case Equal:
		equalScalar(dst, a, s)
	case NotEqual:
		notEqualScalar(dst, a, s)
	case Less:
		lessScalar(dst, a, s)
	case LessEqual:
		lessEqualScalar(dst, a, s)
	case Greater:
		greaterScalar(dst, a, s)
	case GreaterEqual:
		greaterEqualScalar(dst, a, s)
	}
}

// CompareInt is Compare for whole numbers.
func CompareInt(op Comparison, dst []uint32, a, b []int32) {
	match(len(dst), len(a), len(b))
	switch op {
	case Equal:
		equalInt(dst, a, b)
	case NotEqual:
		equalInt(dst, a, b)
		not(dst, dst)
	case Less:
		lessInt(dst, a, b)
	case LessEqual:
		lessInt(dst, b, a)
		not(dst, dst)
	case Greater:
		lessInt(dst, b, a)
	case GreaterEqual:
		lessInt(dst, a, b)
		not(dst, dst)
	}
}

// Select sets dst to a where the mask is set, to b elsewhere.
func Select(dst []float32, mask []uint32, a, b []float32) {
	match(len(dst), len(mask), len(a), len(b))
	selectVV(dst, a, b, mask)
}

// SelectScalar sets dst to a where the mask is set, to s elsewhere.
func SelectScalar(dst []float32, mask []uint32, a []float32, s float32) {
	match(len(dst), len(mask), len(a))
	selectVS(dst, a, mask, s)
}

// SelectScalars sets dst to s where the mask is set, to t elsewhere.
func SelectScalars(dst []float32, mask []uint32, s, t float32) {
	match(len(dst), len(mask))
	selectSS(dst, mask, s, t)
}

// ScalarSelect sets dst to s where the mask is set, to b elsewhere.
func ScalarSelect(dst []float32, mask []uint32, s float32, b []float32) {
	match(len(dst), len(mask), len(b))
	selectSV(dst, b, mask, s)
}

// And sets dst = a and b, bit by bit.
func And(dst, a, b []uint32) { match(len(dst), len(a), len(b)); and(dst, a, b) }

// Or sets dst = a or b, bit by bit.
func Or(dst, a, b []uint32) { match(len(dst), len(a), len(b)); or(dst, a, b) }

// Xor sets dst to the bits in which a and b differ.
func Xor(dst, a, b []uint32) { match(len(dst), len(a), len(b)); xor(dst, a, b) }

// Not sets dst to the opposite bits of a.
func Not(dst, a []uint32) { match(len(dst), len(a)); not(dst, a) }

// FromInts sets dst to a, rounded to float32.
func FromInts(dst []float32, a []int32) { match(len(dst), len(a)); fromInts(dst, a) }

// ToInts sets dst to a without its fraction. Where that does not fit, or a is NaN, the result is -2^31.
func ToInts(dst []int32, a []float32) { match(len(dst), len(a)); toInts(dst, a) }

// FromMask sets dst to 1 where the mask is set, to 0 elsewhere.
func FromMask(dst []float32, mask []uint32) { match(len(dst), len(mask)); selectSS(dst, mask, 1, 0) }

// BytesToMask sets the mask where the byte is not 0.
func BytesToMask(mask []uint32, b []byte) { match(len(mask), len(b)); bytesToMask(mask, b) }

// MaskToBytes sets the bytes to 1 where the mask is set, to 0 elsewhere.
func MaskToBytes(b []byte, mask []uint32) { match(len(b), len(mask)); maskToBytes(b, mask) }

// FromBytes sets dst to the bytes' values, 0 to 255.
func FromBytes(dst []float32, b []byte) { match(len(dst), len(b)); fromBytes(dst, b) }

package vec

// Add sets dst = a + b.
func Add(dst, a, b []float32) { match(len(dst), len(a), len(b)); add(dst, a, b) }

// Sub sets dst = a - b.
func Sub(dst, a, b []float32) { match(len(dst), len(a), len(b)); sub(dst, a, b) }

// Mul sets dst = a * b.
func Mul(dst, a, b []float32) { match(len(dst), len(a), len(b)); mul(dst, a, b) }

// Div sets dst = a / b.
func Div(dst, a, b []float32) { match(len(dst), len(a), len(b)); div(dst, a, b) }

// Max sets dst to the greater of a and b: NaN where either is NaN, a where they are equal.
func Max(dst, a, b []float32) { match(len(dst), len(a), len(b)); maximum(dst, a, b) }

// Min sets dst to the smaller of a and b: NaN where either is NaN, a where they are equal.
func Min(dst, a, b []float32) { match(len(dst), len(a), len(b)); minimum(dst, a, b) }

// AddScalar sets dst = a + s.
func AddScalar(dst, a []float32, s float32) { match(len(dst), len(a)); addScalar(dst, a, s) }

// ScalarSub sets dst = s - a.
func ScalarSub(dst []float32, s float32, a []float32) { match(len(dst), len(a)); scalarSub(dst, a, s) }

// MulScalar sets dst = a * s.
func MulScalar(dst, a []float32, s float32) { match(len(dst), len(a)); mulScalar(dst, a, s) }

// DivScalar sets dst = a / s.
func DivScalar(dst, a []float32, s float32) { match(len(dst), len(a)); divScalar(dst, a, s) }

// ScalarDiv sets dst = s / a.
func ScalarDiv(dst []float32, s float32, a []float32) { match(len(dst), len(a)); scalarDiv(dst, a, s) }

// MaxScalar sets dst to the greater of a and s, as Max does.
func MaxScalar(dst, a []float32, s float32) { match(len(dst), len(a)); maxScalar(dst, a, s) }

// MinScalar sets dst to the smaller of a and s, as Min does.
func MinScalar(dst, a []float32, s float32) { match(len(dst), len(a)); minScalar(dst, a, s) }

// MulAdd sets dst = a*b + c with one rounding.
func MulAdd(dst, a, b, c []float32) {
	match(len(dst), len(a), len(b), len(c))
	mulAdd(dst, a, b, c)
}

// MulSub sets dst = a*b - c with one rounding.
func MulSub(dst, a, b, c []float32) {
	match(len(dst), len(a), len(b), len(c))
	mulSub(dst, a, b, c)
}

// NegMulAdd sets dst = c - a*b with one rounding.
func NegMulAdd(dst, a, b, c []float32) {
	match(len(dst), len(a), len(b), len(c))
	negMulAdd(dst, a, b, c)
}

// MulScalarAdd sets dst = a*s + c with one rounding.
func MulScalarAdd(dst, a []float32, s float32, c []float32) {
	match(len(dst), len(a), len(c))
	mulScalarAdd(dst, a, c, s)
}

// MulScalarSub sets dst = a*s - c with one rounding.
func MulScalarSub(dst, a []float32, s float32, c []float32) {
	match(len(dst), len(a), len(c))
	mulScalarSub(dst, a, c, s)
}

// MulAddScalar sets dst = a*b + t with one rounding.
func MulAddScalar(dst, a, b []float32, t float32) {
	match(len(dst), len(a), len(b))
	mulAddScalar(dst, a, b, t)
}

// NegMulAddScalar sets dst = t - a*b with one rounding.
func NegMulAddScalar(dst, a, b []float32, t float32) {
	match(len(dst), len(a), len(b))
	negMulAddScalar(dst, a, b, t)
}

// Affine sets dst = a*s + t with one rounding.
func Affine(dst, a []float32, s, t float32) { match(len(dst), len(a)); affine(dst, a, s, t) }

// Clamp sets dst = min(max(a, low), high); NaN stays NaN.
func Clamp(dst, a []float32, low, high float32) { match(len(dst), len(a)); clamp(dst, a, low, high) }

// Neg sets dst = -a.
func Neg(dst, a []float32) { match(len(dst), len(a)); neg(dst, a) }

// Abs sets dst = |a|.
func Abs(dst, a []float32) { match(len(dst), len(a)); abs(dst, a) }

// Sqrt sets dst to the square root of a.
func Sqrt(dst, a []float32) { match(len(dst), len(a)); sqrt(dst, a) }

// Rsqrt sets dst = 1/sqrt(a), by a square root, a division and a Newton step.
func Rsqrt(dst, a []float32) { match(len(dst), len(a)); rsqrt(dst, a) }

// Reciprocal sets dst = 1/a.
func Reciprocal(dst, a []float32) { ScalarDiv(dst, 1, a) }

// Square sets dst = a*a.
func Square(dst, a []float32) { match(len(dst), len(a)); mul(dst, a, a) }

// Sign sets dst to -1, 0 or 1 (0 keeps its sign), NaN where a is NaN.
func Sign(dst, a []float32) { match(len(dst), len(a)); sign(dst, a) }

// Floor sets dst to the greatest whole number not above a.
func Floor(dst, a []float32) { match(len(dst), len(a)); floor(dst, a) }

// Ceil sets dst to the smallest whole number not below a.
func Ceil(dst, a []float32) { match(len(dst), len(a)); ceil(dst, a) }

// Round sets dst to the nearest whole number, halves to the even one.
func Round(dst, a []float32) { match(len(dst), len(a)); round(dst, a) }

// Relu sets dst = max(a, 0); NaN stays NaN.
func Relu(dst, a []float32) { match(len(dst), len(a)); maxScalar(dst, a, 0) }

// Copy sets dst = a.
func Copy(dst, a []float32) { match(len(dst), len(a)); copy(dst, a) }

// Fill sets every element of dst to s.
func Fill(dst []float32, s float32) {
	for i := range dst {
		dst[i] = s
	}
}

package vec

import "math"

// Exp sets dst = e^a.
func Exp(dst, a []float32) { match(len(dst), len(a)); exp(dst, a) }

// Expm1 sets dst = e^a - 1, accurate near 0.
func Expm1(dst, a []float32) { match(len(dst), len(a)); expm1(dst, a) }

// Log sets dst to the natural logarithm of a.
func Log(dst, a []float32) { match(len(dst), len(a)); log(dst, a) }

// Log1p sets dst = log(1+a), accurate near 0.
func Log1p(dst, a []float32) { match(len(dst), len(a)); log1p(dst, a) }

// Tanh sets dst to the hyperbolic tangent of a.
func Tanh(dst, a []float32) { match(len(dst), len(a)); tanh(dst, a) }

// Logistic sets dst = 1/(1+e^-a).
func Logistic(dst, a []float32) { match(len(dst), len(a)); logistic(dst, a) }

// Erf sets dst to the error function of a.
func Erf(dst, a []float32) { match(len(dst), len(a)); erf(dst, a) }

// Gelu sets dst = a*Phi(a), Phi the distribution function of the standard normal distribution.
// Source: Hendrycks, Gimpel: Gaussian Error Linear Units, arXiv:1606.08415.
func Gelu(dst, a []float32) { match(len(dst), len(a)); gelu(dst, a) }

// GeluTanh sets dst = a/2*(1+tanh(sqrt(2/pi)*(a+0.044715a³))), the usual approximation of Gelu.
func GeluTanh(dst, a []float32) { match(len(dst), len(a)); geluTanh(dst, a) }

// Silu sets dst = a*logistic(a).
func Silu(dst, a []float32) { match(len(dst), len(a)); silu(dst, a) }

// Sin sets dst to the sine of a, in radians. Computed through float64.
func Sin(dst, a []float32) { match(len(dst), len(a)); each(dst, a, math.Sin) }

// Cos sets dst to the cosine of a, in radians. Computed through float64.
func Cos(dst, a []float32) { match(len(dst), len(a)); each(dst, a, math.Cos) }

// Pow sets dst = a^b. Computed through float64.
func Pow(dst, a, b []float32) { match(len(dst), len(a), len(b)); each2(dst, a, b, math.Pow) }

// Rem sets dst to the remainder of a/b with the sign of a. Computed through float64.
func Rem(dst, a, b []float32) { match(len(dst), len(a), len(b)); each2(dst, a, b, math.Mod) }

// Atan2 sets dst to the angle of the point (b, a), in radians. Computed through float64.
func Atan2(dst, a, b []float32) { match(len(dst), len(a), len(b)); each2(dst, a, b, math.Atan2) }

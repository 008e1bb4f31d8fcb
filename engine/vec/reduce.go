package vec

// Sum is the sum of x, in the order that the package comment tells; 0 for no numbers.
func Sum(x []float32) float32 { return sum(x) }

// Dot is the sum of a*b with one rounding per term, in the order of Sum.
func Dot(a, b []float32) float32 { match(len(a), len(b)); return dot(a, b) }

// Greatest is the greatest of x: NaN where one is NaN, -Inf for no numbers.
func Greatest(x []float32) float32 { return greatest(x) }

// Smallest is the smallest of x: NaN where one is NaN, +Inf for no numbers.
func Smallest(x []float32) float32 { return smallest(x) }

// AddRows adds to dst[r] the sum of row r of x, which has len(dst) rows of n numbers.
func AddRows(dst, x []float32, n int) { match(len(dst)*n, len(x)); addRows(dst, x, n) }

// MaxRows raises dst[r] to the greatest of row r of x, which has len(dst) rows of n numbers.
func MaxRows(dst, x []float32, n int) { match(len(dst)*n, len(x)); maxRows(dst, x, n) }

// MinRows lowers dst[r] to the smallest of row r of x, which has len(dst) rows of n numbers.
func MinRows(dst, x []float32, n int) { match(len(dst)*n, len(x)); minRows(dst, x, n) }

// AddColumns adds to dst the column sums of x, which has rows rows of len(dst) numbers. Each column has four
// partial sums, row r belongs to partial r mod 4; they are added as (0+1)+(2+3), and the result to dst.
func AddColumns(dst, x []float32, rows int) { match(len(dst)*rows, len(x)); addColumns(dst, x, rows) }

// MaxColumns raises dst to the greatest of each column of x, which has rows rows of len(dst) numbers.
func MaxColumns(dst, x []float32, rows int) {
	match(len(dst)*rows, len(x))
	for n := len(dst); len(x) > 0; x = x[n:] {
		maximum(dst, dst, x[:n])
	}
}

// MinColumns lowers dst to the smallest of each column of x, which has rows rows of len(dst) numbers.
func MinColumns(dst, x []float32, rows int) {
	match(len(dst)*rows, len(x))
	for n := len(dst); len(x) > 0; x = x[n:] {
		minimum(dst, dst, x[:n])
	}
}

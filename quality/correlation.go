package quality

import (
	"context"
	"fmt"
	"math"

	"galen.dev/fault"
	"galen.dev/table"
)

// checkCorrelation lists pairs of numeric predictors with a high Pearson correlation. Missing cells count as
// the column's mean, so columns with many of them come out lower.
func (s *session) checkCorrelation(ctx context.Context) error {
	var cols []*column
	for _, c := range s.cols {
		if c.feature && !c.index && c.Kind == table.Numeric && c.sd > 0 {
			cols = append(cols, c)
		}
	}
	const most = 2000 // beyond this the pairs alone would fill a page and a gigabyte
	if len(cols) > most {
		s.skip("high-correlation", fmt.Sprintf("there are over %d numeric predictors", most))
		return nil
	}
	if len(cols) < 2 || s.t.Rows < 20 {
		return nil
	}
	sums, err := s.products(ctx, cols)
	if err != nil {
		return err
	}
	p := len(cols)
	for i := range p {
		for j := i + 1; j < p; j++ {
			r := sums[i*p+j] / math.Sqrt(sums[i*p+i]*sums[j*p+j])
			if math.Abs(r) < s.th.Correlation {
				continue
			}
			s.found = append(s.found, fault.Finding{
				Name: "high-correlation", Severity: fault.Info, Column: cols[i].Name,
				Message: fmt.Sprintf("correlation with %s is %.3f", cols[j].Name, r),
				Hint:    "coefficients of both are uncertain, and importance is shared between them",
			})
		}
	}
	return nil
}

// products sums the products of standardised columns, block by block of rows to stay within the cache. With
// very many rows and columns every k-th row is taken, for 10⁹ products tell a correlation well enough.
func (s *session) products(ctx context.Context, cols []*column) ([]float64, error) {
	const block, budget = 1024, 1e9
	p := len(cols)
	stride := max(1, int(float64(s.t.Rows)*float64(p)*float64(p)/2/budget))
	z := make([][]float64, p)
	for j := range z {
		z[j] = make([]float64, block)
	}
	sums := make([]float64, p*p)
	for from := 0; from < s.t.Rows; from += block * stride {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		n := min(block, (s.t.Rows-from+stride-1)/stride)
		for j, c := range cols {
			for i := range n {
				v := (c.Num[from+i*stride] - c.mean) / c.sd
				if math.IsNaN(v) || math.IsInf(v, 0) {
					v = 0
				}
				z[j][i] = v
			}
		}
		for i := range p {
			for j := i; j < p; j++ {
				sums[i*p+j] += dot(z[i][:n], z[j][:n])
			}
		}
	}
	return sums, nil
}

// dot keeps four sums, so that the additions need not wait for each other.
func dot(a, b []float64) float64 {
	var s0, s1, s2, s3 float64
	b = b[:len(a)]
	i := 0
	for ; i+4 <= len(a); i += 4 {
		s0 += a[i] * b[i]
		s1 += a[i+1] * b[i+1]
		s2 += a[i+2] * b[i+2]
		s3 += a[i+3] * b[i+3]
	}
	for ; i < len(a); i++ {
		s0 += a[i] * b[i]
	}
	return s0 + s1 + s2 + s3
}

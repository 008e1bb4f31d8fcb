package signal

import (
	"context"
	"iter"
	"maps"
	"math"
	"path"
	"strings"

	"galen.dev/fault"
)

// matrixChannel names the one channel of matrices, which bring no name.
const matrixChannel = "signal"

// matrices reads data whose rows are signals. Rows are counted over all files, in the order of their names, training
// before test.
func (c *collector) matrices(ctx context.Context) error {
	r := c.run
	rate := c.rate
	if rate == 0 {
		return fault.WithHint(fault.Errorf(fault.Usage, "data %q are matrices, which do not say how many samples a second has", r.Source.Name), "give the parameter rate, or recordings that know it (WFDB, EDF)")
	}
	if names := r.Strings("channels"); len(names) > 0 && (len(names) != 1 || names[0] != matrixChannel) {
		return fault.Errorf(fault.Usage, "matrices hold one channel, which is called %q", matrixChannel)
	}
	c.index.Channels = []channel{{Name: matrixChannel, Rate: rate}}
	done := 0
	for _, side := range []string{"train", "test", ""} {
		for i, f := range r.Source.Files {
			if !isMatrix(f.Name) || sideOf(f.Name) != side {
				continue
			}
			in, err := r.Source.Open(i)
			if err != nil {
				return err
			}
			before := done
			err = readMatrix(ctx, in, f.Name, true, func(row int, m matrixRow) error {
				done++
				r.Progress("reading rows", int64(done), 0)
				return c.row(m, before+row, path.Base(f.Name), side, rate)
			})
			if cerr := in.Close(); err == nil {
				err = cerr
			}
			if err != nil {
				return err
			}
		}
	}
	if done == 0 {
		return fault.WithHint(fault.Errorf(fault.Data, "data %q hold neither recordings nor matrices", r.Source.Name), "recordings are WFDB (.hea), EDF and BDF files; matrices are TSV, CSV or NumPy files with a label and a signal in each row")
	}
	return nil
}

// sideOf is the side of the split that a file's name tells.
func sideOf(name string) string {
	base := strings.ToUpper(path.Base(name))
	train, test := strings.Contains(base, "TRAIN"), strings.Contains(base, "TEST")
	switch {
	case train && !test:
		return "train"
	case test && !train:
		return "test"
	}
	return ""
}

// row adds one signal. Values that are missing in its middle are refused; at its end they only fill the matrix.
func (c *collector) row(m matrixRow, n int, file, side string, rate float64) error {
	x := trimEnd(m.samples)
	for _, v := range x {
		if f := float64(v); math.IsNaN(f) || math.IsInf(f, 0) {
			c.wrong([]fault.Finding{{Name: "missing-samples", Severity: fault.Severe, File: file, Rows: []int{n}, Message: "signals hold samples that are no numbers", Hint: "fill or leave out these rows"}})
			return nil
		}
	}
	if len(x) == 0 {
		c.wrong([]fault.Finding{{Name: "no-sample", Severity: fault.Severe, File: file, Rows: []int{n}, Message: "rows hold no signal"}})
		return nil
	}
	labels := []string{m.label}
	if c.index.Several {
		labels = strings.Split(m.label, ";")
	}
	return c.add(&raw{samples: [][]float32{x}, rates: []float64{rate}}, n, labels, "", side)
}

// trimEnd takes missing values from the end.
func trimEnd(x []float32) []float32 {
	for len(x) > 0 && math.IsNaN(float64(x[len(x)-1])) {
		x = x[:len(x)-1]
	}
	return x
}

func mapKeys[V any](m map[string]V) iter.Seq[string] { return maps.Keys(m) }

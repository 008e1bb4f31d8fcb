package signal

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"math"
	"path"
	"strconv"
	"strings"

	"galen.dev/fault"
	"galen.dev/volume/npy"
)

// matrixRow is a signal with its label.
type matrixRow struct {
	label   string // "" where rows have none
	samples []float32
}

// maxLine bounds one row of a matrix in text.
const maxLine = 64 << 20

// readMatrix hands out the rows of a matrix, each a signal of one channel; where labelled, its first value is the label.
func readMatrix(ctx context.Context, in io.Reader, name string, labelled bool, yield func(row int, m matrixRow) error) error {
	buffered := bufio.NewReaderSize(in, 1<<16)
	in = buffered
	if magic, err := buffered.Peek(2); err == nil && magic[0] == 0x1f && magic[1] == 0x8b {
		z, err := gzip.NewReader(buffered)
		if err != nil {
			return fault.Errorf(fault.Data, "%s: the compressed file is damaged", path.Base(name))
		}
		defer z.Close()
		buffered = bufio.NewReaderSize(z, 1<<16)
		in = buffered
	}
	if magic, err := buffered.Peek(6); err == nil && bytes.Equal(magic, []byte("\x93NUMPY")) {
		return readArray(ctx, in, name, labelled, yield)
	}
	return readText(ctx, in, name, labelled, yield)
}

// readArray reads a NumPy matrix; it is in memory as a whole.
func readArray(ctx context.Context, in io.Reader, name string, labelled bool, yield func(int, matrixRow) error) error {
	a, err := npy.Read(ctx, in, -1)
	if err != nil {
		return fmt.Errorf("reading %s: %w", path.Base(name), err)
	}
	if len(a.Shape) == 1 {
		a.Shape = []int{1, a.Shape[0]}
	}
	if len(a.Shape) != 2 {
		return fault.WithHint(fault.Errorf(fault.Data, "%s: the array is no matrix with a signal in each row", path.Base(name)), "it has two axes: recordings and samples")
	}
	width := a.Shape[1]
	at := func(i, k int) float64 {
		if a.Fortran {
			return a.Data.At(k*a.Shape[0] + i)
		}
		return a.Data.At(i*width + k)
	}
	for i := range a.Shape[0] {
		if err := ctx.Err(); err != nil {
			return err
		}
		m, from := matrixRow{}, 0
		if labelled {
			if width == 0 || math.IsNaN(at(i, 0)) {
				return fault.Errorf(fault.Data, "%s: row %d has no label", path.Base(name), i+1)
			}
			m.label, from = strconv.FormatFloat(at(i, 0), 'g', -1, 64), 1
		}
		m.samples = make([]float32, width-from)
		for k := range m.samples {
			m.samples[k] = float32(at(i, from+k))
		}
		if err := yield(i+1, m); err != nil {
			return err
		}
	}
	return nil
}

// readText reads rows of numbers parted by tabs, commas, semicolons or spaces. Rows may be of different lengths, and
// a label may be a word. A first row without a number is a header.
func readText(ctx context.Context, in io.Reader, name string, labelled bool, yield func(int, matrixRow) error) error {
	scan := bufio.NewScanner(in)
	scan.Buffer(make([]byte, 1<<16), maxLine)
	row, line := 0, 0
	for scan.Scan() {
		line++
		if line%64 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		text := strings.TrimSpace(strings.TrimPrefix(scan.Text(), "\ufeff"))
		if text == "" {
			continue
		}
		words := split(text)
		m := matrixRow{}
		if labelled {
			m.label, words = words[0], words[1:]
			if v, err := strconv.ParseFloat(m.label, 64); err == nil {
				m.label = strconv.FormatFloat(v, 'g', -1, 64) // 1.0000000e+00 is 1
			}
			if m.label == "" {
				return fault.Errorf(fault.Data, "%s: line %d has no label", path.Base(name), line)
			}
		}
		bad := 0
		m.samples = make([]float32, len(words))
		for k, w := range words {
			v, err := strconv.ParseFloat(w, 32)
			if err != nil {
				bad++
				v = math.NaN()
			}
			m.samples[k] = float32(v)
		}
		if row == 0 && bad == len(words) {
			continue // a header
		}
		if row++; bad > 0 {
			return fault.Refuse("matrix "+path.Base(name), []fault.Finding{{Name: "number", Severity: fault.Severe, File: path.Base(name), Line: line, Rows: []int{row}, Message: fmt.Sprintf("%s can not be read as numbers", fault.Count(bad, "cell"))}})
		}
		if err := yield(row, m); err != nil {
			return err
		}
	}
	if err := scan.Err(); err != nil {
		return fault.Errorf(fault.Data, "%s: line %d: %w", path.Base(name), line+1, err)
	}
	return nil
}

// split parts a row at its separators.
func split(text string) []string {
	for _, sep := range []string{"\t", ",", ";"} {
		if strings.Contains(text, sep) {
			words := strings.Split(text, sep)
			for i := range words {
				words[i] = strings.TrimSpace(words[i])
			}
			return words
		}
	}
	return strings.Fields(text)
}

package table

import (
	"context"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"testing"
)

// TestVectors reads the files that testdata/vectors.py wrote and compares every cell with what pandas, scipy and
// pyarrow read. Numbers must be equal bit for bit, because all sides round correctly; times of day and dates may
// differ by an ulp of the other side's arithmetic in nanoseconds, so 1e-9 days is allowed there.
func TestVectors(t *testing.T) {
	b, err := os.ReadFile("testdata/vectors.json")
	if err != nil {
		t.Fatal(err)
	}
	var want map[string]map[string][]any
	if err := json.Unmarshal(b, &want); err != nil {
		t.Fatal(err)
	}
	for file, columns := range want {
		t.Run(file, func(t *testing.T) {
			tb, err := Read(context.Background(), filepath.Join("testdata/vectors", file), Options{})
			if err != nil {
				t.Fatal(err)
			}
			if len(tb.Columns) != len(columns) {
				t.Errorf("%d columns, want %d", len(tb.Columns), len(columns))
			}
			for name, cells := range columns {
				c := tb.Column(name)
				if c == nil || c.Len() != len(cells) {
					t.Errorf("column %s is absent or of another length", name)
					continue
				}
				for i, w := range cells {
					if !sameCell(c, i, w) {
						t.Errorf("%s, row %d: want %v", name, i+1, w)
					}
				}
			}
		})
	}
}

func sameCell(c *Column, i int, want any) bool {
	if want == nil || c.Missing(i) {
		return want == nil && c.Missing(i)
	}
	switch c.Kind {
	case Numeric:
		w, ok := want.(float64)
		return ok && (c.Num[i] == w || c.Unit == "s" && math.Abs(c.Num[i]-w) < 1e-9)
	case Date:
		w, ok := want.(float64)
		return ok && math.Abs(c.Num[i]-w) < 1e-9
	case Text:
		return c.Text[i] == want
	}
	return c.Levels[c.Cat[i]] == want
}

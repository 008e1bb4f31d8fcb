package table

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"syscall"
	"testing"
	"time"
)

// TestReadOnce reads the file that GALEN_BENCH_CSV names and prints seconds, processor seconds, peak memory in MiB, rows and columns,
// for bench/table_csv.py.
func TestReadOnce(t *testing.T) {
	path := os.Getenv("GALEN_BENCH_CSV")
	if path == "" {
		t.Skip("GALEN_BENCH_CSV names no file; bench/table_csv.py sets it")
	}
	start := time.Now()
	tb, err := Read(context.Background(), path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	took := time.Since(start).Seconds()
	var use syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &use); err != nil {
		t.Fatal(err)
	}
	cpu := time.Duration(use.Utime.Nano() + use.Stime.Nano()).Seconds()
	fmt.Println("once:", took, cpu, use.Maxrss/1024, tb.Rows, len(tb.Columns))
}

// benchCSV is about 16 MB like a hospital's export.
func benchCSV() []byte {
	r := rand.New(rand.NewPCG(1, 2))
	var b bytes.Buffer
	b.WriteString("patient,admitted,sex,icd10,age,glucose (mmol/L),crp (mg/L),score\n")
	for i := range 250_000 {
		crp := ""
		if r.IntN(6) > 0 {
			crp = strconv.FormatFloat(r.Float64()*200, 'f', 2, 64)
		}
		fmt.Fprintf(&b, "P%08d,20%02d-%02d-%02d,%s,%c%02d.%d,%d,%.1f,%s,%v\n", i, r.IntN(25), r.IntN(12)+1, r.IntN(28)+1,
			[]string{"male", "female"}[r.IntN(2)], 'A'+rune(r.IntN(26)), r.IntN(100), r.IntN(10), r.IntN(100), 3+r.Float64()*10, crp, r.NormFloat64())
	}
	return b.Bytes()
}

func BenchmarkReadCSV(b *testing.B) {
	data := benchCSV()
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := ReadFrom(context.Background(), bytes.NewReader(data), "bench.csv", Options{}); err != nil {
			b.Fatal(err)
		}
	}
}

package event

import (
	"bufio"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime/debug"
	"strconv"
	"strings"
	"testing"

	"github.com/parquet-go/parquet-go"
)

// longCSV writes stays of 48 hours with 40 variables, of which share are measured; mixed writes hour by hour, so that the
// lines of a stay are far apart.
func longCSV(t testing.TB, path string, stays int, share float64, mixed bool) (events int) {
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	w := bufio.NewWriterSize(f, 1<<20)
	_, _ = w.WriteString("patient,time,code,value,unit\n")
	rng := rand.New(rand.NewPCG(1, 1))
	var line []byte
	put := func(s, h int) {
		for v := range 40 {
			if rng.Float64() < share {
				line = fmt.Appendf(line[:0], "patient-%06d,2021-03-%02dT%02d:15:00,variable-%d,", s, 1+h/24, h%24, v)
				line = strconv.AppendFloat(line, float64(rng.IntN(2000))/10, 'f', -1, 64)
				_, _ = w.Write(append(line, ",mg/dL\n"...))
				events++
			}
		}
	}
	if mixed {
		for h := range 48 {
			for s := range stays {
				put(s, h)
			}
		}
	} else {
		for s := range stays {
			for h := range 48 {
				put(s, h)
			}
		}
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	return events
}

func benchmark(b *testing.B, source string, opt Options, stays, events int) {
	b.Helper()
	for b.Loop() {
		words := NewVocabulary()
		out, err := os.Create(filepath.Join(b.TempDir(), "set"))
		if err != nil {
			b.Fatal(err)
		}
		w := NewWriter(out, words)
		report, err := Read(b.Context(), source, opt, w.Add, words)
		if err != nil || report.Events != events || report.Stays != stays {
			b.Fatal(err, report.Events, report.Stays)
		}
		if err := w.Close(); err != nil {
			b.Fatal(err)
		}
		_ = out.Close()
	}
	b.ReportMetric(float64(events)*float64(b.N)/b.Elapsed().Seconds(), "events/s")
	b.ReportMetric(float64(stays)*float64(b.N)/b.Elapsed().Seconds(), "stays/s")
}

func BenchmarkCSV(b *testing.B) {
	for _, mixed := range []bool{false, true} {
		b.Run(map[bool]string{false: "grouped", true: "mixed"}[mixed], func(b *testing.B) {
			path := filepath.Join(b.TempDir(), "events.csv")
			benchmark(b, path, Options{}, 1000, longCSV(b, path, 1000, .5, mixed))
		})
	}
}

func BenchmarkMEDS(b *testing.B) {
	path := filepath.Join(b.TempDir(), "0.parquet")
	var rows []medsRow
	for s := range 1000 {
		id := int64(s)
		for h := range 48 {
			for v := range 20 {
				at, code, value := timeOf(h), "LOINC//"+strconv.Itoa(v), float64(v*h)
				rows = append(rows, medsRow{&id, &at, &code, &value})
			}
		}
	}
	if err := parquet.WriteFile(path, rows); err != nil {
		b.Fatal(err)
	}
	benchmark(b, path, Options{}, 1000, len(rows))
}

func BenchmarkFHIR(b *testing.B) {
	path := filepath.Join(b.TempDir(), "x.json")
	text := ward(500)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(text)))
	benchmark(b, path, Options{}, 1000, 500*22)
}

// peakMB is the most memory that the process has had.
func peakMB(t testing.TB) int {
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Skip("the system does not tell the memory of a process")
	}
	for line := range strings.Lines(string(text)) {
		var kb int
		if _, err := fmt.Sscanf(line, "VmHWM: %d kB", &kb); err == nil {
			return kb >> 10
		}
	}
	t.Skip("the system does not tell the memory of a process")
	return 0
}

// TestMemory: twenty times the stays need hardly more memory, wherever their lines are. GALEN_STAYS sets the number.
func TestMemory(t *testing.T) {
	stays, share := 2000, .1
	if n, err := strconv.Atoi(os.Getenv("GALEN_STAYS")); err == nil {
		stays, share = n, .5
	}
	path := filepath.Join(t.TempDir(), "events.csv")
	events := longCSV(t, path, stays, share, true)
	debug.FreeOSMemory()
	before := peakMB(t)
	report, err := Read(t.Context(), path, Options{MemoryMB: 8}, func(*Stay) error { return nil }, NewVocabulary())
	if err != nil || report.Events != events || report.Stays != stays {
		t.Fatal(err, report)
	}
	after := peakMB(t)
	t.Logf("%d stays, %d events: %d MiB at most, %d MiB before", stays, events, after, before)
	if after > before+64 {
		t.Errorf("memory grew by %d MiB", after-before)
	}
}

package dicom

import (
	"context"
	"os"
	"testing"
)

// BenchmarkSeries reads the series that GALEN_DICOM_SERIES names, as bench/dicom_peer.py asks, or a small one.
func BenchmarkSeries(b *testing.B) {
	dir := os.Getenv("GALEN_DICOM_SERIES")
	if dir == "" {
		dir = save(b, 40, nil)
	}
	sum := 0.0
	for b.Loop() {
		v, _, err := ReadVolume(context.Background(), dir)
		if err != nil {
			b.Fatal(err)
		}
		b.StopTimer()
		sum = 0
		for i := range v.Data.Len() {
			sum += v.Data.At(i)
		}
		b.StartTimer()
	}
	b.ReportMetric(sum, "checksum")
}

//go:build unix

package dicom_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"galen.dev/dicom"
	"galen.dev/dicom/codec"
)

// BenchmarkDecodeFrames decodes the frames of 512 x 512 that bench/codec_peer.py writes into the folder
// GALEN_CODEC_FRAMES. It reports the processor time too, which other programs on the machine disturb less.
func BenchmarkDecodeFrames(b *testing.B) {
	files, _ := filepath.Glob(filepath.Join(os.Getenv("GALEN_CODEC_FRAMES"), "*.frame"))
	if os.Getenv("GALEN_CODEC_FRAMES") == "" || len(files) == 0 {
		b.Skip("set GALEN_CODEC_FRAMES to a folder of frames: see bench/codec_peer.py")
	}
	for _, path := range files {
		stream, err := os.ReadFile(path)
		if err != nil {
			b.Fatal(err)
		}
		raw, err := os.ReadFile(strings.TrimSuffix(path, "frame") + "json")
		if err != nil {
			b.Fatal(err)
		}
		var meta struct {
			UID               string
			Allocated, Stored int
		}
		if err := json.Unmarshal(raw, &meta); err != nil {
			b.Fatal(err)
		}
		f := codec.Frame{Rows: 512, Columns: 512, SamplesPerPixel: 1, BitsAllocated: meta.Allocated, BitsStored: meta.Stored}
		b.Run(strings.TrimSuffix(filepath.Base(path), ".frame"), func(b *testing.B) {
			b.SetBytes(int64(f.Bytes()))
			start := processorTime(b)
			for b.Loop() {
				if _, err := dicom.DecodeFrame(meta.UID, stream, f); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric((processorTime(b)-start)*1e3/float64(b.N), "cpu-ms/op")
		})
	}
}

// processorTime is the seconds that the process has computed so far, the collector's work included.
func processorTime(b *testing.B) float64 {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return float64(u.Utime.Sec+u.Stime.Sec) + float64(u.Utime.Usec+u.Stime.Usec)/1e6
}

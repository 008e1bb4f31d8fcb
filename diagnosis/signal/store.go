package signal

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"os"

	"galen.dev/fault"
	"galen.dev/task"
)

// entry is one recording in a file of samples. Channels have rates of their own until preprocess.
type entry struct {
	Row     int       `json:"row"`     // 1-based row of the labels, or of the matrices one after the other
	Patient int       `json:"patient"` // numbered in order of appearance
	Labels  []string  `json:"labels"`
	Split   string    `json:"split,omitempty"` // train or test, where the data say
	Lengths []int     `json:"lengths"`         // samples of each channel
	Rates   []float64 `json:"rates,omitempty"` // of each channel, where they are not those of the index
	Offset  int64     `json:"offset"`          // of the first sample, in samples
}

func (e *entry) size() (n int) {
	for _, l := range e.Lengths {
		n += l
	}
	return n
}

// index is what collect leaves beside the samples; docs/format/signal.md describes it.
type index struct {
	Format   int       `json:"format"`
	Channels []channel `json:"channels"`
	Several  bool      `json:"several,omitempty"`
	Entries  []entry   `json:"entries"`
}

const indexFormat = 1

type channel struct {
	Name string  `json:"name"`
	Unit string  `json:"unit,omitempty"`
	Rate float64 `json:"rate"` // of the first recording
}

// sampleWriter writes float32, little endian, one recording after the other.
type sampleWriter struct {
	file io.WriteCloser
	buf  *bufio.Writer
	n    int64
}

func newSampleWriter(r *task.Run, name string) (*sampleWriter, error) {
	w, err := r.Create(name)
	if err != nil {
		return nil, err
	}
	return &sampleWriter{file: w, buf: bufio.NewWriterSize(w, 1<<16)}, nil
}

func (w *sampleWriter) write(x []float32) error {
	var b [4]byte
	for _, v := range x {
		binary.LittleEndian.PutUint32(b[:], math.Float32bits(v))
		if _, err := w.buf.Write(b[:]); err != nil {
			return err
		}
	}
	w.n += int64(len(x))
	return nil
}

func (w *sampleWriter) close() error {
	err := w.buf.Flush()
	if cerr := w.file.Close(); err == nil {
		err = cerr
	}
	return err
}

// sampleReader reads recordings that a sampleWriter wrote.
type sampleReader struct {
	file *os.File
	size int64
}

func openSamples(r *task.Run, step task.StepName, name string) (*sampleReader, error) {
	f, err := r.Open(step, name)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err != nil {
		f.Close()
		return nil, fault.Disk("reading samples", err)
	}
	return &sampleReader{f, info.Size() / 4}, nil
}

// read returns n samples from an offset on.
func (s *sampleReader) read(offset int64, n int) ([]float32, error) {
	if offset < 0 || n < 0 || offset > s.size-int64(n) {
		return nil, fault.Errorf(fault.Corrupt, "the file of samples holds %d, and %d from %d are asked for", s.size, n, offset)
	}
	b := make([]byte, 4*n)
	if _, err := s.file.ReadAt(b, 4*offset); err != nil {
		return nil, fmt.Errorf("reading samples: %w", err)
	}
	x := make([]float32, n)
	for i := range x {
		x[i] = math.Float32frombits(binary.LittleEndian.Uint32(b[4*i:]))
	}
	return x, nil
}

func (s *sampleReader) Close() error { return s.file.Close() }

package gunzip

import (
	"bytes"
	"compress/gzip"
	"io"
	"math/rand/v2"
	"testing"
	"testing/iotest"
)

// TestStoredBlocks: a stored block gives back the bytes that lie in the bits at hand, also where the input was moved in
// the meantime. Every flush of the writer ends in a stored block.
func TestStoredBlocks(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	var want, packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	for range 4000 {
		part := make([]byte, rng.IntN(40))
		for i := range part {
			part[i] = byte(rng.IntN(1 + rng.IntN(256)))
		}
		want.Write(part)
		if _, err := w.Write(part); err != nil {
			t.Fatal(err)
		}
		if err := w.Flush(); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	for name, wrap := range map[string]func(io.Reader) io.Reader{"whole": func(r io.Reader) io.Reader { return r }, "halves": iotest.HalfReader, "bytes": iotest.OneByteReader} {
		z, err := NewReader(wrap(bytes.NewReader(packed.Bytes())))
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(z)
		if err != nil || !bytes.Equal(got, want.Bytes()) {
			t.Errorf("%s: %d bytes, want %d: %v", name, len(got), want.Len(), err)
		}
	}
}

// TestCutWithin: a cut within a part of little redundancy, where stored and coded blocks take turns, is an error.
func TestCutWithin(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	part := make([]byte, 1<<18)
	for i := 0; i < len(part); i += 2 {
		v := int16(15 * rng.NormFloat64())
		part[i], part[i+1] = byte(v), byte(uint16(v)>>8)
	}
	for level := gzip.NoCompression; level <= gzip.BestCompression; level++ {
		whole := pack(t, part, level)
		for _, n := range []int{100, 1000, 4096, 65536, 65537, 70000} {
			if n < len(whole) {
				if _, err := unpack(whole[:n]); err != io.ErrUnexpectedEOF {
					t.Errorf("level %d, cut at %d: %v", level, n, err)
				}
			}
		}
	}
}

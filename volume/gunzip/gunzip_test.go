package gunzip

import (
	"bytes"
	"compress/gzip"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"testing/iotest"
)

// samples are bytes of several kinds.
func samples() map[string][]byte {
	r := rand.New(rand.NewPCG(1, 2))
	noise, steps, words := make([]byte, 700_000), make([]byte, 900_000), []byte{}
	for i := range noise {
		noise[i] = byte(r.Uint32())
	}
	v := int16(0)
	for i := 0; i < len(steps); i += 2 {
		v += int16(r.IntN(41) - 20)
		steps[i], steps[i+1] = byte(v), byte(v>>8)
	}
	for len(words) < 1<<20 {
		words = append(words, []string{"slice ", "voxel ", "affine ", "of ", "the "}[r.IntN(5)]...)
	}
	skew := make([]byte, 300_000) // makes long codes
	for i := range skew {
		skew[i] = byte(min(r.ExpFloat64()*20, 255))
	}
	return map[string][]byte{"empty": {}, "one": {7}, "zeros": make([]byte, 3<<20), "noise": noise, "steps": steps, "words": words, "skew": skew}
}

func pack(t testing.TB, b []byte, level int) []byte {
	t.Helper()
	var out bytes.Buffer
	z, err := gzip.NewWriterLevel(&out, level)
	if err != nil {
		t.Fatal(err)
	}
	z.Name, z.Comment, z.Extra = "a", "b", []byte("c")
	if _, err := z.Write(b); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func unpack(b []byte) ([]byte, error) {
	z, err := NewReader(bytes.NewReader(b))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(z)
}

func TestUnpacksWhatOthersPack(t *testing.T) {
	for name, b := range samples() {
		for _, level := range []int{gzip.HuffmanOnly, 0, 1, 6, 9} {
			packed := pack(t, b, level)
			got, err := unpack(packed)
			if err != nil || !bytes.Equal(got, b) {
				t.Errorf("%s, level %d: %v", name, level, err)
			}
			z, err := NewReader(iotest.OneByteReader(bytes.NewReader(packed)))
			if err != nil {
				t.Fatal(err)
			}
			if got, err := io.ReadAll(z); err != nil || !bytes.Equal(got, b) {
				t.Errorf("%s, level %d, byte by byte: %v", name, level, err)
			}
		}
	}
	two := append(pack(t, []byte("first, "), 6), pack(t, []byte("second"), 0)...)
	if got, err := unpack(append(two, 0, 0, 0)); err != nil || string(got) != "first, second" {
		t.Errorf("two members: %q, %v", got, err)
	}
}

func TestEveryCutIsFound(t *testing.T) {
	for name, b := range samples() {
		packed := pack(t, b[:min(len(b), 1200)], 6)
		for n := range packed {
			if _, err := unpack(packed[:n]); err != io.ErrUnexpectedEOF {
				t.Fatalf("%s: cut after %d of %d: %v", name, n, len(packed), err)
			}
		}
	}
	b := samples()["steps"]
	packed := pack(t, b, 6)
	for _, at := range []int{len(packed) - 1, len(packed) - 5, len(packed) / 2, 200} {
		bad := bytes.Clone(packed)
		bad[at] ^= 4
		if _, err := unpack(bad); err == nil {
			t.Errorf("a changed byte at %d is not found", at)
		}
	}
	if _, err := unpack(append(packed, "garbage behind"...)); err != ErrFormat {
		t.Errorf("garbage behind: %v", err)
	}
	failing := io.MultiReader(bytes.NewReader(packed[:5000]), iotest.ErrReader(io.ErrClosedPipe))
	if z, err := NewReader(failing); err == nil {
		if _, err = io.ReadAll(z); err != io.ErrClosedPipe {
			t.Errorf("a failing source: %v", err)
		}
	}
}

// FuzzAgrees holds the reader to the standard library's: the same bytes, or both an error.
func FuzzAgrees(f *testing.F) {
	for _, b := range samples() {
		for _, level := range []int{gzip.HuffmanOnly, 0, 1, 9} {
			f.Add(pack(f, b[:min(len(b), 3000)], level))
		}
	}
	files, _ := filepath.Glob("../../nifti/testdata/*.gz")
	for _, name := range files {
		b, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		got, err := unpack(b)
		var want []byte
		z, wrong := gzip.NewReader(bytes.NewReader(b))
		if wrong == nil {
			want, wrong = io.ReadAll(z)
		}
		if err == nil && wrong != nil && wrong != gzip.ErrHeader {
			t.Fatalf("unpacked what the standard library refuses: %v", wrong)
		}
		if err != nil && wrong == nil {
			t.Fatalf("refused what the standard library unpacks: %v", err)
		}
		if err == nil && wrong == nil && !bytes.Equal(got, want) {
			t.Fatal("unpacked to other bytes")
		}
	})
}

func BenchmarkUnpack(b *testing.B) {
	data := samples()["steps"]
	packed := pack(b, data, 6)
	b.SetBytes(int64(len(data)))
	out := make([]byte, len(data))
	for b.Loop() {
		z, err := NewReader(bytes.NewReader(packed))
		if err != nil {
			b.Fatal(err)
		}
		if _, err := io.ReadFull(z, out); err != nil {
			b.Fatal(err)
		}
	}
}

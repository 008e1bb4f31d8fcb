// Package synth generates data for the demo, for examples and for tests: made-up images and cells, intensive-care stays
// and coded visits. No patient is behind any of it, and whatever shows it says "synthetic".
//
// Everything is drawn from a fixed seed: the same version gives the same numbers everywhere. The bytes of compressed
// files may differ between versions of Go.
//
// The sets are made to be learnable in seconds and not to be perfect: classes overlap, so that calibration and
// abstention have something to show. A figure measured on them says that the program works, and nothing else.
package synth

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"strings"
)

func stream(kind, index uint64) *rand.Rand { return rand.New(rand.NewPCG(kind, index)) }

// array is a NumPy array of bytes.
type array struct {
	name  string
	shape []int
	data  []byte
}

// npz writes arrays as NumPy's archive of .npy files, format 1.0.
func npz(arrays []array) []byte {
	var out bytes.Buffer
	z := zip.NewWriter(&out)
	for _, a := range arrays {
		w, err := z.Create(a.name + ".npy")
		if err != nil {
			panic("synth: " + err.Error()) // memory only
		}
		shape := strings.Trim(strings.Join(strings.Fields(fmt.Sprint(a.shape)), ", "), "[]")
		head := fmt.Sprintf("{'descr': '|u1', 'fortran_order': False, 'shape': (%s,), }", shape)
		head += strings.Repeat(" ", 63-(10+len(head))%64) + "\n"
		b := append([]byte("\x93NUMPY\x01\x00"), binary.LittleEndian.AppendUint16(nil, uint16(len(head)))...)
		b = append(append(b, head...), a.data...)
		if _, err := w.Write(b); err != nil {
			panic("synth: " + err.Error())
		}
	}
	if err := z.Close(); err != nil {
		panic("synth: " + err.Error())
	}
	return out.Bytes()
}

func clip(v float64) byte {
	return byte(min(max(v, 0), 255) + .5)
}

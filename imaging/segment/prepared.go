package segment

import (
	"bufio"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"hash"
	"io"
	"math"
	"os"

	"galen.dev/fault"
	"galen.dev/imaging/plan"
	"galen.dev/imaging/tile"
	"galen.dev/internal/cpu"
)

// Prepared images lie one after the other in one file, so that training reads patches of any of them without holding
// more than those patches. docs/format/segment.md describes it.
const (
	preparedFile = "prepared.bin"
	indexFile    = "prepared.json"
)

// entry says where a prepared case lies.
type entry struct {
	Case   int          `json:"case"` // place in the collection
	Dims   [3]int       `json:"dims"` // depth, height, width
	Offset int64        `json:"offset"`
	Class  []tile.Class `json:"classes,omitempty"` // voxels of each class, for sampling
}

// index is all prepared cases.
type index struct {
	Channels int     `json:"channels"`
	Sum      string  `json:"sha256"` // of the file of values
	Entries  []entry `json:"entries"`
}

func (e *entry) voxels() int { return e.Dims[0] * e.Dims[1] * e.Dims[2] }

// preparedWriter writes cases one by one: the values as float32, then the classes as bytes.
type preparedWriter struct {
	w     *bufio.Writer
	sum   hash.Hash
	at    int64
	index index
	most  int // voxels of each class that are kept for sampling
	seed  uint64
}

// keptVoxels bounds the places of classes that are held for all cases together.
const keptVoxels = 1 << 21

func newPreparedWriter(w io.Writer, channels, cases, classes int, seed uint64) *preparedWriter {
	most := min(10000, max(64, keptVoxels/max(1, cases*classes)))
	sum := sha256.New()
	return &preparedWriter{w: bufio.NewWriterSize(io.MultiWriter(w, sum), 1<<20), sum: sum, index: index{Channels: channels}, most: most, seed: seed}
}

func (w *preparedWriter) add(number int, p *plan.Prepared, classes []uint8) error {
	e := entry{Case: number, Dims: p.Dims, Offset: w.at, Class: tile.Locate(classes, 0, w.most, w.seed+uint64(number))}
	var scratch [1 << 14]byte
	for from := 0; from < len(p.Values); from += len(scratch) / 4 {
		part := p.Values[from:min(from+len(scratch)/4, len(p.Values))]
		for i, v := range part {
			binary.LittleEndian.PutUint32(scratch[4*i:], math.Float32bits(v))
		}
		if _, err := w.w.Write(scratch[:4*len(part)]); err != nil {
			return err
		}
	}
	if _, err := w.w.Write(classes); err != nil {
		return err
	}
	w.at += int64(4*len(p.Values) + len(classes))
	w.index.Entries = append(w.index.Entries, e)
	return nil
}

// finish ends the file and returns its index.
func (w *preparedWriter) finish() (*index, error) {
	err := w.w.Flush()
	w.index.Sum = hex.EncodeToString(w.sum.Sum(nil))
	return &w.index, err
}

// preparedReader reads patches. Several goroutines may use it.
type preparedReader struct {
	index
	file *os.File
}

func openPrepared(file *os.File, text []byte) (*preparedReader, error) {
	r := &preparedReader{file: file}
	if err := json.Unmarshal(text, &r.index); err != nil {
		return nil, fault.Errorf(fault.Corrupt, "reading %s: %w", indexFile, err)
	}
	info, err := file.Stat()
	if err != nil {
		return nil, fault.Disk("reading prepared images", err)
	}
	at := int64(0)
	for i := range r.Entries {
		e := &r.Entries[i]
		if e.Dims[0] < 1 || e.Dims[1] < 1 || e.Dims[2] < 1 || e.Offset != at {
			return nil, fault.Errorf(fault.Corrupt, "reading %s: entry %d does not follow the one before", indexFile, i)
		}
		at += int64(e.voxels()) * int64(4*r.Channels+1)
	}
	if at != info.Size() {
		return nil, fault.Errorf(fault.Corrupt, "reading %s: %d bytes, not the %d that the index promises", preparedFile, info.Size(), at)
	}
	return r, nil
}

// patch reads a box of a case, which may reach beyond it: there, values and classes are 0. values is (box, channels),
// classes (box).
func (r *preparedReader) patch(i int, from, size [3]int, values []float32, classes []uint8) error {
	e := &r.Entries[i]
	clear(values)
	clear(classes)
	x0, x1 := max(from[2], 0), min(from[2]+size[2], e.Dims[2])
	if x1 <= x0 {
		return nil
	}
	n := x1 - x0
	row := make([]byte, n*r.Channels*4)
	labels := e.Offset + int64(4*e.voxels()*r.Channels)
	for z := range size[0] {
		for y := range size[1] {
			iz, iy := from[0]+z, from[1]+y
			if iz < 0 || iz >= e.Dims[0] || iy < 0 || iy >= e.Dims[1] {
				continue
			}
			at := int64((iz*e.Dims[1]+iy)*e.Dims[2] + x0)
			to := (z*size[1]+y)*size[2] + x0 - from[2]
			if _, err := r.file.ReadAt(row, e.Offset+at*int64(4*r.Channels)); err != nil {
				return fault.Disk(fmt.Sprintf("reading prepared case %d", i+1), err)
			}
			dst := values[to*r.Channels:]
			for k := range n * r.Channels {
				dst[k] = math.Float32frombits(binary.LittleEndian.Uint32(row[4*k:]))
			}
			if _, err := r.file.ReadAt(classes[to:to+n], labels+at); err != nil {
				return fault.Disk(fmt.Sprintf("reading prepared case %d", i+1), err)
			}
		}
	}
	return nil
}

// classesOf maps labels to classes of the network: 0 for background, then the plan's classes in order; in border mode
// 1 inside an instance and 2 on its border. Labels that are no class have been refused before.
func classesOf(p *plan.Plan, labels []uint16, dims [3]int, border bool) []uint8 {
	out := make([]uint8, len(labels))
	if border {
		borders(labels, dims, out)
		return out
	}
	var table [1 << 16]uint8
	for k, c := range p.Classes {
		table[c.Value] = uint8(k + 1)
	}
	for i, v := range labels {
		out[i] = table[v]
	}
	return out
}

// borders marks instances: 1 inside, 2 where a face neighbour within the image is not of the instance.
func borders(labels []uint16, dims [3]int, out []uint8) {
	plane, width := dims[1]*dims[2], dims[2]
	cpu.Do(dims[0], func(_, z int) {
		for y := range dims[1] {
			for x := range width {
				i := z*plane + y*width + x
				v := labels[i]
				if v == 0 {
					continue
				}
				out[i] = 1
				if x > 0 && labels[i-1] != v || x+1 < width && labels[i+1] != v ||
					y > 0 && labels[i-width] != v || y+1 < dims[1] && labels[i+width] != v ||
					z > 0 && labels[i-plane] != v || z+1 < dims[0] && labels[i+plane] != v {
					out[i] = 2
				}
			}
		}
	})
}

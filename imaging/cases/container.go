package cases

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"sync"

	"galen.dev/fault"
	"galen.dev/volume"
)

// Names of the container's files.
const (
	CollectionFile = "collection.json"
	RecordsFile    = "cases.jsonl"
)

const (
	containerFormat = 1
	// shardBytes is when a file of voxels is full: many small images share one, and large ones have one each.
	shardBytes = 64 << 20
)

func shardName(k int) string { return fmt.Sprintf("voxels-%05d.bin", k) }

// Block is where voxels lie and what they are.
type Block struct {
	Shard  int   `json:"shard"`
	Offset int64 `json:"offset"`

	Type     volume.Type   `json:"type"`
	Dims     [3]int        `json:"dims"`
	Channels int           `json:"channels,omitempty"` // 0 stands for 1
	Times    int           `json:"times,omitempty"`    // 0 stands for 1
	Affine   volume.Affine `json:"affine"`
	Slope    float64       `json:"slope,omitempty"` // 0 stands for 1
	Inter    float64       `json:"inter,omitempty"`
	Modality string        `json:"modality,omitempty"`
	Unit     volume.Unit   `json:"unit,omitempty"`
	TimeStep float64       `json:"time_step,omitempty"`
}

func (b *Block) geometry() volume.Geometry { return volume.Geometry{Dims: b.Dims, Affine: b.Affine} }

func (b *Block) values() int {
	return b.Dims[0] * b.Dims[1] * b.Dims[2] * max(b.Channels, 1) * max(b.Times, 1)
}

// check refuses what no container that this package wrote can hold.
func (b *Block) check() error {
	ok := b.Shard >= 0 && b.Offset >= 0 && b.Type >= volume.Uint8 && b.Type <= volume.Float64 && b.Channels >= 0 && b.Times >= 0
	n := int64(1)
	for _, d := range []int{b.Dims[0], b.Dims[1], b.Dims[2], max(b.Channels, 1), max(b.Times, 1)} {
		if d < 1 || n > volume.MaxVoxels/int64(d) {
			ok = false
			break
		}
		n *= int64(d)
	}
	if !ok || !b.Affine.IsFinite() {
		return fault.Errorf(fault.Corrupt, "a case's sizes or place cannot be")
	}
	return nil
}

// writer fills a container.
type writer struct {
	create func(name string) (io.WriteCloser, error)
	shard  int
	offset int64
	out    io.WriteCloser
	buffer *bufio.Writer
}

// write appends values and returns where they lie.
func (w *writer) write(ctx context.Context, d volume.Data) (shard int, offset int64, err error) {
	if w.out == nil || w.offset >= shardBytes {
		if err := w.next(); err != nil {
			return 0, 0, err
		}
	}
	offset = w.offset
	if err := volume.WriteData(ctx, w.buffer, d, binary.LittleEndian); err != nil {
		return 0, 0, err
	}
	w.offset += int64(d.Len()) * int64(d.Type().Size())
	return w.shard, offset, nil
}

func (w *writer) next() error {
	if w.out != nil {
		if err := w.close(); err != nil {
			return err
		}
		w.shard++
	}
	out, err := w.create(shardName(w.shard))
	if err != nil {
		return err
	}
	w.out, w.offset, w.buffer = out, 0, bufio.NewWriterSize(out, 1<<16)
	return nil
}

func (w *writer) close() error {
	if w.out == nil {
		return nil
	}
	err := w.buffer.Flush()
	if e := w.out.Close(); err == nil {
		err = e
	}
	w.out = nil
	return err
}

// add writes a case and completes its record.
func (w *writer) add(ctx context.Context, rec *Record, v *volume.Volume, m *volume.LabelMap) error {
	var err error
	rec.Image = Block{
		Type: v.Data.Type(), Dims: v.Dims, Channels: v.NumChannels(), Times: v.NumTimes(), Affine: v.Affine,
		Slope: v.Slope, Inter: v.Inter, Modality: v.Modality, Unit: v.Unit, TimeStep: v.TimeStep,
	}
	if rec.Image.Shard, rec.Image.Offset, err = w.write(ctx, v.Data); err != nil || m == nil {
		return err
	}
	rec.Mask = &Block{Type: m.Data.Type(), Dims: m.Dims, Affine: m.Affine}
	rec.Mask.Shard, rec.Mask.Offset, err = w.write(ctx, m.Data)
	return err
}

// finish writes what is not voxels.
func (w *writer) finish(c *Collection) error {
	if err := w.close(); err != nil {
		return err
	}
	c.Format = containerFormat
	head, err := json.MarshalIndent(c, "", "  ")
	if err != nil {
		return err
	}
	if err := w.file(CollectionFile, append(head, '\n')); err != nil {
		return err
	}
	var lines bytes.Buffer
	enc := json.NewEncoder(&lines)
	enc.SetEscapeHTML(false)
	for i := range c.Records {
		if err := enc.Encode(&c.Records[i]); err != nil {
			return err
		}
	}
	return w.file(RecordsFile, lines.Bytes())
}

func (w *writer) file(name string, data []byte) error {
	out, err := w.create(name)
	if err != nil {
		return err
	}
	if _, err := out.Write(data); err != nil {
		out.Close()
		return err
	}
	return out.Close()
}

// Container reads the cases of a collection, in any order. Several goroutines may use it.
type Container struct {
	*Collection

	open   func(name string) (*os.File, error)
	mu     sync.Mutex
	shards map[int]*os.File
	order  []int // open shards, the longest unused first
	paths  map[int]string
}

// maxOpen is how many files of voxels are open at once.
const maxOpen = 64

// Open opens a container. open gives its files by name, checked; it is called once for each.
func Open(open func(name string) (*os.File, error)) (*Container, error) {
	c := &Container{Collection: new(Collection), open: open, shards: map[int]*os.File{}, paths: map[int]string{}}
	head, err := open(CollectionFile)
	if err != nil {
		return nil, err
	}
	defer head.Close()
	if err := json.NewDecoder(head).Decode(c.Collection); err != nil {
		return nil, fault.Errorf(fault.Corrupt, "reading %s: %w", CollectionFile, err)
	}
	if c.Format != containerFormat {
		return nil, fault.Errorf(fault.Corrupt, "the cases are of format %d, and this Galen reads format %d", c.Format, containerFormat)
	}
	lines, err := open(RecordsFile)
	if err != nil {
		return nil, err
	}
	defer lines.Close()
	c.Records, err = readRecords(lines, len(c.Names))
	return c, err
}

// readRecords reads the lines of cases and refuses what cannot be.
func readRecords(r io.Reader, names int) ([]Record, error) {
	var out []Record
	dec := json.NewDecoder(bufio.NewReader(r))
	for {
		var rec Record
		err := dec.Decode(&rec)
		if err == io.EOF {
			return out, nil
		}
		if err != nil {
			return nil, fault.Errorf(fault.Corrupt, "reading %s: %w", RecordsFile, err)
		}
		err = rec.Image.check()
		if err == nil && rec.Mask != nil {
			if err = rec.Mask.check(); err == nil && rec.Mask.Type != volume.Uint8 && rec.Mask.Type != volume.Uint16 {
				err = fault.Errorf(fault.Corrupt, "a mask is of another type")
			}
		}
		if err == nil && (rec.Class < -1 || rec.Class >= max(names, 1) || rec.Patient < 0 || len(rec.Labels) > 0 && len(rec.Labels) != names) {
			err = fault.Errorf(fault.Corrupt, "a case's class, labels or patient cannot be")
		}
		if err != nil {
			return nil, fmt.Errorf("reading %s: line %d: %w", RecordsFile, len(out)+1, err)
		}
		out = append(out, rec)
	}
}

// Close closes the files of voxels.
func (c *Container) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	var first error
	for _, f := range c.shards {
		if err := f.Close(); err != nil && first == nil {
			first = err
		}
	}
	clear(c.shards)
	c.order = nil
	return first
}

// Case reads one case.
func (c *Container) Case(ctx context.Context, i int) (*Case, error) {
	v, err := c.Image(ctx, i)
	if err != nil {
		return nil, err
	}
	m, err := c.Mask(ctx, i)
	if err != nil {
		return nil, err
	}
	return &Case{Record: &c.Records[i], Image: v, Mask: m}, nil
}

// Image reads the image of a case.
func (c *Container) Image(ctx context.Context, i int) (*volume.Volume, error) {
	b := &c.Records[i].Image
	d, err := c.read(ctx, b)
	if err != nil {
		return nil, err
	}
	return &volume.Volume{
		Geometry: b.geometry(), Channels: b.Channels, Times: b.Times, Data: d, Slope: b.Slope, Inter: b.Inter,
		Modality: b.Modality, Unit: b.Unit, TimeStep: b.TimeStep,
	}, nil
}

// Mask reads the label map of a case, nil where it has none.
func (c *Container) Mask(ctx context.Context, i int) (*volume.LabelMap, error) {
	b := c.Records[i].Mask
	if b == nil {
		return nil, nil
	}
	d, err := c.read(ctx, b)
	if err != nil {
		return nil, err
	}
	return &volume.LabelMap{Geometry: b.geometry(), Data: d, Labels: c.Regions}, nil
}

func (c *Container) read(ctx context.Context, b *Block) (volume.Data, error) {
	c.mu.Lock()
	defer c.mu.Unlock() // also while reading: a file that is read must not be closed to make place for another
	f, err := c.file(b.Shard)
	if err != nil {
		return nil, err
	}
	n := b.values()
	info, err := f.Stat()
	if err != nil {
		return nil, fault.Disk("reading cases", err)
	}
	size := int64(n) * int64(b.Type.Size())
	if b.Offset > info.Size() || size > info.Size()-b.Offset {
		return nil, fault.Errorf(fault.Corrupt, "reading cases: %s is too short", shardName(b.Shard))
	}
	d, _, err := volume.ReadData(ctx, io.NewSectionReader(f, b.Offset, size), b.Type, n, binary.LittleEndian, true)
	if err != nil && ctx.Err() == nil {
		err = fault.Disk("reading cases", err)
	}
	return d, err
}

// file returns a shard's file, open. The caller holds the lock.
func (c *Container) file(k int) (*os.File, error) {
	for i, o := range c.order {
		if o == k {
			c.order = append(append(c.order[:i], c.order[i+1:]...), k)
			return c.shards[k], nil
		}
	}
	if len(c.order) >= maxOpen {
		old := c.order[0]
		if err := c.shards[old].Close(); err != nil {
			return nil, fault.Disk("reading cases", err)
		}
		delete(c.shards, old)
		c.order = c.order[1:]
	}
	var f *os.File
	var err error
	if path, seen := c.paths[k]; seen { // its hash was checked when it was first opened
		f, err = os.Open(path)
	} else {
		f, err = c.open(shardName(k))
	}
	if err != nil {
		return nil, err
	}
	c.paths[k], c.shards[k], c.order = f.Name(), f, append(c.order, k)
	return f, nil
}

// fingerprint is a hash of an image's voxels and grid: equal for copies of one image, whatever their files are.
func fingerprint(ctx context.Context, v *volume.Volume) (string, error) {
	h := sha256.New()
	fmt.Fprintf(h, "%v %d %d %d\n", v.Dims, v.NumChannels(), v.NumTimes(), v.Data.Type())
	if err := volume.WriteData(ctx, h, v.Data, binary.LittleEndian); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)[:16]), nil
}

package event

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"hash/crc32"
	"io"
	"math"

	"galen.dev/fault"
)

// magic begins and ends a set; docs/format/events.md describes the file.
const magic = "GALENEV1"

// Writer writes a set, stay by stay. It keeps eight bytes of memory for each.
type Writer struct {
	w       *bufio.Writer
	words   *Vocabulary
	at      int64
	offsets []int64
	buf     []byte
	err     error
}

// NewWriter begins a set. words may grow until Close.
func NewWriter(w io.Writer, words *Vocabulary) *Writer {
	out := &Writer{w: bufio.NewWriterSize(w, 1<<16), words: words}
	out.write([]byte(magic))
	return out
}

func (w *Writer) write(p []byte) {
	if w.err == nil {
		_, w.err = w.w.Write(p)
		w.at += int64(len(p))
	}
}

// Add writes one stay, whose events are sorted.
func (w *Writer) Add(s *Stay) error {
	w.offsets = append(w.offsets, w.at)
	b := w.buf[:0]
	for _, text := range []string{s.ID, s.Patient, s.Part, s.File} {
		b = append(binary.AppendUvarint(b, uint64(len(text))), text...)
	}
	b = binary.LittleEndian.AppendUint64(b, uint64(s.Start))
	b = binary.LittleEndian.AppendUint64(b, uint64(s.End))
	b = binary.AppendUvarint(b, uint64(len(s.Facts)))
	for _, f := range s.Facts {
		b = binary.LittleEndian.AppendUint64(binary.AppendUvarint(b, uint64(f.Code)), math.Float64bits(f.Value))
	}
	b = binary.AppendUvarint(b, uint64(len(s.Events)))
	var at, row int64
	for i, e := range s.Events {
		if i > 0 && e.At < s.Events[i-1].At {
			panic("event: events are not sorted")
		}
		// Bits 0 and 1 of the head tell how the value is written, bit 2 whether there is no time.
		head, single := uint64(2), float32(e.Value)
		switch {
		case math.IsNaN(e.Value):
			head = 0
		case float64(single) == e.Value:
			head = 1
		}
		if e.At == NoTime {
			head |= 4
		}
		b = binary.AppendUvarint(b, head|uint64(e.Code)<<3)
		b = binary.AppendUvarint(b, uint64(e.Unit))
		b = binary.AppendVarint(b, e.Row-row)
		row = e.Row
		if e.At != NoTime {
			b = binary.AppendVarint(b, e.At-at)
			at = e.At
		}
		switch head & 3 {
		case 1:
			b = binary.LittleEndian.AppendUint32(b, math.Float32bits(single))
		case 2:
			b = binary.LittleEndian.AppendUint64(b, math.Float64bits(e.Value))
		}
	}
	w.buf = b
	w.write(binary.AppendUvarint(nil, uint64(len(b))))
	w.write(b)
	w.write(binary.LittleEndian.AppendUint32(nil, crc32.ChecksumIEEE(b)))
	return w.err
}

// Close writes the vocabulary and the index. It does not close the writer below.
func (w *Writer) Close() error {
	words, err := json.Marshal(w.words)
	if err != nil {
		return err
	}
	begin := w.at
	w.write(words)
	table := w.at
	for _, o := range w.offsets {
		w.write(binary.LittleEndian.AppendUint64(nil, uint64(o)))
	}
	tail := binary.LittleEndian.AppendUint64(nil, uint64(begin))
	tail = binary.LittleEndian.AppendUint64(tail, uint64(table))
	tail = binary.LittleEndian.AppendUint64(tail, uint64(len(w.offsets)))
	w.write(append(tail, magic...))
	if w.err == nil {
		w.err = w.w.Flush()
	}
	return w.err
}

// Reader reads stays of a set by their number. It may be used by several goroutines, each with a Stay of its own.
type Reader struct {
	Vocabulary
	r       io.ReaderAt
	offsets []int64
	end     int64 // of the stays
}

// Open reads the vocabulary and the index of a set. Errors are of kind fault.Corrupt.
func Open(r io.ReaderAt, size int64) (*Reader, error) {
	wrong := func() (*Reader, error) {
		return nil, fault.Errorf(fault.Corrupt, "it is no whole set of events")
	}
	const tail = int64(24 + len(magic))
	if size < int64(len(magic))+tail {
		return wrong()
	}
	var t [tail]byte
	if _, err := r.ReadAt(t[:], size-tail); err != nil {
		return nil, err
	}
	begin, table, n := int64(binary.LittleEndian.Uint64(t[:])), int64(binary.LittleEndian.Uint64(t[8:])), int64(binary.LittleEndian.Uint64(t[16:]))
	if string(t[24:]) != magic || begin < int64(len(magic)) || table < begin || table > size-tail || n < 0 || n > size || table+8*n != size-tail {
		return wrong()
	}
	text := make([]byte, size-tail-begin)
	if _, err := r.ReadAt(text, begin); err != nil {
		return nil, err
	}
	out := &Reader{r: r, offsets: make([]int64, n), end: begin}
	if err := json.Unmarshal(text[:table-begin], &out.Vocabulary); err != nil || len(out.Units) == 0 {
		return wrong()
	}
	for i := range out.offsets {
		o := int64(binary.LittleEndian.Uint64(text[table-begin+8*int64(i):]))
		if o < int64(len(magic)) || o >= begin || i > 0 && o <= out.offsets[i-1] {
			return wrong()
		}
		out.offsets[i] = o
	}
	if len(out.Codes) > 0 {
		out.Code(out.Codes[0]) // builds the index, so that readers side by side only read it
	}
	return out, nil
}

// Len is the number of stays.
func (r *Reader) Len() int { return len(r.offsets) }

// Read reads the i-th stay into s, whose memory it reuses.
func (r *Reader) Read(i int, s *Stay) error {
	begin, end := r.offsets[i], r.end
	if i+1 < len(r.offsets) {
		end = r.offsets[i+1]
	}
	block := make([]byte, end-begin)
	if _, err := r.r.ReadAt(block, begin); err != nil {
		return err
	}
	n, k := binary.Uvarint(block)
	if k <= 0 || n > uint64(len(block)) || uint64(len(block)) != uint64(k)+n+4 {
		return r.damaged(i)
	}
	body := block[k : uint64(k)+n]
	if crc32.ChecksumIEEE(body) != binary.LittleEndian.Uint32(block[uint64(k)+n:]) {
		return r.damaged(i)
	}
	d := decoder{b: body}
	d.stay(s, len(r.Codes), len(r.Units))
	if d.bad || len(d.b) > 0 {
		return r.damaged(i)
	}
	return nil
}

func (r *Reader) damaged(i int) error {
	return fault.Errorf(fault.Corrupt, "stay %d of the set is damaged", i+1)
}

type decoder struct {
	b   []byte
	bad bool
}

func (d *decoder) uvarint() uint64 {
	v, n := binary.Uvarint(d.b)
	if n <= 0 {
		d.bad, d.b = true, nil
		return 0
	}
	d.b = d.b[n:]
	return v
}

func (d *decoder) varint() int64 {
	v, n := binary.Varint(d.b)
	if n <= 0 {
		d.bad, d.b = true, nil
		return 0
	}
	d.b = d.b[n:]
	return v
}

func (d *decoder) take(n uint64) []byte {
	if n > uint64(len(d.b)) {
		d.bad, d.b = true, nil
		return make([]byte, min(n, 8))
	}
	p := d.b[:n]
	d.b = d.b[n:]
	return p
}

func (d *decoder) text() string { return string(d.take(d.uvarint())) }

func (d *decoder) uint64() uint64 { return binary.LittleEndian.Uint64(d.take(8)) }

func (d *decoder) below(n int) int32 {
	v := d.uvarint()
	if v >= uint64(n) {
		d.bad = true
		return 0
	}
	return int32(v)
}

func (d *decoder) stay(s *Stay, codes, units int) {
	s.ID, s.Patient, s.Part, s.File = d.text(), d.text(), d.text(), d.text()
	s.Start, s.End = int64(d.uint64()), int64(d.uint64())
	s.Facts, s.Events = s.Facts[:0], s.Events[:0]
	for n := d.uvarint(); n > 0 && !d.bad; n-- {
		s.Facts = append(s.Facts, Fact{Code: d.below(codes), Value: math.Float64frombits(d.uint64())})
	}
	var at, row int64
	for n := d.uvarint(); n > 0 && !d.bad; n-- {
		head := d.uvarint()
		if head>>3 >= uint64(codes) || head&3 == 3 {
			d.bad = true
			return
		}
		e := Event{Code: int32(head >> 3), Unit: d.below(units), At: NoTime, Value: math.NaN()}
		row += d.varint()
		e.Row = row
		if head&4 == 0 {
			at += d.varint()
			e.At = at
		}
		switch head & 3 {
		case 1:
			e.Value = float64(math.Float32frombits(binary.LittleEndian.Uint32(d.take(4))))
		case 2:
			e.Value = math.Float64frombits(d.uint64())
		}
		s.Events = append(s.Events, e)
	}
}

// Package gunzip unpacks gzip fast, because unpacking is most of the time that reading a packed image takes.
//
// It looks at 64 bits at a time, takes whole symbols with their extra bits from one table entry, and copies eight
// bytes at a time. Checksums are always held. Start with NewReader; inflate.go has the loop. Sources: RFC 1951,
// RFC 1952; the plan of the loop is that of Giesen ("Reading bits in far too many ways", 2018) and of libdeflate.
package gunzip

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"
)

// Errors of damaged data. Data that end early give io.ErrUnexpectedEOF.
var (
	ErrFormat   = errors.New("no gzip data")
	ErrPacked   = errors.New("the packed data are damaged")
	ErrChecksum = errors.New("the checksum differs")
)

// Reader unpacks one or more gzip members that follow each other. Zeros behind the last are passed over, as other
// programs do. It reads ahead.
type Reader struct {
	inflater
	given  int // bytes of out that Read has handed on
	crc    uint32
	size   uint32
	member bool // inside one
	err    error
}

// NewReader begins to unpack r, and reads the header of the first member.
func NewReader(r io.Reader) (*Reader, error) {
	z := &Reader{}
	z.r = r
	z.in = make([]byte, inSize+slack)
	z.out = make([]byte, history+outSize+slack)
	if err := z.header(); err != nil {
		if err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
		return nil, err
	}
	return z, nil
}

// Read implements io.Reader.
func (z *Reader) Read(p []byte) (int, error) {
	for z.given == z.n {
		if z.err != nil {
			return 0, z.err
		}
		z.err = z.more()
	}
	n := copy(p, z.out[z.given:z.n])
	z.given += n
	return n, nil
}

// more unpacks the next part, or goes to the next member.
func (z *Reader) more() error {
	if !z.member {
		return z.header()
	}
	if z.n > history {
		copy(z.out, z.out[z.n-history:z.n])
		z.n, z.given = history, history
	}
	from := z.n
	err := z.inflate()
	z.crc = crc32.Update(z.crc, crc32.IEEETable, z.out[from:z.n])
	z.size += uint32(z.n - from)
	if err != nil {
		z.n = from // what a damaged part became is not handed on
		return err
	}
	if !z.finished {
		return nil
	}
	z.align()
	tail := make([]byte, 8)
	for i := range tail {
		b, err := z.byte()
		if err != nil {
			return noEnd(err)
		}
		tail[i] = b
	}
	if binary.LittleEndian.Uint32(tail) != z.crc || binary.LittleEndian.Uint32(tail[4:]) != z.size {
		return ErrChecksum
	}
	z.member = false
	return nil
}

func noEnd(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

// header reads that of a member; io.EOF says that there is none.
func (z *Reader) header() error {
	first, err := z.byte()
	for ; err == nil && first == 0 && z.begun; first, err = z.byte() {
	}
	if err != nil {
		return err
	}
	var h [9]byte
	for i := range h {
		if h[i], err = z.byte(); err != nil {
			return noEnd(err)
		}
	}
	flags := h[2]
	if first != 0x1f || h[0] != 0x8b || h[1] != 8 || flags&0xe0 != 0 {
		return ErrFormat
	}
	skip := 0
	if flags&4 != 0 { // extra
		lo, err1 := z.byte()
		hi, err2 := z.byte()
		if err := errors.Join(err1, err2); err != nil {
			return io.ErrUnexpectedEOF
		}
		skip = int(lo) | int(hi)<<8
	}
	for range skip {
		if _, err := z.byte(); err != nil {
			return noEnd(err)
		}
	}
	for _, flag := range []byte{8, 16} { // name, comment
		for flags&flag != 0 {
			b, err := z.byte()
			if err != nil {
				return noEnd(err)
			}
			if b == 0 {
				break
			}
		}
	}
	if flags&2 != 0 { // a checksum of the header, which nobody writes
		for range 2 {
			if _, err := z.byte(); err != nil {
				return noEnd(err)
			}
		}
	}
	z.begun, z.member, z.crc, z.size = true, true, 0, 0
	z.start()
	z.given = 0
	return nil
}

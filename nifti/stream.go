package nifti

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"

	"galen.dev/volume/gunzip"

	"galen.dev/fault"
	"galen.dev/volume"
)

// Stream reads an image's planes one after the other: x and y whole, then along z, time, and the fifth axis. It
// is for images that do not fit into memory. Use it from one goroutine, and close it.
type Stream struct {
	Header     Header
	Geometry   volume.Geometry
	Extensions []Extension
	Findings   []fault.Finding // warnings

	options Options
	subject string
	file    io.Closer
	in      *bufio.Reader // the bytes of the file
	r       io.Reader     // unpacked
	packed  bool
	size    int64 // of the file; -1 = not known
	rest    []byte
	plane   int // the next one
	bad     []fault.Finding
}

const (
	maxGain   = 1032     // deflate cannot expand by more
	maxBefore = 64 << 20 // bytes of extensions
)

// NewStream begins to read an image of one file from r; see Decode about size.
func NewStream(r io.Reader, size int64, o Options) (*Stream, error) {
	s, err := newStream(r, size, o)
	if err != nil {
		return nil, err
	}
	if s.Header.Pair {
		s.bad = append(s.bad, fault.Finding{Name: "pair", Severity: fault.Severe, Message: "the voxels are in another file (.img): read the pair by its name"})
	}
	return s, s.ready("reading NIfTI")
}

// newStream reads up to the first voxel. What is wrong with the header is kept in bad, so that all is said at once.
func newStream(r io.Reader, size int64, o Options) (*Stream, error) {
	s := &Stream{options: o, subject: "reading NIfTI"}
	if s.options.MaxBytes == 0 {
		s.options.MaxBytes = defaultMax
	}
	if err := s.attach(r, size); err != nil {
		return nil, s.refuse(err, 0, size1)
	}
	raw := make([]byte, size1, size2)
	if n, err := io.ReadFull(s.r, raw); err != nil {
		return nil, s.refuse(err, int64(n), size1)
	}
	h := &s.Header
	if h.Version, h.Order = sniff(raw); h.Version == 0 {
		return nil, fault.Refuse(s.subject, []fault.Finding{{Name: "not-nifti", Severity: fault.Severe, Message: "the file does not begin with the header of NIfTI-1 or NIfTI-2"}})
	}
	if h.Version == 2 {
		raw = raw[:size2]
		if n, err := io.ReadFull(s.r, raw[size1:]); err != nil {
			return nil, s.refuse(err, int64(size1+n), size2)
		}
	}
	h.parse(raw)
	s.bad = h.findings()
	if len(s.bad) > 0 {
		return s, nil
	}
	var found []fault.Finding
	s.Geometry, found = h.geometry(o.Prefer, o.AssumeGeometry)
	for _, f := range found {
		if f.Severity == fault.Severe {
			s.bad = append(s.bad, f)
		} else {
			s.Findings = append(s.Findings, f)
		}
	}
	if n := s.voxelBytes(); n > s.options.MaxBytes {
		s.bad = append(s.bad, fault.Finding{Name: "too-large", Severity: fault.Severe, Message: fmt.Sprintf("voxels take %d bytes; the limit is %d", n, s.options.MaxBytes), Hint: "read it in slabs, or raise the limit"})
	}
	if h.Pair {
		b, err := io.ReadAll(io.LimitReader(s.r, maxBefore))
		if err != nil {
			return nil, s.refuse(err, int64(len(raw)+len(b)), int64(len(raw)))
		}
		s.takeExtensions(b)
		return s, nil
	}
	s.checkSize(int64(h.VoxOffset))
	if len(s.bad) > 0 {
		return s, nil
	}
	return s, s.readBefore(int64(h.VoxOffset) - int64(len(raw)))
}

// attach begins to read another file, and unpacks it where it is packed.
func (s *Stream) attach(r io.Reader, size int64) error {
	s.file, _ = r.(io.Closer)
	s.in, s.size, s.packed = bufio.NewReaderSize(r, 1<<16), size, false
	s.r = s.in
	if magic, _ := s.in.Peek(2); bytes.Equal(magic, []byte{0x1f, 0x8b}) {
		z, err := gunzip.NewReader(s.in)
		if err != nil {
			return err
		}
		s.r, s.packed = z, true
	}
	return nil
}

// checkSize compares the declared size with the file's. before are the bytes in front of the voxels.
func (s *Stream) checkSize(before int64) {
	want := before + s.voxelBytes()
	switch {
	case s.size < 0:
	case s.packed && want/maxGain > s.size:
		s.bad = append(s.bad, fault.Finding{
			Name: "claims-too-much", Severity: fault.Severe,
			Message: fmt.Sprintf("the header claims %d bytes, more than %d packed bytes can hold", want, s.size),
		})
	case !s.packed && want > s.size:
		s.bad = append(s.bad, truncated(s.size, want))
	case !s.packed && want < s.size:
		s.Findings = append(s.Findings, fault.Finding{Name: "bytes-left", Severity: fault.Warning, Message: fmt.Sprintf("%d bytes follow the voxels", s.size-want)})
	}
}

// readBefore reads the n bytes between the header and the voxels: the extensions, and what else is there.
func (s *Stream) readBefore(n int64) error {
	if n > maxBefore {
		s.bad = append(s.bad, fault.Finding{Name: "vox-offset", Severity: fault.Severe, Message: fmt.Sprintf("%d bytes of extensions are more than %d", n, maxBefore)})
		return nil
	}
	var b bytes.Buffer // grows with what comes, not with what is claimed
	if got, err := io.CopyN(&b, s.r, n); err != nil {
		return s.refuse(err, int64(s.Header.size())+got, int64(s.Header.VoxOffset)+s.voxelBytes())
	}
	s.takeExtensions(b.Bytes())
	return nil
}

func (s *Stream) takeExtensions(b []byte) {
	s.rest = b
	if len(b) < extender || b[0] == 0 {
		return
	}
	mark := [3]byte(b[1:4])
	left := b[extender:]
	for len(left) >= 8 {
		size := int64(s.Header.Order.Uint32(left))
		if size < 16 || size%16 != 0 || size > int64(len(left)) {
			s.Findings = append(s.Findings, fault.Finding{Name: "extension", Severity: fault.Warning, Message: "an extension's length is wrong: what follows it is kept as it is"})
			break
		}
		s.Extensions = append(s.Extensions, Extension{Code: int32(s.Header.Order.Uint32(left[4:])), Data: left[8:size], mark: mark})
		left = left[size:]
	}
	s.rest = left
}

// ready refuses everything found so far, at once.
func (s *Stream) ready(subject string) error {
	s.subject = subject
	if s.Header.Pair && len(s.bad) == 0 {
		s.checkSize(int64(s.Header.VoxOffset))
		if len(s.bad) == 0 {
			if n, err := io.CopyN(io.Discard, s.r, int64(s.Header.VoxOffset)); err != nil {
				return s.refuse(err, n, int64(s.Header.VoxOffset)+s.voxelBytes())
			}
		}
	}
	return fault.Refuse(subject, s.bad)
}

func (s *Stream) severe() []fault.Finding { return s.bad }

// Close closes the file.
func (s *Stream) Close() error {
	if s.file == nil {
		return nil
	}
	return s.file.Close()
}

// refuse turns an error of reading into one with a kind: have of want bytes came.
func (s *Stream) refuse(err error, have, want int64) error {
	if isEnd(err) {
		return fault.Refuse(s.subject, []fault.Finding{truncated(have, want)})
	}
	if s.packed || isPacking(err) {
		return fault.Refuse(s.subject, []fault.Finding{{Name: "packing", Severity: fault.Severe, Message: "the gzip data are damaged: " + err.Error(), Hint: "copy or download the file again"}})
	}
	return fault.Disk(s.subject, err)
}

func isPacking(err error) bool {
	return err == gunzip.ErrFormat || err == gunzip.ErrChecksum || err == gunzip.ErrPacked
}

// Planes is how many planes the image has in all: along z, time and the fifth axis.
func (s *Stream) Planes() int {
	d := s.Header.dims()
	return int(d[2] * d[3] * d[4])
}

// values is the number of stored values in a plane.
func (s *Stream) values() int {
	d := s.Header.dims()
	return int(d[0]*d[1]) * datatypes[s.Header.Datatype].channels
}

func (s *Stream) voxelBytes() int64 {
	d := s.Header.dims()
	return d[0] * d[1] * d[2] * d[3] * d[4] * int64(datatypes[s.Header.Datatype].bits/8)
}

// Skip passes over planes.
func (s *Stream) Skip(planes int) error {
	width := int64(s.values() * datatypes[s.Header.Datatype].store.Size())
	want := width * int64(planes)
	if seeker, ok := s.file.(io.Seeker); ok && !s.packed && want > int64(s.in.Buffered()) {
		if _, err := seeker.Seek(want-int64(s.in.Buffered()), io.SeekCurrent); err != nil {
			return fault.Disk(s.subject, err)
		}
		s.in.Reset(s.file.(io.Reader))
	} else if n, err := io.CopyN(io.Discard, s.r, want); err != nil {
		return s.refuse(err, s.done()+n, s.end())
	}
	s.plane += planes
	return nil
}

// done and end are the bytes read so far, and those of the whole image.
func (s *Stream) done() int64 {
	return int64(s.Header.VoxOffset) + int64(s.plane)*int64(s.values()*datatypes[s.Header.Datatype].store.Size())
}

func (s *Stream) end() int64 { return int64(s.Header.VoxOffset) + s.voxelBytes() }

// Next reads the stored values of the next planes, in the order of the file: colours and complex numbers lie
// side by side within a voxel. After the last plane it returns io.EOF.
func (s *Stream) Next(ctx context.Context, planes int) (volume.Data, error) {
	left := s.Planes() - s.plane
	if left == 0 {
		return nil, io.EOF
	}
	planes = min(planes, left)
	n := planes * s.values()
	data, came, err := volume.ReadData(ctx, s.r, datatypes[s.Header.Datatype].store, n, s.Header.Order, s.size >= 0)
	if err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, s.refuse(err, s.done()+came, s.end())
	}
	s.plane += planes
	return data, nil
}

// finish holds a packed file to its checksum, and says where bytes are left over.
func (s *Stream) finish() error {
	if !s.packed {
		return nil
	}
	var b [1]byte
	switch n, err := io.ReadFull(s.r, b[:]); {
	case n > 0:
		s.Findings = append(s.Findings, fault.Finding{Name: "bytes-left", Severity: fault.Warning, Message: "bytes follow the voxels, so that the checksum of the packed file was not reached"})
	case err != io.EOF:
		return s.refuse(err, s.end(), s.end())
	}
	return nil
}

// unpackHead is the beginning of a file, unpacked where it is packed.
func unpackHead(head []byte) []byte {
	if !bytes.HasPrefix(head, []byte{0x1f, 0x8b}) {
		return head
	}
	// Not package gunzip, which hands nothing on of a part that was cut off: the head of a file always is.
	z, err := gzip.NewReader(bytes.NewReader(head))
	if err != nil {
		return nil
	}
	raw := make([]byte, size2)
	n, _ := io.ReadFull(z, raw)
	return raw[:n]
}

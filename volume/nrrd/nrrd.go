// Package nrrd reads and writes images in the format NRRD: a header in words with the voxels behind it (.nrrd), or
// in a file of their own (.nhdr), as they are or packed with gzip, with axes in any direction.
//
// A file that does not say in which space its axes lie, or which names a space without the patient's directions,
// is refused unless the caller asks for the assumption. Every finding is reported at once.
//
// Start with Read and Write; Format is for volume.Formats. Source: the definition of the file format, version 5,
// http://teem.sourceforge.net/nrrd/format.html.
package nrrd

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"

	"github.com/klauspost/compress/gzip"

	"galen.dev/fault"
	"galen.dev/volume"
	"galen.dev/volume/gunzip"
)

// Options of reading. The zero value refuses whatever is not certain.
type Options struct {
	AssumeGeometry bool  // take spacings alone where the header names no space
	AllowNaN       bool  // keep NaN and infinite voxels; they are a warning then
	MaxBytes       int64 // of voxels in memory; 0 stands for 16 GiB
}

const (
	defaultMax = 16 << 30
	maxGain    = 1032 // deflate cannot expand by more
	maxHeader  = 1 << 20
)

// Image is a file's content.
type Image struct {
	Volume   *volume.Volume
	Pairs    []Pair          // "key:=value" lines, in their order
	Findings []fault.Finding // warnings; whatever is worse is an error
}

// Pair is a note that some program left in the header.
type Pair struct{ Key, Value string }

// Read reads the image in a file.
func Read(ctx context.Context, name string, o Options) (*Image, error) {
	return ReadFS(ctx, os.DirFS(filepath.Dir(name)), filepath.Base(name), o)
}

// ReadFS reads an image from a folder or an archive. Voxels in a file of their own are looked for in the folder of
// the header and below it, and nowhere else.
func ReadFS(ctx context.Context, fsys fs.FS, name string, o Options) (*Image, error) {
	subject := fmt.Sprintf("reading %q", path.Base(name))
	f, err := fsys.Open(name)
	if err != nil {
		return nil, fault.Disk(subject, err)
	}
	defer f.Close()
	return decode(ctx, f, sizeOf(f), subject, o, func(file string) (fs.File, error) { return fsys.Open(path.Join(path.Dir(name), file)) })
}

// Decode reads an image whose voxels are behind the header. size is the number of bytes in r, or -1 where it is
// not known; then a lie costs no more memory than twice what comes.
func Decode(ctx context.Context, r io.Reader, size int64, o Options) (*Image, error) {
	return decode(ctx, r, size, "reading NRRD", o, nil)
}

func sizeOf(f fs.File) int64 {
	info, err := f.Stat()
	if err != nil || !info.Mode().IsRegular() {
		return -1
	}
	return info.Size()
}

func severe(name, hint, format string, args ...any) fault.Finding {
	return fault.Finding{Name: name, Severity: fault.Severe, Message: fmt.Sprintf(format, args...), Hint: hint}
}

func decode(ctx context.Context, r io.Reader, size int64, subject string, o Options, beside func(string) (fs.File, error)) (*Image, error) {
	if o.MaxBytes == 0 {
		o.MaxBytes = defaultMax
	}
	in := bufio.NewReaderSize(r, 1<<16)
	h, length, err := readHeader(in)
	if err != nil {
		return nil, fault.Disk(subject, err)
	}
	layout := h.layout(o)
	if h.dataFile != "" {
		switch {
		case beside == nil:
			h.severe("data-file", "read it by its name", "the voxels are in another file")
		case !fs.ValidPath(h.dataFile):
			h.severe("data-file", "put the file beside the header", "the voxels are in a file outside the header's folder")
		default:
			f, err := beside(h.dataFile)
			if err != nil {
				h.severe("data-file", "", "the file of the voxels cannot be opened beside the header")
				break
			}
			defer f.Close()
			in, size, length = bufio.NewReaderSize(f, 1<<16), sizeOf(f), 0
		}
	}
	want := layout.bytes()
	if want > o.MaxBytes {
		h.severe("too-large", "raise the limit", "voxels take %d bytes; the limit is %d", want, o.MaxBytes)
	}
	left := size - length
	switch {
	case size < 0 && h.byteSkip < 0:
		h.severe("skip", "read it by its name", "voxels at the end of a stream of unknown length cannot be found")
	case size < 0:
	case h.gzip && want/maxGain > left:
		h.severe("claims-too-much", "", "the header claims %d bytes, more than %d packed bytes can hold", want, left)
	case !h.gzip && want+max(h.byteSkip, 0) > left:
		h.severe("truncated", "copy or download it again", "the file ends after %d of %d bytes", size, length+want)
	}
	if err := fault.Refuse(subject, h.bad()); err != nil {
		return nil, err
	}
	data, err := h.voxels(ctx, in, left, layout, size >= 0, subject)
	if err != nil {
		return nil, err
	}
	im := &Image{Volume: layout.assemble(data), Pairs: h.pairs, Findings: h.findings}
	bad := im.Volume.CheckFinite()
	if !o.AllowNaN {
		return im, fault.Refuse(subject, bad)
	}
	for _, f := range bad {
		f.Severity = fault.Warning
		im.Findings = append(im.Findings, f)
	}
	return im, nil
}

// voxels reads the values, after the lines and bytes that the header says to skip.
func (h *header) voxels(ctx context.Context, in *bufio.Reader, left int64, l *layout, trusted bool, subject string) (volume.Data, error) {
	end := func(err error, have int64) error {
		if err == io.EOF || err == io.ErrUnexpectedEOF {
			return fault.Refuse(subject, []fault.Finding{severe("truncated", "copy or download it again", "the voxels end after %d of %d bytes", have, l.bytes())})
		}
		if h.gzip {
			return fault.Refuse(subject, []fault.Finding{severe("packing", "copy or download the file again", "the gzip data are damaged: %v", err)})
		}
		return fault.Disk(subject, err)
	}
	for range h.lineSkip {
		for {
			b, err := in.ReadByte()
			if err != nil {
				return nil, end(err, 0)
			}
			if b == '\n' {
				break
			}
		}
	}
	skip := h.byteSkip
	if skip < 0 { // the voxels are at the end of the file
		skip = left - l.bytes()
	}
	var r io.Reader = in
	if h.gzip {
		z, err := gunzip.NewReader(in)
		if err != nil {
			return nil, end(err, 0)
		}
		r = z
	}
	if _, err := io.CopyN(io.Discard, r, skip); err != nil {
		return nil, end(err, 0)
	}
	data, came, err := volume.ReadData(ctx, r, l.kind, l.count(), h.order, trusted)
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if err != nil {
		return nil, end(err, came)
	}
	if h.gzip { // the end holds the checksum
		if _, err := io.ReadFull(r, make([]byte, 1)); err != io.EOF && err != nil {
			return nil, end(err, came)
		}
	}
	return data, nil
}

// Write writes a volume with its voxels behind the header, packed with gzip where pack is true. Channels are the
// first axis, inside the voxel, and times the last. A rescale has no place in the format: it is applied, and the
// values become float32.
func Write(ctx context.Context, w io.Writer, v *volume.Volume, pairs []Pair, pack bool) error {
	if err := v.Check("writing NRRD"); err != nil {
		return err
	}
	if slope, inter := v.Scale(); slope != 1 || inter != 0 {
		v = v.Real()
	}
	for _, p := range pairs {
		if p.Key == "" || bytes.ContainsAny([]byte(p.Key+p.Value), "\r\n") || bytes.Contains([]byte(p.Key), []byte(":")) {
			return fault.Errorf(fault.Usage, "writing NRRD: a key is empty or holds a colon, or a note holds a line end")
		}
	}
	if _, err := io.WriteString(w, headerOf(v, pairs, pack)); err != nil {
		return fault.Disk("writing NRRD", err)
	}
	n := v.Voxels()
	var z *gzip.Writer
	if pack {
		z, _ = gzip.NewWriterLevel(w, 5)
		w = z
	}
	for t := range v.NumTimes() {
		at := t * n * v.NumChannels()
		part := v.Data.Cut(at, at+n*v.NumChannels())
		if v.NumChannels() > 1 {
			part, _ = volume.Rearrange(part, []int{n, v.NumChannels()}, "yx")
		}
		if err := volume.WriteData(ctx, w, part, binary.LittleEndian); err != nil {
			return fault.Disk("writing NRRD", err)
		}
	}
	if z != nil {
		return fault.Disk("writing NRRD", z.Close())
	}
	return nil
}

// Format is NRRD for volume.Formats, read with the given options.
func Format(o Options) volume.Format {
	return volume.Format{
		Name:  "NRRD",
		Match: func(head []byte) bool { return isMagic(head) },
		Read: func(ctx context.Context, fsys fs.FS, names []string) ([]*volume.Volume, error) {
			var out []*volume.Volume
			for _, n := range names {
				im, err := ReadFS(ctx, fsys, n, o)
				if err != nil {
					return nil, err
				}
				out = append(out, im.Volume)
			}
			return out, nil
		},
	}
}

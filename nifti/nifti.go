// Package nifti reads and writes images in the formats NIfTI-1 and NIfTI-2: .nii, packed .nii.gz, and pairs of
// .hdr and .img, in either byte order, with every datatype but those of 128-bit floats and of single bits.
//
// What a header does not say is not guessed. Where both qform_code and sform_code are 0 the image is refused,
// unless the caller asks for the assumption. Where both are set, the sform counts, as in nibabel, since it alone
// can hold what registration makes; a qform that says otherwise is a finding. Sizes are checked against the file
// before memory is taken, and every finding is reported at once.
//
// Start with Read for a file on disk or in an archive, Stream for parts of it, and Write. Format is for
// volume.Formats. Standard: https://nifti.nimh.nih.gov (nifti1.h, nifti2.h).
package nifti

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"galen.dev/fault"
	"galen.dev/volume"
)

// Options of reading. The zero value refuses whatever is not certain.
type Options struct {
	Prefer         Form  // which form counts where both are set; zero is the sform
	AssumeGeometry bool  // take spacing alone where the header holds no form
	AllowNaN       bool  // keep NaN and infinite voxels; they are a warning then
	MaxBytes       int64 // of voxels in memory; 0 stands for 16 GiB
}

const defaultMax = 16 << 30

// Image is a file's content.
type Image struct {
	Header     Header
	Extensions []Extension
	Volume     *volume.Volume
	Findings   []fault.Finding // warnings; whatever is worse is an error

	rest []byte // bytes between the extensions and the voxels
}

// Extension is a part of a file that some program added; it is kept as it is.
type Extension struct {
	Code int32
	Data []byte // with its padding, so that len(Data)+8 is a multiple of 16
	mark [3]byte
}

// Read reads the image in a file, or in a pair of which either file is named.
func Read(ctx context.Context, name string, o Options) (*Image, error) {
	return ReadFS(ctx, os.DirFS(filepath.Dir(name)), filepath.Base(name), o)
}

// ReadFS reads an image from a folder or an archive.
func ReadFS(ctx context.Context, fsys fs.FS, name string, o Options) (*Image, error) {
	s, err := OpenFS(fsys, name, o)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	return s.image(ctx)
}

// Decode reads an image from one stream of bytes, packed or not. size is the number of bytes in the stream, or -1
// where it is not known; then a header that lies about its sizes costs no more memory than twice what comes.
func Decode(ctx context.Context, r io.Reader, size int64, o Options) (*Image, error) {
	s, err := NewStream(r, size, o)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	return s.image(ctx)
}

// OpenFS opens the image in a file of a folder or an archive, for reading in parts.
func OpenFS(fsys fs.FS, name string, o Options) (*Stream, error) {
	subject := "reading " + fmt.Sprintf("%q", path.Base(name))
	head := name
	if base, ok := cutSuffix(name, ".img"); ok {
		if found := beside(fsys, base, ".hdr"); found != "" {
			head = found
		}
	}
	s, err := openOne(fsys, head, o)
	if err != nil {
		return nil, fault.Disk(subject, err)
	}
	if !s.Header.Pair {
		if err := s.ready(subject); err != nil {
			s.Close()
			return nil, err
		}
		return s, nil
	}
	s.Close()
	voxels := ""
	if base, ok := cutSuffix(head, ".hdr"); ok {
		voxels = beside(fsys, base, ".img")
	}
	if voxels == "" {
		return nil, fault.Refuse(subject, append(s.severe(), fault.Finding{
			Name: "pair", Severity: fault.Severe, Message: "the file is a header, and its voxels (.img) are not beside it",
		}))
	}
	f, err := fsys.Open(voxels)
	if err != nil {
		return nil, fault.Disk(subject, err)
	}
	if err := s.attach(f, sizeOf(f)); err == nil {
		err = s.ready(subject)
		if err == nil {
			return s, nil
		}
		s.Close()
		return nil, err
	}
	s.Close()
	return nil, fault.Disk(subject, err)
}

func openOne(fsys fs.FS, name string, o Options) (*Stream, error) {
	f, err := fsys.Open(name)
	if err != nil {
		return nil, err
	}
	s, err := newStream(f, sizeOf(f), o)
	if err != nil {
		f.Close()
	}
	return s, err
}

func sizeOf(f fs.File) int64 {
	info, err := f.Stat()
	if err != nil || !info.Mode().IsRegular() {
		return -1
	}
	return info.Size()
}

// cutSuffix cuts an ending, packed or not, in any case of letters.
func cutSuffix(name, suffix string) (string, bool) {
	lower := strings.ToLower(name)
	for _, s := range []string{suffix, suffix + ".gz"} {
		if strings.HasSuffix(lower, s) {
			return name[:len(name)-len(s)], true
		}
	}
	return name, false
}

// beside is the file of a pair with another ending, or "".
func beside(fsys fs.FS, base, suffix string) string {
	for _, s := range []string{suffix, suffix + ".gz", strings.ToUpper(suffix)} {
		if info, err := fs.Stat(fsys, base+s); err == nil && info.Mode().IsRegular() {
			return base + s
		}
	}
	return ""
}

// Format is NIfTI for volume.Formats, read with the given options.
func Format(o Options) volume.Format {
	return volume.Format{
		Name: "NIfTI",
		Match: func(head []byte) bool {
			raw := unpackHead(head)
			version, order := sniff(raw)
			if version == 0 || len(raw) < 348 {
				return false
			}
			h := Header{Version: version, Order: order}
			if len(raw) < h.size() {
				return false
			}
			h.parse(raw)
			return magics[h.magicText()]
		},
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

// image reads everything that is left of a stream.
func (s *Stream) image(ctx context.Context) (*Image, error) {
	planes := s.Planes()
	data, err := s.Next(ctx, planes)
	if err != nil {
		return nil, err
	}
	if err := s.finish(); err != nil {
		return nil, err
	}
	v := s.assemble(data, s.Geometry)
	im := &Image{Header: s.Header, Extensions: s.Extensions, Volume: v, Findings: s.Findings, rest: s.rest}
	bad := v.CheckFinite()
	if !s.options.AllowNaN {
		return im, fault.Refuse(s.subject, bad)
	}
	for _, f := range bad {
		f.Severity = fault.Warning
		im.Findings = append(im.Findings, f)
	}
	return im, nil
}

// ReadSlab reads planes z0..z1 of an image, at all times and in all channels, and no others into memory.
func ReadSlab(ctx context.Context, fsys fs.FS, name string, z0, z1 int, o Options) (*volume.Volume, error) {
	s, err := OpenFS(fsys, name, o)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	nz := s.Geometry.Dims[2]
	if z0 < 0 || z1 > nz || z0 >= z1 {
		return nil, fault.Errorf(fault.Usage, "%s: planes %d to %d of %d do not exist", s.subject, z0, z1, nz)
	}
	var all volume.Data
	frames := s.Planes() / nz
	n := (z1 - z0) * s.values()
	for f := range frames {
		if err := s.Skip(z0); err != nil {
			return nil, err
		}
		part, err := s.Next(ctx, z1-z0)
		if err != nil {
			return nil, err
		}
		if all == nil {
			all = part.Make(n * frames)
		}
		all.Cut(f*n, (f+1)*n).Copy(part)
		if f < frames-1 {
			if err := s.Skip(nz - z1); err != nil {
				return nil, err
			}
		}
	}
	box := volume.Box{From: [3]int{0, 0, z0}, To: [3]int{s.Geometry.Dims[0], s.Geometry.Dims[1], z1}}
	v := s.assemble(all, s.Geometry.Boxed(box))
	if !o.AllowNaN {
		return v, fault.Refuse(s.subject, v.CheckFinite())
	}
	return v, nil
}

// assemble brings values from the order of the file into that of a volume: channels, which the file keeps inside
// the voxel or outermost, go between space and time.
func (s *Stream) assemble(data volume.Data, g volume.Geometry) *volume.Volume {
	h := &s.Header
	d := h.dims()
	times, inner, outer := int(d[3]), datatypes[h.Datatype].channels, int(d[4])
	v := &volume.Volume{Geometry: g, Channels: inner * outer, Times: times, TimeStep: h.timeStep()}
	if h.scaled() && inner != 3 && inner != 4 { // colours have no rescale
		v.Slope, v.Inter = h.SclSlope, h.SclInter
	}
	// One of the two has a single channel.
	sizes := []int{inner, g.Dims[0], g.Dims[1], g.Dims[2], times, outer}
	if inner > 1 {
		v.Data, _ = volume.Rearrange(data, sizes[:5], "cxyzt")
	} else {
		v.Data, _ = volume.Rearrange(data, sizes[1:], "xyztc")
	}
	return v
}

func (h *Header) timeStep() float64 {
	if h.dims()[3] < 2 || !(h.Pixdim[4] > 0) {
		return 0
	}
	return h.Pixdim[4] * unitSeconds[h.XYZTUnits&0x38]
}

// truncated is the finding for a file that ends early.
func truncated(have, want int64) fault.Finding {
	return fault.Finding{
		Name: "truncated", Severity: fault.Severe, Message: fmt.Sprintf("the file ends after %d of %d bytes", have, want),
		Hint: "copy or download it again",
	}
}

func isEnd(err error) bool { return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) }

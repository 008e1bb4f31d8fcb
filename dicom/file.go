package dicom

import (
	"bytes"
	"compress/flate"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"

	"galen.dev/fault"
)

// File is a parsed DICOM object. Its embedded Dataset holds the attributes; Meta those of group 0002.
type File struct {
	*Dataset
	Meta           *Dataset
	Name           string          // as it was given to Open or Parse
	TransferSyntax string          // the UID under which the data set was read
	Findings       []fault.Finding // what was wrong and tolerated; Severe ones concern the pixel data
	syntax         syntax
}

// maxInflated bounds a deflated data set in memory; larger images are not stored deflated.
var maxInflated int64 = 1 << 30

// Open parses a file: DICOM Part 10, or a bare data set. Small values come into memory. Large values and pixel
// data stay on disk, and the file is closed: it is opened again when they are asked for.
//
// The error is a fault.Data with everything that made the file unreadable. Faults that leave no doubt about the
// values are tolerated and listed in File.Findings.
func Open(path string) (*File, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if info.IsDir() {
		return nil, fault.Errorf(fault.Usage, "reading %q: it is a folder", path)
	}
	return parse(f, info.Size(), path, pathSource(path))
}

// pathSource opens a file for each read: a series of thousands of slices would use up the handles.
type pathSource string

func (s pathSource) ReadAt(b []byte, at int64) (int, error) {
	f, err := os.Open(string(s))
	if err != nil {
		return 0, err
	}
	defer f.Close()
	return f.ReadAt(b, at)
}

// Parse parses an object from src, which must stay readable as long as values are asked for. name stands for
// the file in findings and errors.
func Parse(src io.ReaderAt, size int64, name string) (*File, error) {
	return parse(src, size, name, src)
}

// Is says whether bytes from the beginning of a file (132 or more, if it has them) look like DICOM.
func Is(head []byte) bool {
	if len(head) >= 132 && string(head[128:132]) == "DICM" {
		return true
	}
	_, ok := guess(head)
	return ok
}

// parse reads now from src, and later from later.
func parse(src io.ReaderAt, size int64, name string, later io.ReaderAt) (*File, error) {
	p := &parser{window: window{src: src, size: size}, faults: faults{file: name}}
	f := &File{Name: name, Meta: &Dataset{}, Dataset: &Dataset{}}
	err := p.file(f)
	if err == errRefused {
		return nil, fault.Refuse(fmt.Sprintf("reading %q", name), p.list)
	}
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, fault.Errorf(fault.Data, "reading %q: the file ends too early", name)
	}
	if err != nil {
		return nil, fmt.Errorf("reading %q: %w", name, err)
	}
	f.Findings = append(p.list, f.overlays()...)
	if p.src == src { // not inflated
		f.readFrom(src, later)
	}
	return f, nil
}

// overlays tells of graphics that are not drawn (PS3.3 C.9.2): planes of their own, or bits beside the stored ones.
func (f *File) overlays() []fault.Finding {
	planes := 0
	for _, e := range f.All() {
		if g := e.Tag.Group(); g >= 0x6000 && g <= 0x601E && g%2 == 0 && e.Tag.Element() == 0x0010 { // Overlay Rows
			planes++
		}
	}
	if planes == 0 {
		return nil
	}
	return []fault.Finding{{Name: "overlay", Severity: fault.Info, File: f.Name, Message: fault.Count(planes, "overlay plane") + " not drawn: pixels are read without"}}
}

// readFrom moves the values that were left in the file from one reader to another.
func (d *Dataset) readFrom(old, src io.ReaderAt) {
	for i := range d.elements {
		e := &d.elements[i]
		if e.bulk != nil {
			e.bulk.src = src
		}
		for _, it := range e.Items {
			it.readFrom(old, src)
		}
	}
}

func (p *parser) file(f *File) error {
	head, err := p.at(0, int(min(132, p.size)))
	if err != nil {
		return err
	}
	at := int64(0)
	if len(head) == 132 && string(head[128:]) == "DICM" {
		at = 132
	} else if _, ok := guess(head); !ok {
		return p.refuse("not-dicom", 0, "the file has neither DICOM's mark at byte 128 nor attributes at its beginning", "")
	}
	if at, err = p.meta(f, at); err != nil {
		return err
	}
	f.TransferSyntax = f.Meta.Text(TransferSyntaxUID)
	if f.TransferSyntax == DeflatedLittleEndian {
		if err := p.inflate(at); err != nil {
			return err
		}
		at = 0
	}
	if err := p.settle(f, at); err != nil {
		return err
	}
	if _, err = p.dataset(f.Dataset, at, p.size, false, f.syntax, 0); err != nil {
		return err
	}
	if f.Len() == 0 {
		return p.refuse("empty", 0, "the file has no attributes", "")
	}
	f.settleSigned(f.Dataset, false)
	return nil
}

// meta parses group 0002, which is explicit little endian; its length is not believed.
func (p *parser) meta(f *File, at int64) (int64, error) {
	start, claimed := at, -1
	for p.size-at >= 8 {
		b, err := p.at(at, 4)
		if err != nil {
			return at, err
		}
		if binary.LittleEndian.Uint16(b) != 2 {
			break
		}
		h, err := p.header(at, p.size, syntax{explicit: true})
		if err != nil {
			return at, err
		}
		if at, err = p.element(f.Meta, h, at, p.size, syntax{explicit: true}, 0); err != nil {
			return at, err
		}
		if h.tag == FileMetaInformationGroupLength {
			start = at
			if n, ok, err := f.Meta.Int(h.tag); ok && err == nil {
				claimed = n
			}
		}
	}
	if claimed >= 0 && int64(claimed) != at-start {
		p.warn("group-length", FileMetaInformationGroupLength, "the length of the file meta information is wrong; ignored")
	}
	return at, nil
}

// settle decides how the data set is encoded, where the file says nothing or something wrong.
func (p *parser) settle(f *File, at int64) error {
	b, err := p.at(at, int(min(12, p.size-at)))
	if err != nil {
		return err
	}
	f.syntax = syntaxOf(f.TransferSyntax)
	seen, ok := guess(b)
	if f.TransferSyntax == "" {
		if !ok {
			return p.refuse("no-transfer-syntax", TransferSyntaxUID, "the file does not say how it is encoded, and its first bytes do not either", "")
		}
		f.syntax = seen
		f.TransferSyntax = ImplicitLittleEndian
		if seen.big {
			f.TransferSyntax = ExplicitBigEndian
		} else if seen.explicit {
			f.TransferSyntax = ExplicitLittleEndian
		}
		p.warn("no-transfer-syntax", TransferSyntaxUID, "the file does not say how it is encoded; taken from its first bytes")
		return nil
	}
	if ok && seen != f.syntax {
		p.warn("transfer-syntax", TransferSyntaxUID, "the data set is not encoded as the transfer syntax says; read as it is")
		f.syntax = seen
	}
	return nil
}

// guess tells the encoding of a data set from its first attribute, which is of a low group.
func guess(b []byte) (s syntax, ok bool) {
	if len(b) < 8 {
		return s, false
	}
	group := binary.LittleEndian.Uint16(b)
	s.explicit = vrOf(b[4], b[5]).Known()
	if group == 0 || group > 0x00FF {
		group = binary.BigEndian.Uint16(b)
		s.big = true
		if !s.explicit { // implicit big endian is in no standard
			return s, false
		}
	}
	if group == 0 || group > 0x00FF || group&1 == 1 {
		return s, false
	}
	if !s.explicit {
		// The first attribute of a data set is short.
		length := binary.LittleEndian.Uint32(b[4:])
		element := binary.LittleEndian.Uint16(b[2:])
		_, known := Lookup(Tag(uint32(group)<<16 | uint32(element)))
		return s, length < 1<<16 && (known || element == 0)
	}
	return s, true
}

func (p *parser) inflate(at int64) error {
	r := flate.NewReader(io.NewSectionReader(p.src, at, p.size-at))
	var out bytes.Buffer
	n, err := io.Copy(&out, io.LimitReader(r, maxInflated+1))
	switch {
	case n > maxInflated:
		return p.refuse("inflates-too-far", TransferSyntaxUID, fmt.Sprintf("the deflated data set holds more than %d bytes", maxInflated), "store the image in another transfer syntax")
	case err != nil && n == 0:
		return p.refuse("deflate", TransferSyntaxUID, "the deflated data set cannot be inflated", "the file is damaged: transfer it again")
	case err != nil:
		p.warn("deflate", TransferSyntaxUID, "the deflated data set breaks off; what was inflated is read")
	}
	p.window = window{src: bytes.NewReader(out.Bytes()), size: n}
	return nil
}

// settleSigned gives attributes that are US or SS by Pixel Representation their VR, where the file does not.
func (f *File) settleSigned(d *Dataset, signed bool) {
	if v, ok, err := d.Int(PixelRepresentation); ok && err == nil {
		signed = v == 1
	}
	for i := range d.elements {
		e := &d.elements[i]
		if signed && e.VR == US && !f.syntax.explicit {
			if entry, ok := Lookup(e.Tag); ok && entry.signed {
				e.VR = SS
			}
		}
		for _, it := range e.Items {
			f.settleSigned(it, signed)
		}
	}
}

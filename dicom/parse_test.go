package dicom

import (
	"bytes"
	"compress/flate"
	"encoding/binary"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"galen.dev/fault"
)

// raw builds a data set by hand: explicit little endian without preamble.
type raw struct{ bytes.Buffer }

func (r *raw) short(t Tag, vr string, value string) *raw {
	r.tag(t)
	r.WriteString(vr)
	binary.Write(r, binary.LittleEndian, uint16(len(value)))
	r.WriteString(value)
	return r
}

func (r *raw) long(t Tag, vr string, length uint32, value string) *raw {
	r.tag(t)
	r.WriteString(vr + "\x00\x00")
	binary.Write(r, binary.LittleEndian, length)
	r.WriteString(value)
	return r
}

func (r *raw) implicit(t Tag, length uint32, value string) *raw {
	r.tag(t)
	binary.Write(r, binary.LittleEndian, length)
	r.WriteString(value)
	return r
}

func (r *raw) tag(t Tag) {
	binary.Write(r, binary.LittleEndian, t.Group())
	binary.Write(r, binary.LittleEndian, t.Element())
}

func (r *raw) parse() (*File, error) {
	return Parse(bytes.NewReader(r.Bytes()), int64(r.Len()), "raw")
}

// begun is a data set that is recognised.
func begun() *raw {
	return new(raw).short(SOPClassUID, "UI", "1.2\x00").short(Modality, "CS", "CT")
}

func found(list []fault.Finding, name string) bool {
	for _, f := range list {
		if f.Name == name {
			return true
		}
	}
	return false
}

func TestWrittenIsRead(t *testing.T) {
	for _, syntax := range []string{"", ExplicitLittleEndian, DeflatedLittleEndian, RLELossless} {
		b := encode(t, ct(3), syntax)
		f := reread(t, b)
		if len(f.Findings) > 0 || len(b)%2 == 1 {
			t.Errorf("%s: %v", syntax, f.Findings)
		}
		want := ct(3)
		if f.Len() != want.Len() {
			t.Errorf("%s: %d attributes instead of %d", syntax, f.Len(), want.Len())
		}
		for _, e := range want.All() {
			got := f.Find(e.Tag)
			if e.Tag == PixelData {
				continue
			}
			if got == nil || got.VR != e.VR || strings.Trim(string(got.data), " \x00") != strings.Trim(string(e.data), " \x00") {
				t.Errorf("%s: %s differs", syntax, e.Tag)
			}
		}
		im, err := f.Image()
		if err != nil {
			t.Fatal(err)
		}
		if p, err := im.Frame(0); err != nil || p.At(29) != 314 || p.At(0) != 285 {
			t.Errorf("%s: %v", syntax, err)
		}
		if !bytes.Equal(b, encode(t, ct(3), syntax)) {
			t.Errorf("%s: written twice, the bytes differ", syntax)
		}
	}
}

func TestFaultsThatAreTolerated(t *testing.T) {
	for _, tt := range []struct {
		name, finding string
		build         func() *raw
	}{
		{"odd length", "odd-length", func() *raw { return begun().short(PatientID, "LO", "abc") }},
		{"no item end", "no-item-end", func() *raw {
			return begun().long(SourceImageSequence, "SQ", undefined, "").implicit(item, undefined, "").
				short(Modality, "CS", "CT").implicit(sequenceEnd, 0, "").short(PatientID, "LO", "ok")
		}},
		{"no sequence end", "no-sequence-end", func() *raw {
			return begun().long(SourceImageSequence, "SQ", undefined, "").implicit(item, 10, "").short(Modality, "CS", "CT")
		}},
		{"implicit among explicit", "implicit-element", func() *raw { return begun().implicit(PatientID, 2, "ok") }},
		{"unknown VR", "unknown-vr", func() *raw { return begun().short(0x00091010, "ZZ", "ok") }},
		{"trailing bytes", "trailing-bytes", func() *raw { r := begun(); r.WriteString("\x00\x00\x00"); return r }},
		{"zeros behind", "trailing-bytes", func() *raw { r := begun(); r.Write(make([]byte, 40)); return r }},
		{"out of order", "out-of-order", func() *raw { return begun().short(PatientID, "LO", "ok").short(StudyDate, "DA", "20200101") }},
		{"twice", "duplicate-attribute", func() *raw { return begun().short(PatientID, "LO", "no").short(PatientID, "LO", "ok") }},
		{"unknown charset", "unknown-character-set", func() *raw { return new(raw).short(SpecificCharacterSet, "CS", "KLINGON").short(Modality, "CS", "CT") }},
	} {
		f, err := tt.build().parse()
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		if !found(f.Findings, tt.finding) {
			t.Errorf("%s: no finding %s in %v", tt.name, tt.finding, f.Findings)
		}
		if e := f.Find(PatientID); e != nil && tt.name != "odd length" && f.Text(PatientID) != "ok" {
			t.Errorf("%s: what follows is lost", tt.name)
		}
	}
}

func TestUnknownVRs(t *testing.T) {
	// A sequence of the standard with VR UN, implicit inside, and a private one of undefined length.
	inner := new(raw).implicit(item, 10, "").implicit(Modality, 2, "CT")
	r := begun().long(SourceImageSequence, "UN", uint32(inner.Len()), inner.String())
	r.long(0x00091001, "UN", undefined, "").implicit(item, undefined, "").implicit(0x00091002, 4, "abcd").
		implicit(itemEnd, 0, "").implicit(sequenceEnd, 0, "").long(SliceThickness, "UN", 2, "25")
	f, err := r.parse()
	if err != nil {
		t.Fatal(err)
	}
	if f.First(SourceImageSequence).Text(Modality) != "CT" {
		t.Error("the sequence with VR UN was not read")
	}
	if x := f.First(0x00091001); x == nil || x.Find(0x00091002) == nil {
		t.Error("the private sequence was not read")
	}
	if v, _, err := f.Float(SliceThickness); v != 25 {
		t.Error("a known attribute with VR UN was not read", err)
	}
}

func TestPrivateAttributes(t *testing.T) {
	d := ct(0)
	d.SetBytes(0x00290010, LO, []byte("GALEN TEST"))
	d.SetBytes(0x00291001, DS, []byte("1.5"))
	f := reread(t, encode(t, d, ""))
	if f.PrivateCreator(0x00291001) != "GALEN TEST" {
		t.Error("the creator is lost")
	}
	if v, ok, err := f.Float(0x00291001); v != 1.5 || !ok || err != nil {
		t.Error("the value is lost")
	}
}

func TestHostileFiles(t *testing.T) {
	defer func(n int64) { maxInflated = n }(maxInflated)
	maxInflated = 1 << 20
	deep := begun()
	for range 10_000 {
		deep.long(SourceImageSequence, "SQ", undefined, "").implicit(item, undefined, "")
	}
	var zeros bytes.Buffer
	z, _ := flate.NewWriter(&zeros, 9)
	io.CopyN(z, zeroReader{}, maxInflated+10)
	z.Close()
	bomb := new(raw)
	bomb.Write(make([]byte, 128))
	bomb.WriteString("DICM")
	bomb.short(TransferSyntaxUID, "UI", DeflatedLittleEndian).Write(zeros.Bytes())
	for _, tt := range []struct {
		name, finding string
		data          *raw
	}{
		{"10,000 sequences deep", "too-deep", deep},
		{"4 GB in a text", "truncated", begun().long(TextValue, "UT", 0xFFFFFFFE, "short")},
		{"4 GB in a sequence", "truncated", begun().long(SourceImageSequence, "SQ", 0xFFFFFFF0, "")},
		{"4 GB in an item", "truncated", begun().long(SourceImageSequence, "SQ", undefined, "").implicit(item, 0xFFFFFFF0, "short")},
		{"item beyond its sequence", "truncated", begun().long(SourceImageSequence, "SQ", 8, "").implicit(item, 100, strings.Repeat("x", 200))},
		{"undefined length of a text", "undefined-length", begun().long(TextValue, "UT", undefined, "")},
		{"something in a sequence", "not-an-item", begun().long(SourceImageSequence, "SQ", undefined, "").short(Modality, "CS", "CT")},
		{"text", "not-dicom", func() *raw { r := &raw{}; r.WriteString(strings.Repeat("hello ", 99)); return r }()},
		{"nothing", "not-dicom", &raw{}},
		{"deflate bomb", "inflates-too-far", bomb},
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := tt.data.parse()
		runtime.ReadMemStats(&after)
		if fault.KindOf(err) != fault.Data || names(err)[tt.finding] == 0 {
			t.Errorf("%s: got %v", tt.name, err)
		}
		if used := after.TotalAlloc - before.TotalAlloc; used > 8<<20 {
			t.Errorf("%s: took %d bytes", tt.name, used)
		}
	}
}

type zeroReader struct{}

func (zeroReader) Read(b []byte) (int, error) { clear(b); return len(b), nil }

func TestPixelsThatAreNotThere(t *testing.T) {
	whole := encode(t, ct(0), "")
	f := reread(t, whole[:len(whole)-10])
	if !found(f.Findings, "truncated") || f.Text(Modality) != "CT" {
		t.Error("the attributes of a truncated file are lost")
	}
	if _, err := f.Image(); names(err)["truncated"] != 1 {
		t.Errorf("got %v", err)
	}
	claim, err := begun().long(PixelData, "OW", 0xFFFFFFFE, "few").parse()
	if err != nil {
		t.Fatal(err)
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, err = claim.Find(PixelData).Bytes()
	runtime.ReadMemStats(&after)
	if used := after.TotalAlloc - before.TotalAlloc; err == nil || used > 1<<20 {
		t.Errorf("4 GB of pixels in a few bytes: %v, took %d bytes", err, used)
	}
	d := ct(0)
	d.SetInts(Rows, 65535)
	d.SetInts(Columns, 65535)
	d.SetInts(NumberOfFrames, 1<<20)
	if _, err := reread(t, encode(t, d, "")).Image(); names(err)["truncated"] != 1 {
		t.Errorf("got %v", err)
	}
	d = ct(0)
	for _, x := range []Tag{Rows, BitsAllocated, PhotometricInterpretation} {
		d.Remove(x)
	}
	if _, err := reread(t, encode(t, d, "")).Image(); names(err)["absent"] != 2 || names(err)["photometric"] != 1 {
		t.Errorf("not everything is said: %v", err)
	}
}

func TestPixelsStayOnDisk(t *testing.T) {
	d := ct(0)
	d.SetInts(Rows, 2000)
	d.SetInts(Columns, 2000)
	d.SetBytes(PixelData, OW, make([]byte, 8_000_000))
	path := filepath.Join(t.TempDir(), "large.dcm")
	write(t, path, encode(t, d, ""))
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	runtime.ReadMemStats(&after)
	if used := after.TotalAlloc - before.TotalAlloc; used > 200_000 {
		t.Errorf("attributes took %d bytes", used)
	}
	if err := os.Truncate(path, 1000); err != nil {
		t.Fatal(err)
	}
	im, err := f.Image()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := im.Frame(0); fault.KindOf(err) != fault.Data {
		t.Errorf("a file that shrank: %v", err)
	}
}

func TestCharacterSets(t *testing.T) {
	for _, tt := range []struct{ set, bytes, want string }{
		{"ISO_IR 100", "Buc^J\xe9r\xf4me", "Buc^Jérôme"},
		{"ISO_IR 144", "\xbb\xee\xda\x63\x65\xdc\xd1\x79\x70\xd3", "Люкceмбypг"},
		{"ISO_IR 126", "\xc4\xe9\xef\xed\xf5\xf3\xe9\xef\xf2", "Διονυσιος"},
		{"ISO_IR 127", "\xe2\xc8\xc7\xe6\xea^\xe4\xe6\xd2\xc7\xd1", "قباني^لنزار"},
		{"ISO_IR 138", "\xf9\xf8\xe5\xef^\xe3\xe1\xe5\xf8\xe4", "שרון^דבורה"},
		{"ISO_IR 166", "\xb9\xd2\xc1", "นาม"},
		{"ISO_IR 192", "Wang^XiaoDong=王^小东", "Wang^XiaoDong=王^小东"},
		{"GB18030", "Wang=\xcd\xf5^\xd0\xa1\xb6\xab", "Wang=王^小东"},
		{"GBK", "\xcd\xf5", "王"},
		{`\ISO 2022 IR 87`, "Yamada^Tarou=\x1b$B;3ED\x1b(B^\x1b$BB@O:\x1b(B=\x1b$B$d$^$@\x1b(B^\x1b$B$?$m$&\x1b(B", "Yamada^Tarou=山田^太郎=やまだ^たろう"},
		{`ISO 2022 IR 13\ISO 2022 IR 87`, "\xd4\xcf\xc0\xde^\xc0\xdb\xb3=\x1b$B;3ED\x1b(J^\x1b$BB@O:\x1b(J", "ﾔﾏﾀﾞ^ﾀﾛｳ=山田^太郎"},
		{`\ISO 2022 IR 149`, "Hong^Gildong=\x1b$)C\xfb\xf3^\x1b$)C\xd1\xce\xd4\xd7", "Hong^Gildong=洪^吉洞"},
		{`\ISO 2022 IR 58`, "Zhang^XiaoDong=\x1b$)A\xd5\xc5^\x1b$)A\xd0\xa1\xb6\xab", "Zhang^XiaoDong=张^小东"},
		{"", "plain", "plain"},
		{"", "\xe9", "\uFFFD"},
	} {
		r := new(raw).short(SpecificCharacterSet, "CS", tt.set).short(PatientName, "PN", tt.bytes)
		f, err := r.parse()
		if err != nil {
			t.Fatal(err)
		}
		if got := f.Text(PatientName); got != tt.want {
			t.Errorf("%s: got %q, want %q", tt.set, got, tt.want)
		}
	}
}

func TestValuesThatAreNoNumbers(t *testing.T) {
	f, err := begun().short(SliceThickness, "DS", "secret12").short(Rows, "US", "abc").short(NumberOfFrames, "IS", "1.5 ").parse()
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := f.Float(SliceThickness); fault.KindOf(err) != fault.Data || strings.Contains(err.Error(), "secret") {
		t.Errorf("got %v", err)
	}
	if _, _, err := f.Int(NumberOfFrames); fault.KindOf(err) != fault.Data {
		t.Errorf("got %v", err)
	}
	if _, _, err := f.Int(Rows); fault.KindOf(err) != fault.Data {
		t.Errorf("got %v", err)
	}
}

func TestWriteRefuses(t *testing.T) {
	d := ct(0)
	d.SetText(SOPInstanceUID, "1.2.x")
	d.SetText(PatientID, strings.Repeat("x", 65))
	d.SetText(Modality, "ct")
	if err := Write(io.Discard, d, ""); names(err)["malformed-value"] != 2 || names(err)["too-long"] != 1 || names(err)["absent"] != 1 {
		t.Errorf("got %v", err)
	}
	if err := Write(io.Discard, ct(0), "1.2.3"); fault.KindOf(err) != fault.Usage {
		t.Errorf("got %v", err)
	}
}

func TestDictionary(t *testing.T) {
	if n := len(standard().entries); n < 1000 {
		t.Errorf("only %d attributes", n)
	}
	for i, e := range standard().entries {
		if !e.VR.Known() {
			t.Errorf("%s has no VR", e.Tag)
		}
		if i > 0 && e.Tag == standard().entries[i-1].Tag {
			t.Errorf("%s is there twice", e.Tag)
		}
	}
	if e, ok := LookupKeyword("PixelSpacing"); !ok || e.Tag != PixelSpacing {
		t.Error("PixelSpacing is not found")
	}
	if e, ok := Lookup(0x60043000); !ok || e.Keyword != "OverlayData" {
		t.Error("overlays are not found")
	}
}

func TestUID(t *testing.T) {
	a := UID(1, "ab", "c")
	if !validUID(a) || a != UID(1, "ab", "c") || a == UID(1, "a", "bc") || a == UID(2, "ab", "c") {
		t.Error("UIDs are not made from their content")
	}
}

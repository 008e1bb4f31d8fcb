package classify_test

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"galen.dev/dicom"
	"galen.dev/fault"
	"galen.dev/task"
)

// xray is a DICOM file of one picture.
func xray(t *testing.T) []byte {
	t.Helper()
	d := new(dicom.Dataset)
	d.SetText(dicom.SOPClassUID, "1.2.840.10008.5.1.4.1.1.1.1")
	d.SetText(dicom.SOPInstanceUID, "1.2.3")
	d.SetText(dicom.SeriesInstanceUID, "1.2.4")
	d.SetText(dicom.StudyInstanceUID, "1.2.5")
	d.SetText(dicom.Modality, "DX")
	d.SetText(dicom.PatientID, "Quokka")
	d.SetText(dicom.PhotometricInterpretation, "MONOCHROME2")
	for _, v := range []struct {
		tag dicom.Tag
		n   int
	}{{dicom.SamplesPerPixel, 1}, {dicom.Rows, 16}, {dicom.Columns, 16}, {dicom.BitsAllocated, 16}, {dicom.BitsStored, 12}, {dicom.HighBit, 11}, {dicom.PixelRepresentation, 0}} {
		d.SetInts(v.tag, v.n)
	}
	pixels := make([]byte, 512)
	for i := range pixels {
		pixels[i] = byte(i % 13)
	}
	d.SetBytes(dicom.PixelData, dicom.OW, pixels)
	var b bytes.Buffer
	if err := dicom.Write(&b, d, ""); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// chunk is a part of a PNG.
func chunk(name string, data []byte) []byte {
	out := binary.BigEndian.AppendUint32(nil, uint32(len(data)))
	out = append(append(out, name...), data...)
	return binary.BigEndian.AppendUint32(out, crc32.ChecksumIEEE(out[4:]))
}

// hostile are files that mean harm, by their names.
func hostile(t *testing.T) map[string][]byte {
	good := xray(t)
	out := map[string][]byte{
		"truncated.dcm":  good[:len(good)-100],
		"half-header":    good[:300],
		"arrays.npy":     []byte("\x93NUMPY\x01\x00\x46\x00{'descr': '<f8', 'fortran_order': False, 'shape': (65536, 65536), }    \n1234"),
		"claims.nrrd":    []byte("NRRD0004\ntype: double\ndimension: 3\nsizes: 1024 1024 1024\nspace: RAS\nspace directions: (1,0,0) (0,1,0) (0,0,1)\nspace origin: (0,0,0)\nencoding: raw\nendian: little\n\n12345678"),
		"not-a-png.png":  []byte("\x89PNG\r\n\x1a\nand nothing more"),
		"tiff-loop.tiff": []byte("II*\x00\x08\x00\x00\x00\x00\x00\x08\x00\x00\x00"),
	}
	// 4 GB claims in small files.
	claim := bytes.Clone(good)
	at := bytes.LastIndex(claim, []byte("OW\x00\x00"))
	binary.LittleEndian.PutUint32(claim[at+4:], 0xFFFFFFF0)
	out["four-gigabytes.dcm"] = claim
	size := binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, 60000), 60000)
	out["sixty-thousand.png"] = append([]byte("\x89PNG\r\n\x1a\n"), append(chunk("IHDR", append(size, 16, 6, 0, 0, 0)), chunk("IDAT", []byte{0x78, 0x9c, 3, 0, 0, 0, 0, 1})...)...)
	head := make([]byte, 352)
	binary.LittleEndian.PutUint32(head, 348)
	for i, d := range []uint16{3, 2048, 2048, 1024, 1, 1, 1, 1} {
		binary.LittleEndian.PutUint16(head[40+2*i:], d)
	}
	binary.LittleEndian.PutUint16(head[70:], 64)
	binary.LittleEndian.PutUint16(head[72:], 64)
	copy(head[344:], "n+1\x00")
	out["claims.nii"] = head
	none := bytes.Clone(head)
	binary.LittleEndian.PutUint16(none[46:], 0) // no slice at all
	out["no-slice.nii"] = none
	// Sequences 10,000 deep, in place of the pixels.
	meta := bytes.Index(good, []byte{0x08, 0x00, 0x16, 0x00})
	deep := bytes.Clone(good[:meta])
	for range 10000 {
		deep = append(deep, 0x08, 0x00, 0x12, 0x21, 'S', 'Q', 0, 0, 0xff, 0xff, 0xff, 0xff, 0xfe, 0xff, 0x00, 0xe0, 0xff, 0xff, 0xff, 0xff)
	}
	out["deep.dcm"] = deep
	return out
}

// Each hostile file is refused by its name, within bounded memory, when a study meets it.
func TestHostileFilesInAStudy(t *testing.T) {
	b := newBed(t)
	rng := rand.New(rand.NewPCG(1, 1))
	for name, data := range hostile(t) {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			for i, class := range []string{"healthy/a.png", "ill/b.png"} {
				path := filepath.Join(dir, filepath.FromSlash(class))
				if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
					t.Fatal(err)
				}
				writePNG(t, path, side, picture(rng, side, i))
			}
			write(t, filepath.Join(dir, "ill", name), data)
			_, err := bounded(t, func() (any, error) { return b.runner.Run(t.Context(), study(dir, nil), task.Collect) })
			if fault.KindOf(err) != fault.Data || !strings.Contains(err.Error(), name) {
				t.Errorf("kind %v: %v", fault.KindOf(err), err)
			}
			if strings.Contains(err.Error(), "Quokka") {
				t.Error("a patient is named")
			}
		})
	}
}

// A model that meets them abstains with the reason, and goes on with the others.
func TestHostileFilesMeetAModel(t *testing.T) {
	b := newBed(t)
	res := b.run(writeCases(t, t.TempDir(), 80, 1, false), map[string]any{"epochs": 1})
	for name, data := range hostile(t) {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), name)
			write(t, path, data)
			if _, err := bounded(t, func() (any, error) { return b.apply(res.Run, path, nil) }); fault.KindOf(err) != fault.Data {
				t.Errorf("kind %v: %v", fault.KindOf(err), err)
			}
		})
	}
	// Archives that claim what they cannot hold.
	var bomb bytes.Buffer
	z := zip.NewWriter(&bomb)
	w, err := z.CreateRaw(&zip.FileHeader{Name: "bomb.png", Method: zip.Deflate, CompressedSize64: 100, UncompressedSize64: 1 << 40})
	if err == nil {
		_, err = w.Write(make([]byte, 100))
	}
	if err == nil {
		err = z.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "bomb.zip")
	write(t, path, bomb.Bytes())
	if _, err := bounded(t, func() (any, error) { return b.apply(res.Run, path, nil) }); fault.KindOf(err) != fault.Data {
		t.Errorf("a bomb: %v", err)
	}
	if _, err := b.runner.Run(t.Context(), study(path, nil), task.Collect); fault.KindOf(err) != fault.Data {
		t.Errorf("a bomb as a study: %v", err)
	}
}

// bounded fails where f takes memory that only a lie explains.
func bounded(t *testing.T, f func() (any, error)) (any, error) {
	t.Helper()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	v, err := f()
	runtime.ReadMemStats(&after)
	if took := (after.TotalAlloc - before.TotalAlloc) >> 20; took > 256 {
		t.Errorf("%d MiB were allocated", took)
	}
	return v, err
}

package segment

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"galen.dev/dicom"
	"galen.dev/fault"
	"galen.dev/imaging/show"
	"galen.dev/nifti"
	"galen.dev/volume"
)

// writable are the kinds of files that a prediction can leave.
var writable = []string{"nifti", "seg", "png", "pdf", "sr"}

// ofSeries says whether a kind of file refers to a DICOM series, and is not written without one.
func ofSeries(kind string) bool { return kind == "seg" || kind == "sr" }

// writer writes what belongs to a prediction into a folder of its own, named by a hash of the image: the same image
// has the same place, and no name of a patient is in it.
type writer struct {
	folder  string
	kinds   []string
	version string
	model   string
	seed    uint64
}

func (w *writer) write(ctx context.Context, key string, v *volume.Volume, stack *dicom.Stack, m *model, res *result, p *Prediction) (map[string]string, error) {
	if len(w.kinds) == 0 {
		return nil, nil
	}
	if stack == nil && !slices.ContainsFunc(w.kinds, func(kind string) bool { return !ofSeries(kind) }) {
		return nil, nil
	}
	sum := sha256.Sum256([]byte(key))
	dir := filepath.Join(w.folder, hex.EncodeToString(sum[:8]))
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fault.Disk("making the folder for masks", err)
	}
	mask, err := m.mask(res, v.Geometry)
	if err != nil {
		return nil, err
	}
	files := map[string]string{}
	for _, kind := range writable {
		if !slices.Contains(w.kinds, kind) || stack == nil && ofSeries(kind) {
			continue
		}
		var name string
		switch kind {
		case "nifti":
			name = filepath.Join(dir, "mask.nii.gz")
			err = nifti.NewLabels(mask).Write(ctx, name)
		case "seg":
			name = filepath.Join(dir, "segmentation.dcm")
			err = w.segmentation(name, stack, m, res)
		case "png":
			name = filepath.Join(dir, "overlay.png")
			err = overlay(name, v, mask, m.choice.border())
		case "pdf":
			name = filepath.Join(dir, "report.pdf")
			err = writeWhole(name, pdf(w.lines(p)))
		case "sr":
			name = filepath.Join(dir, "report.dcm")
			err = w.structured(name, stack, p)
		}
		if err != nil {
			return nil, fmt.Errorf("writing %q: %w", name, err)
		}
		files[kind] = name
	}
	return files, nil
}

// writeWhole writes a file that appears only when it is complete.
func writeWhole(name string, data []byte) error {
	if err := os.WriteFile(name+".new", data, 0o644); err != nil {
		return fault.Disk("writing", err)
	}
	return fault.Disk("writing", os.Rename(name+".new", name))
}

// derived is what all DICOM objects share. Their time is that of the images: the same images make the same objects,
// whose identifiers would otherwise stand for different contents.
func (w *writer) derived(f *dicom.File, number int, description string) dicom.Derived {
	when := time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)
	for _, tags := range [][2]dicom.Tag{{dicom.ContentDate, dicom.ContentTime}, {dicom.SeriesDate, dicom.SeriesTime}, {dicom.StudyDate, dicom.StudyTime}} {
		clock, _, _ := strings.Cut(f.Text(tags[1]), ".")
		if t, err := time.Parse("20060102150405", f.Text(tags[0])+clock); err == nil {
			when = t
			break
		}
	}
	return dicom.Derived{Time: when, Seed: w.seed, SeriesNumber: number, SeriesDescription: description, Version: w.version}
}

// segmentation writes the classes as segments. Instances are not told apart in it: there may be thousands.
func (w *writer) segmentation(name string, stack *dicom.Stack, m *model, res *result) error {
	s := dicom.Segmentation{Derived: w.derived(stack.Slices[0].File, 900, "Segmentation by Galen"), Label: "SEGMENTATION", Description: "Predicted; for research use", Creator: "Galen"}
	for k, c := range m.plan.Classes {
		label := c.Name
		if len(label) > 64 {
			label = label[:64]
		}
		s.Segments = append(s.Segments, dicom.Segment{
			Value: uint16(k + 1), Label: label, Algorithm: "Galen " + w.model,
			Category: dicom.Code{Value: "85756007", Scheme: "SCT", Meaning: "Tissue"}, Type: dicom.Code{Value: "85756007", Scheme: "SCT", Meaning: "Tissue"},
		})
	}
	d, err := s.Binary(volume.NewLabels(stack.Geometry, res.classes, nil), stack)
	if err != nil {
		return err
	}
	return dicom.WriteFile(name, d, "")
}

// structured writes the findings as a structured report.
func (w *writer) structured(name string, stack *dicom.Stack, p *Prediction) error {
	files := make([]*dicom.File, 0, len(stack.Slices))
	for _, s := range stack.Slices {
		if !slices.Contains(files, s.File) {
			files = append(files, s.File)
		}
	}
	d, err := dicom.TextReport(w.derived(files[0], 901, "Findings by Galen"), files, dicom.Code{Value: "18748-4", Scheme: "LN", Meaning: "Diagnostic imaging report"},
		[]dicom.Section{{Heading: dicom.Code{Value: "121070", Scheme: "DCM", Meaning: "Findings"}, Paragraphs: w.lines(p)}})
	if err != nil {
		return err
	}
	return dicom.WriteFile(name, d, "")
}

// lines tell a prediction in words.
func (w *writer) lines(p *Prediction) []string {
	var out []string
	for _, f := range p.Findings {
		text := fmt.Sprintf("%s: %.3f mL", f.Class, f.VolumeML)
		if f.Instances != nil {
			text += ", " + fault.Count(*f.Instances, "instance")
		}
		if f.Confidence != nil {
			text += fmt.Sprintf(", mean probability of its voxels %.2f", *f.Confidence)
		}
		out = append(out, text)
	}
	if p.Agreement != nil {
		out = append(out, fmt.Sprintf("Mirrored predictions agree by a Dice of %.3f.", *p.Agreement))
	}
	for _, r := range p.Reasons {
		out = append(out, "Note: "+r)
	}
	return append(out, "Model: "+w.model, researchNote)
}

// overlay draws the mask over the image: all of it, or three slices of a volume.
func overlay(name string, v *volume.Volume, mask *volume.LabelMap, numbered bool) error {
	panel := show.Panel{Image: v, Mask: mask, View: show.View{NoKey: numbered}}
	draw := func() (show.Picture, error) { return show.Draw(panel) }
	if v.Dims[2] > 2 {
		draw = func() (show.Picture, error) { return show.Slices(panel, 3) }
	}
	picture, err := draw()
	if err != nil {
		return err
	}
	return writeWhole(name, picture.PNG())
}

// pdf is one page of text per fifty lines (ISO 32000-1), in Helvetica, which every reader brings.
func pdf(lines []string) []byte {
	const perPage, width = 50, 95
	var wrapped []string
	for _, l := range append([]string{"Segmentation", ""}, lines...) {
		l = latin1(l)
		for len(l) > width {
			wrapped = append(wrapped, l[:width])
			l = l[width:]
		}
		wrapped = append(wrapped, l)
	}
	var objects []string
	var kids []string
	pages := (len(wrapped) + perPage - 1) / perPage
	for k := range pages {
		var text strings.Builder
		text.WriteString("BT /F1 11 Tf 14 TL 56 780 Td\n")
		for _, l := range wrapped[k*perPage : min((k+1)*perPage, len(wrapped))] {
			fmt.Fprintf(&text, "(%s) Tj T*\n", strings.NewReplacer(`\`, `\\`, `(`, `\(`, `)`, `\)`).Replace(l))
		}
		text.WriteString("ET")
		kids = append(kids, fmt.Sprintf("%d 0 R", 4+2*k))
		objects = append(objects,
			fmt.Sprintf("<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Resources << /Font << /F1 3 0 R >> >> /Contents %d 0 R >>", 5+2*k),
			fmt.Sprintf("<< /Length %d >>\nstream\n%s\nendstream", text.Len(), text.String()))
	}
	objects = append([]string{
		"<< /Type /Catalog /Pages 2 0 R >>", fmt.Sprintf("<< /Type /Pages /Kids [%s] /Count %d >>", strings.Join(kids, " "), pages),
		"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
	}, objects...)
	var b bytes.Buffer
	b.WriteString("%PDF-1.4\n%\xe2\xe3\xcf\xd3\n")
	var offsets []int
	for i, o := range objects {
		offsets = append(offsets, b.Len())
		fmt.Fprintf(&b, "%d 0 obj\n%s\nendobj\n", i+1, o)
	}
	start := b.Len()
	fmt.Fprintf(&b, "xref\n0 %d\n0000000000 65535 f \n", len(objects)+1)
	for _, at := range offsets {
		fmt.Fprintf(&b, "%010d 00000 n \n", at)
	}
	fmt.Fprintf(&b, "trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n", len(objects)+1, start)
	return b.Bytes()
}

// latin1 is text in the page's encoding; what it lacks becomes a question mark.
func latin1(s string) string {
	var b []byte
	for _, r := range s {
		if r < 32 || r > 255 || r > 126 && r < 160 {
			r = '?'
		}
		b = append(b, byte(r))
	}
	return string(b)
}

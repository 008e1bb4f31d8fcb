package dicom

import (
	"bytes"
	"fmt"

	"galen.dev/fault"
)

const (
	secondaryCaptureStorage = "1.2.840.10008.5.1.4.1.1.7"
	encapsulatedPDFStorage  = "1.2.840.10008.5.1.4.1.1.104.1"
	basicTextSRStorage      = "1.2.840.10008.5.1.4.1.1.88.11"
)

// Capture makes a secondary capture (PS3.3 A.8) of a picture of 8 bits: grey (rows*columns bytes) or red, green
// and blue side by side (three times as many). burnedIn says whether the picture shows text that identifies.
func Capture(o Derived, source *File, rows, columns int, picture []uint8, burnedIn bool) (*Dataset, error) {
	samples := 1
	switch {
	case rows < 1 || columns < 1 || rows > 65535 || columns > 65535:
		return nil, fault.Errorf(fault.Usage, "a picture of %d x %d pixels cannot be stored", rows, columns)
	case len(picture) == 3*rows*columns:
		samples = 3
	case len(picture) != rows*columns:
		return nil, fault.Errorf(fault.Usage, "%d bytes are no picture of %d x %d pixels, grey or RGB", len(picture), rows, columns)
	}
	d, err := o.begin(source, secondaryCaptureStorage, "OT")
	if err != nil {
		return nil, err
	}
	d.SetText(ImageType, "DERIVED", "SECONDARY")
	d.SetText(ConversionType, "WSD")
	d.SetText(PatientOrientation)
	d.SetText(Laterality) // the picture does not say
	d.SetInts(SamplesPerPixel, samples)
	d.SetText(PhotometricInterpretation, "MONOCHROME2")
	if samples == 3 {
		d.SetText(PhotometricInterpretation, "RGB")
		d.SetInts(PlanarConfiguration, 0)
	}
	d.SetInts(Rows, rows)
	d.SetInts(Columns, columns)
	d.SetInts(BitsAllocated, 8)
	d.SetInts(BitsStored, 8)
	d.SetInts(HighBit, 7)
	d.SetInts(PixelRepresentation, 0)
	d.SetText(BurnedInAnnotation, yes(burnedIn))
	d.copyLossy(source.Dataset)
	d.SetItems(SourceImageSequence, reference(source))
	d.SetBytes(PixelData, OB, picture)
	return d, o.finish(d)
}

func yes(b bool) string {
	if b {
		return "YES"
	}
	return "NO"
}

// PDF makes an encapsulated document (PS3.3 A.45.1).
func PDF(o Derived, source *File, title string, document []byte) (*Dataset, error) {
	if !bytes.HasPrefix(document, []byte("%PDF-")) {
		return nil, fault.Errorf(fault.Usage, "the document is no PDF")
	}
	d, err := o.begin(source, encapsulatedPDFStorage, "DOC")
	if err != nil {
		return nil, err
	}
	d.SetText(ConversionType, "WSD")
	d.SetText(AcquisitionDateTime)
	d.SetText(BurnedInAnnotation, "YES") // reports name the patient
	d.SetText(DocumentTitle, title)
	d.SetItems(ConceptNameCodeSequence, Code{"18748-4", "LN", "Diagnostic imaging study"}.item())
	d.SetText(MIMETypeOfDocument, "application/pdf")
	d.SetBytes(EncapsulatedDocument, OB, document)
	d.SetInts(EncapsulatedDocumentLength, len(document))
	return d, o.finish(d)
}

// Section is a part of a report: a heading and paragraphs.
type Section struct {
	Heading    Code // CID 7001, as {"121070", "DCM", "Findings"}
	Paragraphs []string
}

// TextReport makes a basic text structured report (PS3.3 A.35.1) about the images. It is complete and not
// verified: no person has signed it.
func TextReport(o Derived, images []*File, title Code, sections []Section) (*Dataset, error) {
	if len(images) == 0 || len(sections) == 0 || title.empty() {
		return nil, fault.Errorf(fault.Usage, "a report needs images, a title and sections")
	}
	d, err := o.begin(images[0], basicTextSRStorage, "SR")
	if err != nil {
		return nil, err
	}
	d.SetItems(ReferencedPerformedStepSeq)
	d.SetItems(PerformedProcedureCodeSeq)
	d.SetText(CompletionFlag, "COMPLETE")
	d.SetText(VerificationFlag, "UNVERIFIED")
	evidence, err := evidenceOf(images)
	if err != nil {
		return nil, err
	}
	d.SetItems(CurrentRequestedEvidenceSeq, evidence)
	d.SetText(ValueType, "CONTAINER")
	d.SetItems(ConceptNameCodeSequence, title.item())
	d.SetText(ContinuityOfContent, "SEPARATE")
	var content []*Dataset
	for i, s := range sections {
		if s.Heading.empty() {
			return nil, fault.Errorf(fault.Usage, "section %d has no coded heading", i+1)
		}
		x := contentItem("CONTAINER", s.Heading)
		x.SetText(ContinuityOfContent, "SEPARATE")
		var inner []*Dataset
		for _, p := range s.Paragraphs {
			text := contentItem("TEXT", Code{"121071", "DCM", "Finding"})
			text.SetText(TextValue, p)
			inner = append(inner, text)
		}
		x.SetItems(ContentSequence, inner...)
		if len(inner) == 0 {
			x.Remove(ContentSequence)
		}
		content = append(content, x)
	}
	for _, f := range images {
		x := contentItem("IMAGE", Code{"260753009", "SCT", "Source"})
		x.SetItems(ReferencedSOPSequence, reference(f))
		content = append(content, x)
	}
	d.SetItems(ContentSequence, content...)
	return d, o.finish(d)
}

func contentItem(valueType string, name Code) *Dataset {
	d := &Dataset{}
	d.SetText(RelationshipType, "CONTAINS")
	d.SetText(ValueType, valueType)
	d.SetItems(ConceptNameCodeSequence, name.item())
	return d
}

// evidenceOf lists the images by their series; all are of one study.
func evidenceOf(images []*File) (*Dataset, error) {
	study := images[0].Text(StudyInstanceUID)
	by := map[string][]*Dataset{}
	var order []string
	for _, f := range images {
		if f.Text(StudyInstanceUID) != study {
			return nil, fault.Errorf(fault.Data, "the images of the report are of several studies (%q)", f.Name)
		}
		uid := f.Text(SeriesInstanceUID)
		if by[uid] == nil {
			order = append(order, uid)
		}
		by[uid] = append(by[uid], reference(f))
	}
	var series []*Dataset
	for _, uid := range order {
		x := &Dataset{}
		x.SetItems(ReferencedSOPSequence, by[uid]...)
		x.SetText(SeriesInstanceUID, uid)
		series = append(series, x)
	}
	d := &Dataset{}
	d.SetText(StudyInstanceUID, study)
	d.SetItems(ReferencedSeriesSequence, series...)
	return d, nil
}

// Document returns the bytes of an encapsulated document.
func (f *File) Document() ([]byte, error) {
	e := f.Find(EncapsulatedDocument)
	if e == nil {
		return nil, fault.Errorf(fault.Data, "%q holds no document", f.Name)
	}
	b, err := e.Bytes()
	if err != nil {
		return nil, fmt.Errorf("reading %q: %w", f.Name, err)
	}
	if n, ok, err := f.Int(EncapsulatedDocumentLength); ok && err == nil && n >= 0 && n <= len(b) {
		b = b[:n] // without the padding
	}
	return b, nil
}

package dicom

import (
	"crypto/sha256"
	"time"

	"galen.dev/fault"
)

// Code is a coded concept, as {"T-62000", "SRT", "Liver"}.
type Code struct {
	Value, Scheme, Meaning string
}

func (c Code) item() *Dataset {
	d := &Dataset{}
	d.SetText(CodeValue, c.Value)
	d.SetText(CodingSchemeDesignator, c.Scheme)
	d.SetText(CodeMeaning, c.Meaning)
	return d
}

func (c Code) empty() bool { return c.Value == "" || c.Scheme == "" || c.Meaning == "" }

// Derived is what all objects that Galen makes from others have in common.
type Derived struct {
	Time              time.Time // of the content; required, so that the same input gives the same bytes
	Seed              uint64    // enters the UIDs, beside the content
	SeriesNumber      int       // 0 stands for 1
	InstanceNumber    int       // 0 stands for 1
	SeriesDescription string    // up to 64 characters
	Version           string    // of the software; empty stands for "1"
}

const manufacturer = "Galen"

// begin makes a data set of patient, study, series and equipment. Patient and study are the source's; what the
// source does not say is left empty.
func (o Derived) begin(source *File, class, modality string) (*Dataset, error) {
	if o.Time.IsZero() {
		return nil, fault.Errorf(fault.Usage, "the time of the content is not given")
	}
	if source == nil || !validUID(source.Text(StudyInstanceUID)) {
		return nil, fault.Errorf(fault.Data, "the source has no study UID: a derived object would belong to no study")
	}
	d := &Dataset{}
	src := source.Dataset
	d.SetText(SOPClassUID, class)
	d.copyFrom(src, true, StudyDate, StudyTime, AccessionNumber, ReferringPhysicianName,
		PatientName, PatientID, PatientBirthDate, PatientSex, StudyID)
	d.copyFrom(src, false, StudyInstanceUID, StudyDescription, PatientIdentityRemoved, DeidentificationMethod, TimezoneOffsetFromUTC)
	d.SetText(Modality, modality)
	d.SetInts(SeriesNumber, max(o.SeriesNumber, 1))
	d.SetInts(InstanceNumber, max(o.InstanceNumber, 1))
	if o.SeriesDescription != "" {
		d.SetText(SeriesDescription, o.SeriesDescription)
	}
	for _, t := range []Tag{InstanceCreationDate, SeriesDate, ContentDate} {
		d.setDate(t, o.Time)
	}
	for _, t := range []Tag{InstanceCreationTime, SeriesTime, ContentTime} {
		d.setTime(t, o.Time)
	}
	version := o.Version
	if version == "" {
		version = "1"
	}
	d.SetText(Manufacturer, manufacturer)
	d.SetText(ManufacturerModelName, manufacturer)
	d.SetText(DeviceSerialNumber, "0")
	d.SetText(SoftwareVersions, version)
	return d, nil
}

// finish gives the object its UIDs: that of the instance from everything else in it, that of the series from
// what instances of one series share.
func (o Derived) finish(d *Dataset) error {
	h := sha256.New()
	if err := writeDataset(h, d, nil); err != nil {
		return err
	}
	sum := string(h.Sum(nil))
	d.SetText(SOPInstanceUID, UID(o.Seed, "instance", sum))
	d.SetText(SeriesInstanceUID, UID(o.Seed, "series", d.Text(StudyInstanceUID), d.Text(Modality), d.Text(SOPClassUID),
		d.Text(SeriesNumber), o.SeriesDescription, o.Time.UTC().Format(time.RFC3339Nano)))
	return nil
}

// reference names an object.
func reference(f *File) *Dataset {
	d := &Dataset{}
	d.copyFrom(f.Dataset, false, SOPClassUID, SOPInstanceUID)
	out := &Dataset{}
	out.SetText(ReferencedSOPClassUID, d.Text(SOPClassUID))
	out.SetText(ReferencedSOPInstanceUID, d.Text(SOPInstanceUID))
	return out
}

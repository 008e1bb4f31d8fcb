package dicom

import "fmt"

// Tag names an attribute: the group in the upper 16 bits, the element in the lower (PS3.5 §7.1).
type Tag uint32

// Group is the first number of a tag.
func (t Tag) Group() uint16 { return uint16(t >> 16) }

// Element is the second number of a tag.
func (t Tag) Element() uint16 { return uint16(t) }

// Private says whether the attribute belongs to a vendor: its group is odd.
func (t Tag) Private() bool { return t.Group()&1 == 1 }

// privateCreator says whether the element reserves a block of private elements for a vendor.
func (t Tag) privateCreator() bool {
	return t.Private() && t.Element() >= 0x10 && t.Element() <= 0xFF
}

// String is the keyword of a standard attribute with its numbers, or the numbers alone.
func (t Tag) String() string {
	if e, ok := Lookup(t); ok {
		return fmt.Sprintf("%s (%04X,%04X)", e.Keyword, t.Group(), t.Element())
	}
	return fmt.Sprintf("(%04X,%04X)", t.Group(), t.Element())
}

// The attributes that this package reads or writes itself, named by their keywords in PS3.6.
const (
	FileMetaInformationGroupLength Tag = 0x00020000
	FileMetaInformationVersion     Tag = 0x00020001
	MediaStorageSOPClassUID        Tag = 0x00020002
	MediaStorageSOPInstanceUID     Tag = 0x00020003
	TransferSyntaxUID              Tag = 0x00020010
	ImplementationClassUID         Tag = 0x00020012
	ImplementationVersionName      Tag = 0x00020013

	SpecificCharacterSet           Tag = 0x00080005
	ImageType                      Tag = 0x00080008
	InstanceCreationDate           Tag = 0x00080012
	InstanceCreationTime           Tag = 0x00080013
	SOPClassUID                    Tag = 0x00080016
	SOPInstanceUID                 Tag = 0x00080018
	StudyDate                      Tag = 0x00080020
	SeriesDate                     Tag = 0x00080021
	ContentDate                    Tag = 0x00080023
	StudyTime                      Tag = 0x00080030
	SeriesTime                     Tag = 0x00080031
	AcquisitionTime                Tag = 0x00080032
	ContentTime                    Tag = 0x00080033
	AcquisitionDateTime            Tag = 0x0008002A
	SpatialLocationsPreserved      Tag = 0x0028135A
	AccessionNumber                Tag = 0x00080050
	Modality                       Tag = 0x00080060
	ConversionType                 Tag = 0x00080064
	Manufacturer                   Tag = 0x00080070
	ReferringPhysicianName         Tag = 0x00080090
	CodeValue                      Tag = 0x00080100
	CodingSchemeDesignator         Tag = 0x00080102
	CodeMeaning                    Tag = 0x00080104
	TimezoneOffsetFromUTC          Tag = 0x00080201
	StudyDescription               Tag = 0x00081030
	SeriesDescription              Tag = 0x0008103E
	ManufacturerModelName          Tag = 0x00081090
	ReferencedSeriesSequence       Tag = 0x00081115
	ReferencedSOPClassUID          Tag = 0x00081150
	ReferencedSOPInstanceUID       Tag = 0x00081155
	ReferencedFrameNumber          Tag = 0x00081160
	ReferencedSOPSequence          Tag = 0x00081199
	ReferencedInstanceSequence     Tag = 0x0008114A
	SourceImageSequence            Tag = 0x00082112
	DerivationImageSequence        Tag = 0x00089124
	DerivationCodeSequence         Tag = 0x00089215
	PurposeOfReferenceCodeSequence Tag = 0x0040A170

	PatientName            Tag = 0x00100010
	PatientID              Tag = 0x00100020
	PatientBirthDate       Tag = 0x00100030
	PatientSex             Tag = 0x00100040
	PatientIdentityRemoved Tag = 0x00120062
	DeidentificationMethod Tag = 0x00120063

	SliceThickness                 Tag = 0x00180050
	EchoTime                       Tag = 0x00180081
	SpacingBetweenSlices           Tag = 0x00180088
	DeviceSerialNumber             Tag = 0x00181000
	SoftwareVersions               Tag = 0x00181020
	TriggerTime                    Tag = 0x00181060
	EffectiveEchoTime              Tag = 0x00189082
	DiffusionBValue                Tag = 0x00189087
	DiffusionGradientOrientation   Tag = 0x00189089
	DiffusionGradientDirectionSeq  Tag = 0x00189076
	MRDiffusionSequence            Tag = 0x00189117
	MREchoSequence                 Tag = 0x00189114
	NominalCardiacTriggerDelayTime Tag = 0x00209153
	CardiacSynchronizationSequence Tag = 0x00189118

	StudyInstanceUID           Tag = 0x0020000D
	SeriesInstanceUID          Tag = 0x0020000E
	StudyID                    Tag = 0x00200010
	SeriesNumber               Tag = 0x00200011
	AcquisitionNumber          Tag = 0x00200012
	InstanceNumber             Tag = 0x00200013
	PatientOrientation         Tag = 0x00200020
	ImagePositionPatient       Tag = 0x00200032
	ImageOrientationPatient    Tag = 0x00200037
	Laterality                 Tag = 0x00200060
	FrameOfReferenceUID        Tag = 0x00200052
	TemporalPositionIdentifier Tag = 0x00200100
	PositionReferenceIndicator Tag = 0x00201040
	StackID                    Tag = 0x00209056
	FrameContentSequence       Tag = 0x00209111
	PlanePositionSequence      Tag = 0x00209113
	PlaneOrientationSequence   Tag = 0x00209116
	TemporalPositionIndex      Tag = 0x00209128
	DimensionIndexValues       Tag = 0x00209157
	DimensionOrganizationUID   Tag = 0x00209164
	DimensionIndexPointer      Tag = 0x00209165
	FunctionalGroupPointer     Tag = 0x00209167
	DimensionOrganizationSeq   Tag = 0x00209221
	DimensionIndexSequence     Tag = 0x00209222
	DimensionDescriptionLabel  Tag = 0x00209421
	FrameAcquisitionNumber     Tag = 0x00209156
	FrameType                  Tag = 0x00089007
	FrameReferenceTime         Tag = 0x00541300

	SamplesPerPixel             Tag = 0x00280002
	PhotometricInterpretation   Tag = 0x00280004
	PlanarConfiguration         Tag = 0x00280006
	NumberOfFrames              Tag = 0x00280008
	Rows                        Tag = 0x00280010
	Columns                     Tag = 0x00280011
	PixelSpacing                Tag = 0x00280030
	BitsAllocated               Tag = 0x00280100
	BitsStored                  Tag = 0x00280101
	HighBit                     Tag = 0x00280102
	PixelRepresentation         Tag = 0x00280103
	PixelPaddingValue           Tag = 0x00280120
	PixelPaddingRangeLimit      Tag = 0x00280121
	BurnedInAnnotation          Tag = 0x00280301
	WindowCenter                Tag = 0x00281050
	WindowWidth                 Tag = 0x00281051
	RescaleIntercept            Tag = 0x00281052
	RescaleSlope                Tag = 0x00281053
	RescaleType                 Tag = 0x00281054
	WindowExplanation           Tag = 0x00281055
	VOILUTFunction              Tag = 0x00281056
	RedPaletteDescriptor        Tag = 0x00281101
	GreenPaletteDescriptor      Tag = 0x00281102
	BluePaletteDescriptor       Tag = 0x00281103
	RedPaletteData              Tag = 0x00281201
	GreenPaletteData            Tag = 0x00281202
	BluePaletteData             Tag = 0x00281203
	SegmentedRedPaletteData     Tag = 0x00281221
	SegmentedGreenPaletteData   Tag = 0x00281222
	SegmentedBluePaletteData    Tag = 0x00281223
	LossyImageCompression       Tag = 0x00282110
	LossyImageCompressionRatio  Tag = 0x00282112
	LossyImageCompressionMethod Tag = 0x00282114
	ModalityLUTSequence         Tag = 0x00283000
	LUTDescriptor               Tag = 0x00283002
	ModalityLUTType             Tag = 0x00283004
	LUTData                     Tag = 0x00283006
	VOILUTSequence              Tag = 0x00283010
	PixelMeasuresSequence       Tag = 0x00289110
	FrameVOILUTSequence         Tag = 0x00289132
	PixelValueTransformSequence Tag = 0x00289145
	Units                       Tag = 0x00541001
	CTImageFrameTypeSequence    Tag = 0x00189329
	MRImageFrameTypeSequence    Tag = 0x00189226
	SharedFunctionalGroups      Tag = 0x52009229
	PerFrameFunctionalGroups    Tag = 0x52009230
	FloatPixelData              Tag = 0x7FE00008
	DoubleFloatPixelData        Tag = 0x7FE00009
	ExtendedOffsetTable         Tag = 0x7FE00001
	PixelData                   Tag = 0x7FE00010
	item                        Tag = 0xFFFEE000
	itemEnd                     Tag = 0xFFFEE00D
	sequenceEnd                 Tag = 0xFFFEE0DD
	trailingPadding             Tag = 0xFFFCFFFC
	SegmentationType            Tag = 0x00620001
	SegmentSequence             Tag = 0x00620002
	SegmentedPropertyCategory   Tag = 0x00620003
	SegmentNumber               Tag = 0x00620004
	SegmentLabel                Tag = 0x00620005
	SegmentDescription          Tag = 0x00620006
	SegmentAlgorithmType        Tag = 0x00620008
	SegmentAlgorithmName        Tag = 0x00620009
	SegmentIdentificationSeq    Tag = 0x0062000A
	ReferencedSegmentNumber     Tag = 0x0062000B
	RecommendedDisplayCIELab    Tag = 0x0062000D
	MaximumFractionalValue      Tag = 0x0062000E
	SegmentedPropertyType       Tag = 0x0062000F
	SegmentationFractionalType  Tag = 0x00620010
	SegmentsOverlap             Tag = 0x00620013
	ContentLabel                Tag = 0x00700080
	ContentDescription          Tag = 0x00700081
	ContentCreatorName          Tag = 0x00700084
	DocumentTitle               Tag = 0x00420010
	EncapsulatedDocument        Tag = 0x00420011
	MIMETypeOfDocument          Tag = 0x00420012
	EncapsulatedDocumentLength  Tag = 0x00420015
	ValueType                   Tag = 0x0040A040
	RelationshipType            Tag = 0x0040A010
	ConceptNameCodeSequence     Tag = 0x0040A043
	ContinuityOfContent         Tag = 0x0040A050
	VerificationFlag            Tag = 0x0040A493
	CompletionFlag              Tag = 0x0040A491
	TextValue                   Tag = 0x0040A160
	ContentSequence             Tag = 0x0040A730
	PerformedProcedureCodeSeq   Tag = 0x0040A372
	ReferencedPerformedStepSeq  Tag = 0x00081111
	CurrentRequestedEvidenceSeq Tag = 0x0040A375
)

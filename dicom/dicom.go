// Package dicom reads and writes DICOM: files of attributes and pixels as scanners, archives and viewers
// exchange them. It turns series into volumes with their place in the patient, and label maps and reports into
// objects that archives accept. The standard is NEMA PS3 (dicomstandard.org); docs/conformance.md lists what is
// read and written.
//
// The parser is written for files that nobody vouches for: every length is held against the bytes that are
// there before memory is taken, nesting is bounded, and faults that leave no doubt are listed in File.Findings
// instead of stopping the file. Pixels stay on disk until they are asked for, so that a thousand slices cost
// no more than their attributes.
//
// Geometry is never guessed. A series whose slices are no regular grid is refused, with every slice that is
// concerned named by its file and instance number. Values of attributes never reach findings or errors: they
// may be a patient's.
//
// Read file.go and parse.go for the bytes, dataset.go for values, image.go and frame.go for pixels, display.go
// for what a viewer shows, then scan.go, plane.go and stack.go from files to volumes, segments.go for masks. write.go, uid.go and
// segment.go go the other way.
package dicom

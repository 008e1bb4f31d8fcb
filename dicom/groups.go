package dicom

// group returns the functional group macro of a frame: its own, or the one that all frames share, or nil.
func (f *File) group(frame int, sequence Tag) *Dataset {
	if per := f.Items(PerFrameFunctionalGroups); frame < len(per) {
		if d := per[frame].First(sequence); d != nil {
			return d
		}
	}
	return f.First(SharedFunctionalGroups).First(sequence)
}

// multiframe says whether frames are described by functional groups.
func (f *File) multiframe() bool {
	return len(f.Items(PerFrameFunctionalGroups)) > 0 || len(f.Items(SharedFunctionalGroups)) > 0
}

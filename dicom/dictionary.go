package dicom

import (
	_ "embed"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// Entry describes a standard attribute.
type Entry struct {
	Tag     Tag
	VR      VR // XS in dictionary.txt becomes US: PixelRepresentation decides whether it is read as SS
	Keyword string

	signed bool // US or SS
}

//go:embed dictionary.txt
var dictionaryText string

type dictionary struct {
	entries  []Entry // by tag
	keywords map[string]int
}

var standard = sync.OnceValue(func() dictionary {
	d := dictionary{keywords: map[string]int{}}
	group := uint64(0)
	for line := range strings.Lines(dictionaryText) {
		f := strings.Fields(line)
		if len(f) == 1 {
			group, _ = strconv.ParseUint(f[0], 16, 16)
		}
		if len(f) != 3 {
			continue
		}
		element, _ := strconv.ParseUint(f[0], 16, 16)
		e := Entry{Tag: Tag(group<<16 | element), Keyword: f[2], signed: f[1] == "XS"}
		e.VR = vrOf(f[1][0], f[1][1])
		if e.signed {
			e.VR = US
		}
		d.entries = append(d.entries, e)
	}
	slices.SortFunc(d.entries, func(a, b Entry) int { return int(int64(a.Tag) - int64(b.Tag)) })
	for i, e := range d.entries {
		d.keywords[e.Keyword] = i
	}
	return d
})

// Lookup finds a standard attribute by its tag. Overlays (60xx) are found whatever their number.
func Lookup(t Tag) (Entry, bool) {
	if t.Group()&0xFF00 == 0x6000 && !t.Private() {
		return lookupOverlay(t)
	}
	d := standard()
	i, found := slices.BinarySearchFunc(d.entries, t, func(e Entry, t Tag) int { return int(int64(e.Tag) - int64(t)) })
	if !found {
		return Entry{}, false
	}
	return d.entries[i], true
}

// LookupKeyword finds a standard attribute by its keyword.
func LookupKeyword(keyword string) (Entry, bool) {
	d := standard()
	i, found := d.keywords[keyword]
	if !found {
		return Entry{}, false
	}
	return d.entries[i], true
}

var overlay = map[uint16]Entry{
	0x0010: {VR: US, Keyword: "OverlayRows"},
	0x0011: {VR: US, Keyword: "OverlayColumns"},
	0x0015: {VR: IS, Keyword: "NumberOfFramesInOverlay"},
	0x0022: {VR: LO, Keyword: "OverlayDescription"},
	0x0040: {VR: CS, Keyword: "OverlayType"},
	0x0045: {VR: LO, Keyword: "OverlaySubtype"},
	0x0050: {VR: SS, Keyword: "OverlayOrigin"},
	0x0051: {VR: US, Keyword: "ImageFrameOrigin"},
	0x0100: {VR: US, Keyword: "OverlayBitsAllocated"},
	0x0102: {VR: US, Keyword: "OverlayBitPosition"},
	0x1500: {VR: LO, Keyword: "OverlayLabel"},
	0x3000: {VR: OW, Keyword: "OverlayData"},
}

func lookupOverlay(t Tag) (Entry, bool) {
	e, ok := overlay[t.Element()]
	e.Tag = t
	return e, ok
}

// impliedVR is the VR of an element whose data set does not say it (PS3.5 §6.2.2, Annex A.1).
func impliedVR(t Tag) VR {
	switch {
	case t.Element() == 0 && t.Group() != 2:
		return UL // a group's length
	case t.privateCreator():
		return LO
	}
	if e, ok := Lookup(t); ok {
		return e.VR
	}
	return UN
}

package dicom

import "galen.dev/fault"

// VR is a value representation: the type of an attribute's value (PS3.5 §6.2), as its two letters.
type VR uint16

// The value representations.
const (
	AE VR = 'A'<<8 | 'E' // application entity: up to 16 characters
	AS VR = 'A'<<8 | 'S' // age
	AT VR = 'A'<<8 | 'T' // tag
	CS VR = 'C'<<8 | 'S' // code string
	DA VR = 'D'<<8 | 'A' // date YYYYMMDD
	DS VR = 'D'<<8 | 'S' // decimal number as text
	DT VR = 'D'<<8 | 'T' // date and time
	FL VR = 'F'<<8 | 'L' // 32-bit float
	FD VR = 'F'<<8 | 'D' // 64-bit float
	IS VR = 'I'<<8 | 'S' // whole number as text
	LO VR = 'L'<<8 | 'O' // up to 64 characters
	LT VR = 'L'<<8 | 'T' // up to 10,240 characters
	OB VR = 'O'<<8 | 'B' // bytes
	OD VR = 'O'<<8 | 'D' // 64-bit floats
	OF VR = 'O'<<8 | 'F' // 32-bit floats
	OL VR = 'O'<<8 | 'L' // 32-bit words
	OV VR = 'O'<<8 | 'V' // 64-bit words
	OW VR = 'O'<<8 | 'W' // 16-bit words
	PN VR = 'P'<<8 | 'N' // name of a person
	SH VR = 'S'<<8 | 'H' // up to 16 characters
	SL VR = 'S'<<8 | 'L' // signed 32 bits
	SQ VR = 'S'<<8 | 'Q' // sequence of data sets
	SS VR = 'S'<<8 | 'S' // signed 16 bits
	ST VR = 'S'<<8 | 'T' // up to 1,024 characters
	SV VR = 'S'<<8 | 'V' // signed 64 bits
	TM VR = 'T'<<8 | 'M' // time HHMMSS.FFFFFF
	UC VR = 'U'<<8 | 'C' // characters without a limit
	UI VR = 'U'<<8 | 'I' // unique identifier
	UL VR = 'U'<<8 | 'L' // unsigned 32 bits
	UN VR = 'U'<<8 | 'N' // unknown
	UR VR = 'U'<<8 | 'R' // URI
	US VR = 'U'<<8 | 'S' // unsigned 16 bits
	UT VR = 'U'<<8 | 'T' // text without a limit
	UV VR = 'U'<<8 | 'V' // unsigned 64 bits
)

type vrTrait struct {
	size    int  // bytes of one binary value, which is what byte order swaps; 1 for text and bytes
	long    bool // explicit VR gives it a length of 32 bits
	text    bool // characters of the data set's character set
	padding byte // what an odd value is padded with
	many    bool // several values are separated by backslashes
	numeric bool // ValueRepresentation holds binary numbers
}

var vrTraits = map[VR]vrTrait{
	AE: {1, false, false, ' ', true, false}, AS: {1, false, false, ' ', true, false},
	AT: {2, false, false, 0, false, true}, CS: {1, false, false, ' ', true, false},
	DA: {1, false, false, ' ', true, false}, DS: {1, false, false, ' ', true, false},
	DT: {1, false, false, ' ', true, false}, FL: {4, false, false, 0, false, true},
	FD: {8, false, false, 0, false, true}, IS: {1, false, false, ' ', true, false},
	LO: {1, false, true, ' ', true, false}, LT: {1, false, true, ' ', false, false},
	OB: {1, true, false, 0, false, false}, OD: {8, true, false, 0, false, true},
	OF: {4, true, false, 0, false, true}, OL: {4, true, false, 0, false, true},
	OV: {8, true, false, 0, false, true}, OW: {2, true, false, 0, false, true},
	PN: {1, false, true, ' ', true, false}, SH: {1, false, true, ' ', true, false},
	SL: {4, false, false, 0, false, true}, SQ: {1, true, false, 0, false, false},
	SS: {2, false, false, 0, false, true}, ST: {1, false, true, ' ', false, false},
	SV: {8, true, false, 0, false, true}, TM: {1, false, false, ' ', true, false},
	UC: {1, true, true, ' ', true, false}, UI: {1, false, false, 0, true, false},
	UL: {4, false, false, 0, false, true}, UN: {1, true, false, 0, false, false},
	UR: {1, true, false, ' ', false, false}, US: {2, false, false, 0, false, true},
	UT: {1, true, true, ' ', false, false}, UV: {8, true, false, 0, false, true},
}

func vrOf(a, b byte) VR { return VR(a)<<8 | VR(b) }

func (vr VR) String() string { return string([]byte{byte(vr >> 8), byte(vr)}) }

// Known says whether the standard has the VR.
func (vr VR) Known() bool {
	_, ok := vrTraits[vr]
	return ok
}

// letters says whether both bytes are capitals: what is not, is no VR of this or any future standard.
func (vr VR) letters() bool {
	a, b := byte(vr>>8), byte(vr)
	return a >= 'A' && a <= 'Z' && b >= 'A' && b <= 'Z'
}

// swap reverses the byte order of every value in b, in place.
func swap(b []byte, size int) {
	switch size {
	case 2:
		for i := 0; i+1 < len(b); i += 2 {
			b[i], b[i+1] = b[i+1], b[i]
		}
	case 4:
		for i := 0; i+3 < len(b); i += 4 {
			b[i], b[i+1], b[i+2], b[i+3] = b[i+3], b[i+2], b[i+1], b[i]
		}
	case 8:
		for i := 0; i+7 < len(b); i += 8 {
			for j := range 4 {
				b[i+j], b[i+7-j] = b[i+7-j], b[i+j]
			}
		}
	}
}

// syntax is how a data set is encoded.
type syntax struct {
	explicit, big bool
}

// The transfer syntaxes that say how the data set is encoded; all others are explicit little endian.
const (
	ImplicitLittleEndian = "1.2.840.10008.1.2"
	ExplicitLittleEndian = "1.2.840.10008.1.2.1"
	DeflatedLittleEndian = "1.2.840.10008.1.2.1.99"
	ExplicitBigEndian    = "1.2.840.10008.1.2.2"
	RLELossless          = "1.2.840.10008.1.2.5"
)

func syntaxOf(uid string) syntax {
	switch uid {
	case ImplicitLittleEndian:
		return syntax{}
	case ExplicitBigEndian:
		return syntax{explicit: true, big: true}
	}
	return syntax{explicit: true}
}

// native says whether pixels of the transfer syntax are stored as they are, not in fragments.
func native(uid string) bool {
	switch uid {
	case ImplicitLittleEndian, ExplicitLittleEndian, DeflatedLittleEndian, ExplicitBigEndian, "":
		return true
	}
	return false
}

func severe(name string, t Tag, message, hint string) fault.Finding {
	return fault.Finding{Name: name, Severity: fault.Severe, Column: t.String(), Message: message, Hint: hint}
}

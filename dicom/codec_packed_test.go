package dicom_test

import (
	"bytes"
	"encoding/binary"
	"strings"
	"testing"

	"galen.dev/dicom"
)

// TestPackedPacketHeaders moves the packet headers of a JPEG 2000 stream into the tile-part's header (PPT) and
// into the main header (PPM), in several pieces: the pixels stay the same. No encoder at hand writes these. The
// stream has SOP before each packet and EPH behind its header, neither of which can occur within the data.
func TestPackedPacketHeaders(t *testing.T) {
	var v vector
	for _, c := range vectors(t) {
		if strings.HasSuffix(c.Name, "SOP EPH") {
			v = c
		}
	}
	sotAt, sodAt := bytes.Index(v.Stream, []byte{0xFF, 0x90}), bytes.Index(v.Stream, []byte{0xFF, 0x93})
	var headers, bodies []byte
	for i, packet := range bytes.Split(v.Stream[sodAt+2:len(v.Stream)-2], []byte{0xFF, 0x91, 0, 4}) {
		if i == 0 {
			continue // nothing stands before the first SOP
		}
		header, body, found := bytes.Cut(packet[2:], []byte{0xFF, 0x92})
		if !found {
			t.Fatal("a packet without EPH")
		}
		headers, bodies = append(headers, header...), append(bodies, body...)
	}
	main := bytes.Clone(v.Stream[:sotAt])
	main[bytes.Index(main, []byte{0xFF, 0x52})+4] &^= 2 | 4 // COD: no SOP, no EPH

	build := func(inMain, inTile []byte) []byte {
		out := append(bytes.Clone(main), inMain...)
		start := len(out)
		out = append(out, v.Stream[sotAt:sodAt]...)
		out = append(append(append(out, inTile...), 0xFF, 0x93), bodies...)
		binary.BigEndian.PutUint32(out[start+6:], uint32(len(out)-start))
		return append(out, 0xFF, 0xD9)
	}
	third := len(headers) / 3
	ppt := append(segment(0x61, 1, headers[third:]), segment(0x61, 0, headers[:third])...) // the index counts, not the place
	whole := append(binary.BigEndian.AppendUint32(nil, uint32(len(headers))), headers...)
	ppm := append(segment(0x60, 0, whole[:third]), segment(0x60, 1, whole[third:])...)
	for name, stream := range map[string][]byte{"PPT": build(nil, ppt), "PPM": build(ppm, nil)} {
		got, err := dicom.DecodeFrame(v.UID, stream, v.frame())
		if err != nil || !bytes.Equal(got.Pixels, v.Pixels) {
			t.Errorf("%s: other pixels, or %v", name, err)
		}
	}
}

// segment makes a marker segment of an index and data.
func segment(marker, index byte, data []byte) []byte {
	out := binary.BigEndian.AppendUint16([]byte{0xFF, marker}, uint16(3+len(data)))
	return append(append(out, index), data...)
}

package jpeg2000

import "encoding/binary"

// boxes moves pos to the codestream. DICOM stores it bare; some writers leave the boxes of a JP2 file
// (T.800 annex I) around it, and then the header box says what the colours are.
func (d *decoder) boxes() error {
	if len(d.src) < 12 || binary.BigEndian.Uint32(d.src) != 12 || string(d.src[4:8]) != "jP  " {
		return nil
	}
	for pos := 0; pos+8 <= len(d.src); {
		n, kind := int(binary.BigEndian.Uint32(d.src[pos:])), string(d.src[pos+4:pos+8])
		body := pos + 8
		switch {
		case n == 0:
			n = len(d.src) - pos
		case n == 1 && pos+16 <= len(d.src):
			long := binary.BigEndian.Uint64(d.src[pos+8:])
			if long > uint64(len(d.src)) {
				return place(pos, 0).Errorf("a box passes the end of the data")
			}
			n, body = int(long), pos+16
		}
		if n < body-pos || pos+n > len(d.src) {
			return place(pos, 0).Errorf("a box of %d bytes passes the end of the data", n)
		}
		switch kind {
		case "jp2c":
			d.pos = body
			d.src = d.src[:pos+n]
			return nil
		case "jp2h":
			if err := d.header(body, pos+n); err != nil {
				return err
			}
		}
		pos += n
	}
	return place(0, 0).Errorf("a JP2 file without a codestream")
}

// header reads the boxes within the JP2 header between two bytes.
func (d *decoder) header(pos, end int) error {
	for pos+8 <= end {
		n, kind := int(binary.BigEndian.Uint32(d.src[pos:])), string(d.src[pos+4:pos+8])
		if n == 0 {
			n = end - pos
		}
		if n < 8 || pos+n > end {
			return place(pos, 0).Errorf("a box of %d bytes passes the end of the JP2 header", n)
		}
		body := d.src[pos+8 : pos+n]
		switch {
		case kind == "pclr":
			return place(pos, 0).Errorf("a palette within JPEG 2000 is not part of DICOM")
		case kind == "colr" && len(body) >= 7 && body[0] == 1 && d.colour == "":
			switch binary.BigEndian.Uint32(body[3:]) {
			case 16:
				d.colour = "RGB"
			case 17:
				d.colour = "MONOCHROME2"
			case 18:
				d.colour = "YBR_FULL"
			}
		}
		pos += n
	}
	return nil
}

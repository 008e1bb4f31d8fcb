package dicom

import (
	"slices"
	"strings"

	"galen.dev/dicom/codec"
	"galen.dev/dicom/codec/jpeg"
	"galen.dev/dicom/codec/jpeg2000"
	"galen.dev/dicom/codec/jpegls"
	"galen.dev/dicom/codec/rle"
	"galen.dev/fault"
)

// The transfer syntaxes that DecodeFrame reads, beside RLELossless.
const (
	JPEGBaseline       = "1.2.840.10008.1.2.4.50"
	JPEGExtended       = "1.2.840.10008.1.2.4.51"
	JPEGLossless       = "1.2.840.10008.1.2.4.57"
	JPEGLosslessSV1    = "1.2.840.10008.1.2.4.70"
	JPEGLSLossless     = "1.2.840.10008.1.2.4.80"
	JPEGLSNearLossless = "1.2.840.10008.1.2.4.81"
	JPEG2000Lossless   = "1.2.840.10008.1.2.4.90"
	JPEG2000           = "1.2.840.10008.1.2.4.91"
)

// compression is a row of the table; encode is nil where Galen only reads.
type compression struct {
	uid, name string
	decode    func(stream []byte, want codec.Frame) (codec.Result, error)
	encode    func(pixels []byte, f codec.Frame) ([]byte, error)
}

var syntaxes = []compression{
	{RLELossless, "RLE", rle.Decode, rle.Encode},
	{JPEGBaseline, "JPEG baseline", jpeg.Decode, nil},
	{JPEGExtended, "JPEG extended", jpeg.Decode, nil},
	{JPEGLossless, "JPEG lossless", jpeg.Decode, jpeg.Encode},
	{JPEGLosslessSV1, "JPEG lossless, first-order prediction", jpeg.Decode, jpeg.Encode},
	{JPEGLSLossless, "JPEG-LS lossless", jpegls.Decode, jpegls.Encode},
	{JPEGLSNearLossless, "JPEG-LS near-lossless", jpegls.Decode, nil},
	{JPEG2000Lossless, "JPEG 2000 lossless", jpeg2000.Decode, nil},
	{JPEG2000, "JPEG 2000", jpeg2000.Decode, nil},
}

func findSyntax(uid string) int {
	uid = strings.TrimRight(uid, "\x00 ")
	return slices.IndexFunc(syntaxes, func(s compression) bool { return s.uid == uid })
}

// Compressed tells whether DecodeFrame reads a transfer syntax. Uncompressed ones are not its business.
func Compressed(uid string) bool { return findSyntax(uid) >= 0 }

// DecodeFrame turns one compressed frame into pixels. The frame is what the data set declares; a stream that
// holds another size or more bits, or that is damaged, is a fault.Data error. An unknown transfer syntax is a
// fault.Data error too, because a file named it.
func DecodeFrame(uid string, stream []byte, want codec.Frame) (codec.Result, error) {
	i := findSyntax(uid)
	if i < 0 {
		return codec.Result{}, unknownSyntax(uid, false)
	}
	return syntaxes[i].decode(stream, want)
}

// EncodeFrame compresses the pixels of one frame without loss: samples of 8 or 16 bits, little-endian, the
// samples of a pixel beside each other. RLE, JPEG lossless and JPEG-LS lossless can be written.
func EncodeFrame(uid string, pixels []byte, f codec.Frame) ([]byte, error) {
	i := findSyntax(uid)
	if i < 0 || syntaxes[i].encode == nil {
		return nil, unknownSyntax(uid, true)
	}
	return syntaxes[i].encode(pixels, f)
}

func unknownSyntax(uid string, writing bool) error {
	var names []string
	for _, s := range syntaxes {
		if !writing || s.encode != nil {
			names = append(names, s.name+" ("+s.uid+")")
		}
	}
	if writing {
		return fault.WithHint(fault.Errorf(fault.Usage, "transfer syntax %q cannot be written", uid), "Galen writes %s", strings.Join(names, ", "))
	}
	return fault.WithHint(fault.Errorf(fault.Data, "transfer syntax %q cannot be read", uid), "Galen reads %s", strings.Join(names, ", "))
}

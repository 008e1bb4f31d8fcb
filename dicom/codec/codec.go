// Package codec turns the compressed frames of DICOM images into pixels, and some pixels into compressed
// frames. Each transfer syntax (DICOM PS3.5 annex A.4) has its decoder in a package below, written from the
// standard; this package picks it by UID.
//
// Decoders take one frame (the fragments of its item already joined), work on one goroutine, and share
// nothing: a caller decodes the frames of a series in parallel. They never allocate more than the frame that
// the data set declares asks for, and refuse everything else with a fault.Data error that names the byte and
// the marker.
//
// Read this file, then the package frame, then any of rle, jpeg, jpegls and jpeg2000.
package codec

import (
	"slices"
	"strings"

	"galen.dev/dicom/codec/frame"
	"galen.dev/dicom/codec/jpeg"
	"galen.dev/dicom/codec/jpeg2000"
	"galen.dev/dicom/codec/jpegls"
	"galen.dev/dicom/codec/rle"
	"galen.dev/fault"
)

// Frame is the shape of one frame; Result is a decoded frame.
type (
	Frame  = frame.Frame
	Result = frame.Result
)

// The transfer syntaxes that Decode reads.
const (
	RLE                = "1.2.840.10008.1.2.5"
	JPEGBaseline       = "1.2.840.10008.1.2.4.50"
	JPEGExtended       = "1.2.840.10008.1.2.4.51"
	JPEGLossless       = "1.2.840.10008.1.2.4.57"
	JPEGLosslessSV1    = "1.2.840.10008.1.2.4.70"
	JPEGLSLossless     = "1.2.840.10008.1.2.4.80"
	JPEGLSNearLossless = "1.2.840.10008.1.2.4.81"
	JPEG2000Lossless   = "1.2.840.10008.1.2.4.90"
	JPEG2000           = "1.2.840.10008.1.2.4.91"
)

// syntax is a row of the table; encode is nil where Galen only reads.
type syntax struct {
	uid, name string
	decode    func(stream []byte, want frame.Frame) (frame.Result, error)
	encode    func(pixels []byte, f frame.Frame) ([]byte, error)
}

var syntaxes = []syntax{
	{RLE, "RLE", rle.Decode, rle.Encode},
	{JPEGBaseline, "JPEG baseline", jpeg.Decode, nil},
	{JPEGExtended, "JPEG extended", jpeg.Decode, nil},
	{JPEGLossless, "JPEG lossless", jpeg.Decode, jpeg.Encode},
	{JPEGLosslessSV1, "JPEG lossless, first-order prediction", jpeg.Decode, jpeg.Encode},
	{JPEGLSLossless, "JPEG-LS lossless", jpegls.Decode, jpegls.Encode},
	{JPEGLSNearLossless, "JPEG-LS near-lossless", jpegls.Decode, nil},
	{JPEG2000Lossless, "JPEG 2000 lossless", jpeg2000.Decode, nil},
	{JPEG2000, "JPEG 2000", jpeg2000.Decode, nil},
}

func find(uid string) int {
	uid = strings.TrimRight(uid, "\x00 ")
	return slices.IndexFunc(syntaxes, func(s syntax) bool { return s.uid == uid })
}

// Known tells whether Decode reads a transfer syntax. Uncompressed ones are not its business.
func Known(uid string) bool { return find(uid) >= 0 }

// Decode turns one compressed frame into pixels. The frame is what the data set declares; a stream that
// holds another size or more bits, or that is damaged, is a fault.Data error. An unknown transfer syntax is a
// fault.Data error too, because a file named it.
func Decode(uid string, stream []byte, want Frame) (Result, error) {
	i := find(uid)
	if i < 0 {
		return Result{}, unknown(uid, false)
	}
	return syntaxes[i].decode(stream, want)
}

// Encode compresses the pixels of one frame without loss: samples of 8 or 16 bits, little-endian, the
// samples of a pixel beside each other. RLE, JPEG lossless and JPEG-LS lossless can be written.
func Encode(uid string, pixels []byte, f Frame) ([]byte, error) {
	i := find(uid)
	if i < 0 || syntaxes[i].encode == nil {
		return nil, unknown(uid, true)
	}
	return syntaxes[i].encode(pixels, f)
}

func unknown(uid string, writing bool) error {
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

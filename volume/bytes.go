package volume

import (
	"context"
	"encoding/binary"
	"io"
	"unsafe"
)

// chunk is how many bytes are moved between two looks at the context.
const chunk = 1 << 20

// Native is the byte order of this machine, as binary.LittleEndian or binary.BigEndian.
var Native binary.ByteOrder = func() binary.ByteOrder {
	if binary.NativeEndian.Uint16([]byte{1, 0}) == 1 {
		return binary.LittleEndian
	}
	return binary.BigEndian
}()

func (s Slice[T]) raw() []byte {
	if len(s) == 0 {
		return nil
	}
	return unsafe.Slice((*byte)(unsafe.Pointer(&s[0])), len(s)*int(unsafe.Sizeof(s[0])))
}

// ReadData reads n values of type t in a byte order, and returns how many bytes came. Where the size is not
// trusted, because nothing but a header claims it, memory grows with what comes, to twice as much at most. A
// stream that ends early gives io.ErrUnexpectedEOF, or io.EOF before the first byte.
func ReadData(ctx context.Context, r io.Reader, t Type, n int, order binary.ByteOrder, trusted bool) (Data, int64, error) {
	have := n
	if !trusted {
		have = min(n, chunk)
	}
	out := MakeData(t, have)
	width := t.Size()
	came := int64(0)
	for at := 0; at < n; {
		if err := ctx.Err(); err != nil {
			return nil, came, err
		}
		if at == out.Len() {
			bigger := out.Make(min(n, 2*out.Len()))
			bigger.Copy(out)
			out = bigger
		}
		part := out.Cut(at, min(out.Len(), at+chunk/width)).raw()
		got, err := io.ReadFull(r, part)
		came += int64(got)
		if err != nil {
			if err == io.EOF && came > 0 {
				err = io.ErrUnexpectedEOF
			}
			return nil, came, err
		}
		at += len(part) / width
	}
	if width > 1 && order != Native {
		b := out.raw()
		inPieces(n, func(from, to int) { swap(b[from*width:to*width], width) })
	}
	return out, came, nil
}

// WriteData writes values in a byte order.
func WriteData(ctx context.Context, w io.Writer, d Data, order binary.ByteOrder) error {
	b := d.raw()
	width := d.Type().Size()
	var turned []byte
	for len(b) > 0 {
		if err := ctx.Err(); err != nil {
			return err
		}
		n := min(len(b), chunk)
		part := b[:n]
		if width > 1 && order != Native {
			turned = append(turned[:0], part...)
			swap(turned, width)
			part = turned
		}
		if _, err := w.Write(part); err != nil {
			return err
		}
		b = b[n:]
	}
	return nil
}

// swap turns round the bytes of every value.
func swap(b []byte, width int) {
	switch width {
	case 2:
		for i := 0; i+1 < len(b); i += 2 {
			b[i], b[i+1] = b[i+1], b[i]
		}
	case 4:
		for i := 0; i+3 < len(b); i += 4 {
			b[i], b[i+1], b[i+2], b[i+3] = b[i+3], b[i+2], b[i+1], b[i]
		}
	case 8:
		for ; len(b) >= 8; b = b[8:] {
			binary.LittleEndian.PutUint64(b, binary.BigEndian.Uint64(b))
		}
	}
}

// Rearrange brings values of an array into the order of a volume's memory. The array has the given sizes, the
// first axis running fastest, and roles says what each axis is: 'x', 'y', 'z', 'c' (channel) or 't' (time), each
// at most once. It returns the data and the sizes along x, y, z, c, t; axes that are not there have 1.
func Rearrange(in Data, sizes []int, roles string) (out Data, dims [5]int) {
	if len(sizes) != len(roles) {
		panic("volume: a role for each axis is needed")
	}
	dims = [5]int{1, 1, 1, 1, 1}
	var stride [5]int
	step := 1
	for i, n := range sizes {
		for k, role := range "xyzct" {
			if byte(role) == roles[i] {
				dims[k], stride[k] = n, step
			}
		}
		step *= n
	}
	straight, want := true, 1
	for k := range dims {
		straight = straight && (dims[k] == 1 || stride[k] == want)
		want *= dims[k]
	}
	if straight {
		return in, dims
	}
	out = in.Make(want)
	do(dims[2]*dims[3]*dims[4], func(plane int) {
		z, c, t := plane%dims[2], plane/dims[2]%dims[3], plane/(dims[2]*dims[3])
		base := z*stride[2] + c*stride[3] + t*stride[4]
		for y := range dims[1] {
			out.move((plane*dims[1]+y)*dims[0], in, base+y*stride[1], stride[0], dims[0])
		}
	})
	return out, dims
}

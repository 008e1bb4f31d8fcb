package loop

import (
	"unsafe"

	"galen.dev/engine/vec"
)

// load copies the tile at src, whose first group has rows times its length, into the contiguous tile at dst.
func (pk *packing) load(dst, src unsafe.Pointer, rows int) {
	switch {
	case pk.typ == Bool:
		gather(dst, src, pk.groups, rows, maskRun)
	case pk.typ.lane() == 1:
		gather(dst, src, pk.groups, rows, loadRun[uint8])
	case pk.typ.lane() == 4:
		gather(dst, src, pk.groups, rows, loadRun[uint32])
	default:
		gather(dst, src, pk.groups, rows, loadRun[uint64])
	}
}

// gather walks the groups and returns how many elements it wrote. from has typed pointers in memory and in
// the tile, whose elements may differ in size.
func gather[M, L any](dst, src unsafe.Pointer, groups []group, rows int, run func(dst []L, src *M, stride int)) int {
	n := groups[0].length * rows
	if len(groups) == 1 {
		run(list[L](dst, n), (*M)(src), groups[0].stride)
		return n
	}
	if n == 0 {
		return 0
	}
	size := int(unsafe.Sizeof(*new(L)))
	step := groups[0].stride * int(unsafe.Sizeof(*new(M)))
	inner := gather(dst, src, groups[1:], 1, run)
	if step == 0 {
		all := list[L](dst, n*inner)
		for done := inner; done < len(all); done *= 2 {
			copy(all[done:], all[:done])
		}
		return len(all)
	}
	for i := 1; i < n; i++ {
		gather(unsafe.Add(dst, i*inner*size), unsafe.Add(src, i*step), groups[1:], 1, run)
	}
	return n * inner
}

func loadRun[T any](dst []T, src *T, stride int) {
	switch stride {
	case 0:
		x := *src
		for i := range dst {
			dst[i] = x
		}
	case 1:
		copy(dst, unsafe.Slice(src, len(dst)))
	default:
		step := stride * int(unsafe.Sizeof(*src))
		at := unsafe.Pointer(src)
		for i := range dst {
			dst[i] = *(*T)(unsafe.Add(at, i*step))
		}
	}
}

func maskRun(dst []uint32, src *uint8, stride int) {
	if stride == 1 {
		vec.BytesToMask(dst, unsafe.Slice(src, len(dst)))
		return
	}
	at := unsafe.Pointer(src)
	for i := range dst {
		dst[i] = mask(*(*uint8)(unsafe.Add(at, i*stride)) != 0)
	}
}

// store copies the contiguous tile at src to the strided memory at dst.
func (pk *packing) store(dst, src unsafe.Pointer, rows int) {
	switch {
	case pk.typ == Bool:
		scatter(dst, src, pk.groups, rows, byteRun)
	case pk.typ.lane() == 1:
		scatter(dst, src, pk.groups, rows, storeRun[uint8])
	case pk.typ.lane() == 4:
		scatter(dst, src, pk.groups, rows, storeRun[uint32])
	default:
		scatter(dst, src, pk.groups, rows, storeRun[uint64])
	}
}

func scatter[M, L any](dst, src unsafe.Pointer, groups []group, rows int, run func(dst *M, src []L, stride int)) int {
	n := groups[0].length * rows
	if len(groups) == 1 {
		run((*M)(dst), list[L](src, n), groups[0].stride)
		return n
	}
	size := int(unsafe.Sizeof(*new(L)))
	step := groups[0].stride * int(unsafe.Sizeof(*new(M)))
	done := 0
	for i := range n {
		done += scatter(unsafe.Add(dst, i*step), unsafe.Add(src, done*size), groups[1:], 1, run)
	}
	return done
}

func storeRun[T any](dst *T, src []T, stride int) {
	if stride == 1 {
		copy(unsafe.Slice(dst, len(src)), src)
		return
	}
	step := stride * int(unsafe.Sizeof(*dst))
	at := unsafe.Pointer(dst)
	for i, x := range src {
		*(*T)(unsafe.Add(at, i*step)) = x
	}
}

func byteRun(dst *uint8, src []uint32, stride int) {
	if stride == 1 {
		vec.MaskToBytes(unsafe.Slice(dst, len(src)), src)
		return
	}
	at := unsafe.Pointer(dst)
	for i, x := range src {
		*(*uint8)(unsafe.Add(at, i*stride)) = uint8(x & 1)
	}
}

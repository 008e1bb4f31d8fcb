package similar

import "math/bits"

//go:generate go run -tags avo ./asm -out kernel_amd64.s -stubs kernel_amd64.go -pkg similar

// common counts the bits that each row has in common with a query. rows are len(dst) rows of len(query) words, a
// multiple of 8.

func commonGo(dst []uint32, rows, query []uint64) {
	w := len(query)
	for i := range dst {
		n := 0
		row := rows[i*w : i*w+w]
		for k, q := range query {
			n += bits.OnesCount64(row[k] & q)
		}
		dst[i] = uint32(n)
	}
}

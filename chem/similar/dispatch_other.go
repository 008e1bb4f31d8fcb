//go:build !amd64

package similar

func common(dst []uint32, rows, query []uint64) { commonGo(dst, rows, query) }

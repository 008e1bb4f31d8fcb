package similar

import (
	syscpu "golang.org/x/sys/cpu"

	"galen.dev/internal/cpu"
)

func common(dst []uint32, rows, query []uint64) {
	if len(rows) < len(dst)*len(query) || len(query)%8 != 0 {
		panic("similar: rows of another length")
	}
	switch level := cpu.Level(); {
	case level == cpu.AVX512 && syscpu.X86.HasAVX512VPOPCNTDQ:
		commonAVX512(dst, rows, query)
	case level >= cpu.AVX2:
		commonAVX2(dst, rows, query)
	default:
		commonGo(dst, rows, query)
	}
}

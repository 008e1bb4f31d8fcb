package dicom

import (
	"crypto/sha256"
	"encoding/binary"
	"math/big"
)

// UID makes a unique identifier from content and a seed: the same ones give the same identifier, on every
// machine. It is a UUID of RFC 9562's version 8 (bits of SHA-256) under the root 2.25 (PS3.5 §B.2).
func UID(seed uint64, content ...string) string {
	h := sha256.New()
	var n [8]byte
	binary.LittleEndian.PutUint64(n[:], seed)
	h.Write(n[:])
	for _, c := range content {
		// Lengths keep "ab","c" apart from "a","bc".
		binary.LittleEndian.PutUint64(n[:], uint64(len(c)))
		h.Write(n[:])
		h.Write([]byte(c))
	}
	b := h.Sum(nil)[:16]
	b[6] = b[6]&0x0F | 0x80
	b[8] = b[8]&0x3F | 0x80
	return "2.25." + new(big.Int).SetBytes(b).String()
}

// validUID says whether s is a UID (PS3.5 §9.1).
func validUID(s string) bool {
	if s == "" || len(s) > 64 {
		return false
	}
	start := 0
	for i := 0; i <= len(s); i++ {
		if i < len(s) && s[i] != '.' {
			if s[i] < '0' || s[i] > '9' {
				return false
			}
			continue
		}
		if i == start || s[start] == '0' && i-start > 1 {
			return false
		}
		start = i + 1
	}
	return true
}

package store

import (
	"bytes"
	"os"
	"strings"
)

// cpuModel reads only the head of /proc/cpuinfo, which is long and slow on machines of many cores.
func cpuModel() string {
	f, err := os.Open("/proc/cpuinfo")
	if err != nil {
		return ""
	}
	defer f.Close()
	head := make([]byte, 4096)
	n, _ := f.Read(head)
	for line := range bytes.Lines(head[:n]) {
		if key, value, ok := strings.Cut(string(line), ":"); ok && strings.TrimSpace(key) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

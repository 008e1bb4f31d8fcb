package nn

import (
	"os"
	"path/filepath"
	"testing"
)

func TestMemoryOfLinux(t *testing.T) {
	if got := meminfo([]byte("MemTotal:       16 kB\nMemAvailable:    12 kB\n")); got != 12*1024 {
		t.Errorf("available %d", got)
	}
	if got := meminfo([]byte("MemAvailable: x kB\n")); got != 0 {
		t.Errorf("available %d of nonsense", got)
	}
	dir := t.TempDir()
	for name, text := range map[string]string{"max": "1000\n", "current": "700\n", "memory.stat": "anon 5\ninactive_file 200\n", "none": "max\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if left, ok := groupLeaves(dir, "max", "current"); !ok || left != 500 {
		t.Errorf("left %d, %v", left, ok)
	}
	for _, limit := range []string{"none", "missing"} {
		if _, ok := groupLeaves(dir, limit, "current"); ok {
			t.Errorf("%s is a limit", limit)
		}
	}
	if availableMemory() <= 0 {
		t.Error("nothing is available on Linux")
	}
}

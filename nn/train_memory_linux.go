package nn

import (
	"bytes"
	"os"
	"path"
	"strconv"
	"strings"
)

// availableMemory is what this process may still take: the memory that Linux could give without swapping, or what
// its control groups leave where that is less. 0 where it is not known.
func availableMemory() int64 {
	info, err := os.ReadFile("/proc/meminfo")
	if err != nil {
		return 0
	}
	free := meminfo(info)
	groups, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		return free
	}
	for line := range strings.Lines(string(groups)) {
		fields := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(fields) != 3 {
			continue
		}
		limit, usage, root := "memory.max", "memory.current", "/sys/fs/cgroup"
		if fields[1] == "memory" { // version 1
			limit, usage, root = "memory.limit_in_bytes", "memory.usage_in_bytes", "/sys/fs/cgroup/memory"
		} else if fields[1] != "" {
			continue
		}
		// Every group up to the root may have a limit. In a container the root is that of the container.
		for dir := path.Clean("/" + fields[2]); ; dir = path.Dir(dir) {
			if left, ok := groupLeaves(root+dir, limit, usage); ok && (free == 0 || left < free) {
				free = left
			}
			if dir == "/" {
				break
			}
		}
	}
	return free
}

// groupLeaves is the limit of a control group less what it uses, the cache of files counted as free.
func groupLeaves(dir, limit, usage string) (int64, bool) {
	most, ok := readCount(dir + "/" + limit)
	if !ok {
		return 0, false // "max", or no such group here
	}
	used, ok := readCount(dir + "/" + usage)
	if !ok {
		return 0, false
	}
	if stat, err := os.ReadFile(dir + "/memory.stat"); err == nil {
		used -= statValue(stat, "inactive_file")
	}
	return max(most-max(used, 0), 1), true
}

func readCount(file string) (int64, bool) {
	text, err := os.ReadFile(file)
	if err != nil {
		return 0, false
	}
	n, err := strconv.ParseInt(string(bytes.TrimSpace(text)), 10, 64)
	return n, err == nil
}

// statValue is the number behind a word in a control group's statistics.
func statValue(stat []byte, word string) int64 {
	for line := range strings.Lines(string(stat)) {
		if f := strings.Fields(line); len(f) == 2 && f[0] == word {
			n, _ := strconv.ParseInt(f[1], 10, 64) // 0, that is, nothing to add, where the kernel writes otherwise
			return n
		}
	}
	return 0
}

// meminfo is MemAvailable of /proc/meminfo in bytes.
func meminfo(info []byte) int64 {
	for line := range strings.Lines(string(info)) {
		if f := strings.Fields(line); len(f) == 3 && f[0] == "MemAvailable:" && f[2] == "kB" {
			n, err := strconv.ParseInt(f[1], 10, 64)
			if err == nil {
				return n * 1024
			}
		}
	}
	return 0
}

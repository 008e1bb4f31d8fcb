package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"runtime"
	"sync"

	"github.com/spf13/cobra"
)

// release is the version of Galen; a release build sets it with -ldflags "-X main.release=1.2.3".
var release = "devel"

// version is the release. A development build adds a mark of its own content, so that artefacts of an older
// build are not taken for those of this one.
var version = sync.OnceValue(func() string {
	if release != "devel" {
		return release
	}
	path, err := os.Executable()
	if err != nil {
		return release
	}
	f, err := os.Open(path)
	if err != nil {
		return release
	}
	defer f.Close()
	// The linker writes a hash of the whole build near the start of the file. Reading it is quicker than
	// hashing the file, which counts in the start of `galen apply`.
	head := make([]byte, 64<<10)
	n, _ := io.ReadFull(f, head)
	h := sha256.New()
	if _, id, ok := bytes.Cut(head[:n], []byte("Go build ID: \"")); ok {
		id, _, _ = bytes.Cut(id, []byte(`"`))
		h.Write(id)
	} else if _, err := f.Seek(0, io.SeekStart); err != nil {
		return release
	} else if _, err := io.Copy(h, f); err != nil {
		return release
	}
	return release + "+" + hex.EncodeToString(h.Sum(nil))[:12]
})

func (a *app) versionCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "version",
		Short:   "Print the version",
		Example: "  galen version",
		Args:    usageArgs(cobra.NoArgs),
		RunE: func(*cobra.Command, []string) error {
			v := map[string]string{"version": version(), "go": runtime.Version(), "os": runtime.GOOS, "arch": runtime.GOARCH}
			return a.print(v, func(w io.Writer) {
				fmt.Fprintf(w, "galen %s %s %s/%s\n", v["version"], v["go"], v["os"], v["arch"])
			})
		},
	}
}

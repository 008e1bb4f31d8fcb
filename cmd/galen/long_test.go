//go:build long

package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// Scripts that wait: testdata/long.
func TestLongScripts(t *testing.T) {
	p := scripts()
	p.Dir = "testdata/long"
	testscript.Run(t, p)
}

// The demo as it is, on the data of this machine: every study is run within three minutes.
func TestWholeDemo(t *testing.T) {
	if os.Getenv("GALEN_DATA") == "" {
		t.Log("GALEN_DATA is not set: studies whose data are not in the program are passed over")
	}
	folder := t.TempDir()
	begin := time.Now()
	code, stdout, stderr := galen(t, "", "demo", "--no-serve", "--folder", folder)
	if code != 0 {
		t.Fatalf("exit code %d\n%s", code, stderr)
	}
	if took := time.Since(begin); took > 3*time.Minute {
		t.Errorf("it took %v", took)
	}
	page, err := os.ReadFile(filepath.Join(folder, "index.html"))
	if err != nil || !strings.Contains(string(page), "report.html") {
		t.Errorf("the page: %v", err)
	}
	t.Log("\n" + stdout)
}

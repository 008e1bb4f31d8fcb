package report

import (
	"bytes"
	"runtime"
	"testing"
)

func render(t *testing.T, r *Report) string {
	t.Helper()
	var b bytes.Buffer
	if err := r.WriteHTML(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestSameBytes(t *testing.T) {
	want := render(t, sampleReport())
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	if got := render(t, sampleReport()); got != want {
		t.Error("the page depends on GOMAXPROCS or on the run")
	}
}

package cases

import (
	"archive/zip"
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"galen.dev/fault"
)

// discard is a container that is not kept.
type discard struct{ io.Writer }

func (discard) Close() error { return nil }

// FuzzCollect reads any bytes as a source: what comes is a collection or an error that is no defect.
func FuzzCollect(f *testing.F) {
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	head := "{'descr': '|u1', 'fortran_order': False, 'shape': (2, 3, 3), }          \n"
	for name, text := range map[string]string{
		"train_images.npy": "\x93NUMPY\x01\x00" + string([]byte{byte(len(head)), 0}) + head + strings.Repeat("\x05", 18),
		"train_labels.npy": "\x93NUMPY\x01\x00" + string([]byte{byte(len(head) - 3), 0}) + strings.Replace(head, ", 3, 3", ", 1", 1) + "\x00\x01",
	} {
		w, err := z.Create(name)
		if err == nil {
			_, err = io.WriteString(w, text)
		}
		if err != nil {
			f.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		f.Fatal(err)
	}
	f.Add(b.Bytes())
	f.Add([]byte("path,label,patient,split\na.png,x,1,train\nb.png,y|z,2,test\n"))
	f.Add([]byte("image,a,b\ninput,1,0\n"))
	f.Add([]byte("\x89PNG\r\n\x1a\n"))
	f.Add([]byte("NRRD0004\ntype: uchar\ndimension: 2\nsizes: 2 2\nencoding: raw\n\n\x01\x02\x03\x04"))
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, data []byte) {
		path := filepath.Join(dir, "input")
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := Collect(t.Context(), path, func(string) (io.WriteCloser, error) { return discard{io.Discard}, nil }, Options{AssumeGeometry: true})
		if err != nil && fault.KindOf(err) == fault.Internal {
			t.Errorf("a defect: %v", err)
		}
	})
}

// FuzzRecords reads any bytes as the lines of a container.
func FuzzRecords(f *testing.F) {
	f.Add([]byte(`{"name":"a","patient":0,"class":1,"image":{"shard":0,"offset":0,"type":1,"dims":[2,2,1],"affine":[[1,0,0,0],[0,1,0,0],[0,0,1,0],[0,0,0,1]]},"hash":"","look":"","range":{"low":0,"high":1}}`))
	f.Add([]byte(`{"image":{"dims":[9000000000,2,1]}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		records, err := readRecords(bytes.NewReader(data), 2)
		if err != nil && fault.KindOf(err) != fault.Corrupt {
			t.Errorf("the error's kind is %v: %v", fault.KindOf(err), err)
		}
		for i := range records {
			if records[i].Image.values() < 1 {
				t.Error("a case without values")
			}
		}
	})
}

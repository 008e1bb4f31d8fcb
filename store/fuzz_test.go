package store

import (
	"bytes"
	"testing"
)

const soundManifest = `{"format":1,"task":"diagnosis/risk","step":"train","key":"k","galen":"v1","inputs":[{"name":"../collect/data.csv",` +
	`"sha256":"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad","size":3}],"outputs":[{"name":"a/b.bin",` +
	`"sha256":"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad","size":3}],"params":{"n":1e400,"s":"x"},"seed":18446744073709551615,` +
	`"started":"2026-01-02T03:04:05.000000006Z","seconds":1.5,"machine":{"os":"linux","arch":"amd64","cores":2,"go":"go1.26"}}`

// What parses is written back and parses to the same bytes again.
func FuzzManifest(f *testing.F) {
	f.Add([]byte(soundManifest))
	f.Add([]byte(`{"format":2}`))
	f.Add([]byte(`{"format":1,"outputs":[{"name":"../x"}]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		m, err := parseManifest(text)
		if err != nil {
			return
		}
		once, err := encodeManifest(m)
		if err != nil {
			t.Fatalf("%q parses and cannot be written: %v", text, err)
		}
		m2, err := parseManifest(once)
		if err != nil {
			t.Fatalf("%q was written as %q, which does not parse: %v", text, once, err)
		}
		twice, err := encodeManifest(m2)
		if err != nil || !bytes.Equal(once, twice) {
			t.Fatalf("%q and %q differ (%v)", once, twice, err)
		}
	})
}

func FuzzRun(f *testing.F) {
	f.Add([]byte(`{"format":1,"id":"a","task":"drug/activity","seed":7,"params":{"epochs":3},"created":"2026-01-02T03:04:05Z","metrics":{"auroc":0.9,"x":null}}`))
	f.Add([]byte(`{"format":1,"id":"../a"}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		r, err := parseRun(text)
		if err != nil {
			return
		}
		once, err := encodeRun(r)
		if err != nil {
			t.Fatalf("%q parses and cannot be written: %v", text, err)
		}
		r2, err := parseRun(once)
		if err != nil {
			t.Fatalf("%q was written as %q, which does not parse: %v", text, once, err)
		}
		twice, err := encodeRun(r2)
		if err != nil || !bytes.Equal(once, twice) {
			t.Fatalf("%q and %q differ (%v)", once, twice, err)
		}
	})
}

func TestManifestsThatAreRefused(t *testing.T) {
	if _, err := parseManifest([]byte(soundManifest)); err != nil {
		t.Fatal(err)
	}
	for from, to := range map[string]string{
		`"format":1`:                   `"format":2`,
		`"task"`:                       `"tusk"`,
		`"train"`:                      `"../x"`,
		`a/b.bin`:                      `../b.bin`,
		`"a/b.bin"`:                    `"manifest.json"`,
		`"seconds":1.5`:                `"seconds":-1`,
		`20015ad","size":3}],"params"`: `20015AD","size":3}],"params"`,
		`"size":3}],"params"`:          `"size":-3}],"params"`,
		`"go":"go1.26"}}`:              `"go":"go1.26"}} x`,
	} {
		text := bytes.Replace([]byte(soundManifest), []byte(from), []byte(to), 1)
		if bytes.Equal(text, []byte(soundManifest)) {
			t.Fatalf("the manifest has no %s", from)
		}
		if _, err := parseManifest(text); err == nil {
			t.Errorf("accepted with %s", to)
		}
	}
}

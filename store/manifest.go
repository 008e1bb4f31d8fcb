package store

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path"
	"path/filepath"
	"sort"
	"strings"
	"time"

	"galen.dev/fault"
)

// Format is the version of run.json and manifest.json that this package writes and reads.
const Format = 1

// File is a file with its fingerprint.
type File struct {
	Name   string `json:"name"`   // of an output: slash-separated path inside the step's folder; of an input: as the step named it
	SHA256 string `json:"sha256"` // 64 lower-case hexadecimal digits
	Size   int64  `json:"size"`   // bytes
}

// Machine is what a step ran on.
type Machine struct {
	OS    string `json:"os"`
	Arch  string `json:"arch"`
	CPU   string `json:"cpu,omitempty"` // model name, where the system tells it
	Cores int    `json:"cores"`         // logical processors that the process may use
	Go    string `json:"go"`            // version of the Go toolchain
}

// Manifest says what a step read, did and wrote. In a step's folder it is also the mark that the step is
// done: it is there only when everything it lists is.
type Manifest struct {
	Format     int            `json:"format"` // filled by Publish
	Task       string         `json:"task"`
	Step       string         `json:"step"`             // filled by Publish
	Key        string         `json:"key"`              // fingerprint of everything the outputs depend on; "" = never reused
	Galen      string         `json:"galen"`            // version of Galen
	Inputs     []File         `json:"inputs,omitempty"` // what was read
	Outputs    []File         `json:"outputs"`          // filled by Publish, sorted by name
	Params     map[string]any `json:"params,omitempty"` // read back, numbers are json.Number, so that none is rounded
	Seed       uint64         `json:"seed"`
	Started    time.Time      `json:"started"`               // zero = when the stage was opened
	Seconds    float64        `json:"seconds"`               // wall-clock duration; 0 = measured by Publish from Started
	Machine    Machine        `json:"machine"`               // zero = this machine
	ReusedFrom string         `json:"reused_from,omitempty"` // the run that computed the outputs, where it was another one
}

// Manifest reads the manifest of a step. A step that is not done is fault.NotFound, an unreadable manifest
// fault.Corrupt.
func (s *Store) Manifest(id, step string) (Manifest, error) {
	if err := errors.Join(checkID(id), checkStep(step)); err != nil {
		return Manifest{}, err
	}
	return readManifest(s.runDir(id), step)
}

func readManifest(runDir, step string) (Manifest, error) {
	name := filepath.Join(runDir, step, manifestFile)
	text, err := os.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		return Manifest{}, fault.Errorf(fault.NotFound, "step %q of run %q is not done", step, filepath.Base(runDir))
	}
	if err != nil {
		return Manifest{}, fault.Disk("reading manifest", err)
	}
	m, err := parseManifest(text)
	if err == nil && m.Step != step {
		err = fmt.Errorf("it belongs to step %q", m.Step)
	}
	if err != nil {
		return Manifest{}, fault.WithHint(fault.Errorf(fault.Corrupt, "manifest %q: %w", name, err),
			"delete the folder of the step and run the study again")
	}
	return m, nil
}

func encodeManifest(m Manifest) ([]byte, error) { return encode(m) }

func encode(v any) ([]byte, error) {
	text, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return nil, err
	}
	return append(text, '\n'), nil
}

// parseManifest reads a manifest and refuses what this version cannot stand for: other formats, unknown
// keys, names outside the folder, malformed hashes.
func parseManifest(text []byte) (Manifest, error) {
	var m Manifest
	if err := checkFormat(text); err != nil {
		return m, err
	}
	if err := decodeStrict(text, &m); err != nil {
		return Manifest{}, err
	}
	if checkStep(m.Step) != nil {
		return Manifest{}, errors.New("the name of the step is not allowed")
	}
	if math.IsNaN(m.Seconds) || m.Seconds < 0 {
		return Manifest{}, errors.New("negative duration")
	}
	for i, f := range m.Outputs {
		if err := checkName(f.Name); err != nil {
			return Manifest{}, err
		}
		if f.Name == manifestFile {
			return Manifest{}, errors.New("it lists itself")
		}
		if i > 0 && m.Outputs[i-1].Name >= f.Name {
			return Manifest{}, errors.New("outputs are not sorted, or one is there twice")
		}
	}
	for _, f := range append(m.Inputs[:len(m.Inputs):len(m.Inputs)], m.Outputs...) {
		if !isSHA256(f.SHA256) || f.Size < 0 {
			return Manifest{}, fmt.Errorf("file %q has a malformed hash or size", f.Name)
		}
	}
	return m, nil
}

// checkFormat reads only the format number, so that a file of a later Galen is named as such.
func checkFormat(text []byte) error {
	var head struct {
		Format int `json:"format"`
	}
	if err := json.Unmarshal(text, &head); err != nil {
		return err
	}
	if head.Format != Format {
		return fmt.Errorf("format %d; this Galen reads format %d", head.Format, Format)
	}
	return nil
}

func decodeStrict(text []byte, v any) error {
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.DisallowUnknownFields()
	dec.UseNumber()
	if err := dec.Decode(v); err != nil {
		return err
	}
	if _, err := dec.Token(); err != io.EOF {
		return errors.New("text after the end")
	}
	return nil
}

// checkName refuses names of outputs that are not clean, relative, portable paths inside a step's folder.
func checkName(name string) error {
	ok := name != "" && len(name) <= 1024 && path.Clean(name) == name && filepath.IsLocal(filepath.FromSlash(name)) &&
		name != "." && !strings.ContainsAny(name, `\:*?"<>|`)
	for _, r := range name {
		ok = ok && r >= 0x20 && r != 0x7f && r != 0xfffd
	}
	if !ok {
		return fault.Errorf(fault.Usage, "file name %q is not allowed in a step", name)
	}
	return nil
}

func isSHA256(s string) bool {
	if len(s) != 64 {
		return false
	}
	for i := range len(s) {
		if c := s[i]; (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}

func sortFiles(files []File) {
	sort.Slice(files, func(i, j int) bool { return files[i].Name < files[j].Name })
}

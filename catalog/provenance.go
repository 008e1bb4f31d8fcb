package catalog

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"galen.dev/fault"
)

// Provenance says where a downloaded file came from. It lies beside the file, under its name with
// ".provenance.json" added.
type Provenance struct {
	Name     string    `json:"name"`                // of the data set
	URL      string    `json:"url"`                 // as in the catalogue
	Served   string    `json:"served_by,omitempty"` // the address that answered, where the publisher redirected
	ETag     string    `json:"etag,omitempty"`
	Fetched  time.Time `json:"fetched"`
	Sums               // of the file
	Basis    Basis     `json:"compared_with"` // at the download
	Licence  string    `json:"licence"`
	Citation string    `json:"citation"`
}

func provenancePath(file string) string { return file + ".provenance.json" }

// readProvenance returns nil where a file has no provenance.
func readProvenance(file string) (*Provenance, error) {
	text, err := os.ReadFile(provenancePath(file))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, storageError(context.Background(), "reading provenance", err)
	}
	p, err := parseProvenance(text)
	if err != nil {
		return nil, fault.WithHint(fault.Errorf(fault.Corrupt, "provenance %q: %w", provenancePath(file), err),
			"delete it; the next download is then taken as the first")
	}
	return &p, nil
}

func parseProvenance(text []byte) (Provenance, error) {
	var p Provenance
	if err := json.Unmarshal(text, &p); err != nil {
		return p, err
	}
	if len(p.SHA256) != 64 || p.Size < 0 {
		return p, errors.New("malformed checksum or size")
	}
	return p, nil
}

func (p Provenance) write(file string) error {
	text, err := json.MarshalIndent(p, "", "  ")
	if err != nil {
		return fmt.Errorf("writing provenance of %q: %w", file, err)
	}
	return writeWhole(provenancePath(file), append(text, '\n'))
}

// writeWhole writes a file so that it is there entirely or not at all.
func writeWhole(path string, data []byte) error {
	doing := fmt.Sprintf("writing %q", path)
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		return storageError(context.Background(), doing, err)
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".galen-*")
	if err != nil {
		return storageError(context.Background(), doing, err)
	}
	_, err = f.Write(data)
	err = errors.Join(err, f.Chmod(0o644), f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		_ = os.Remove(f.Name())
		return storageError(context.Background(), doing, err)
	}
	return nil
}

// storageError is fault.Disk, but that a cancelled context wins.
func storageError(ctx context.Context, doing string, err error) error {
	if err != nil && ctx.Err() != nil {
		return ctx.Err()
	}
	return fault.Disk(doing, err)
}

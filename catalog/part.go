package catalog

import (
	"encoding/json"
	"errors"
	"io"
	"os"
	"time"

	"galen.dev/fault"
	"galen.dev/store/flock"
)

// part is a file being downloaded. It is locked, so that of two pulls at once one is refused instead of both
// writing into it.
type part struct {
	file *os.File // nil once it has its final name or is gone
	path string
}

// partState is kept beside a part: what the bytes in it belong to.
type partState struct {
	URL       string `json:"url"`
	Validator string `json:"validator"` // a strong ETag, or else the date of the last change; "" = the server gave none
}

func openPart(dest string) (*part, error) {
	path := dest + ".part"
	for range 10 {
		f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o644)
		if err != nil {
			return nil, storageError(noContext, "opening the part file", err)
		}
		err = flock.Try(f)
		if errors.Is(err, flock.ErrLocked) {
			_ = f.Close()
			return nil, fault.WithHint(fault.Errorf(fault.Busy, "it is being downloaded by another process"), "wait for that download to end")
		}
		if err != nil {
			_ = f.Close()
			return nil, storageError(noContext, "locking the part file", err)
		}
		// Between opening and locking, the former holder may have given the file its final name.
		mine, err1 := f.Stat()
		named, err2 := os.Stat(path)
		if err1 == nil && err2 == nil && os.SameFile(mine, named) {
			return &part{file: f, path: path}, nil
		}
		_ = flock.Release(f)
		time.Sleep(time.Millisecond)
	}
	return nil, fault.Errorf(fault.Busy, "it is being downloaded by another process")
}

func (p *part) statePath() string { return p.path + ".json" }

// state returns what the part belongs to and how many bytes it has; nothing when that is unknown.
func (p *part) state() (partState, int64) {
	var st partState
	text, err := os.ReadFile(p.statePath())
	if err != nil || json.Unmarshal(text, &st) != nil {
		return partState{}, 0
	}
	info, err := p.file.Stat()
	if err != nil {
		return partState{}, 0
	}
	return st, info.Size()
}

// begin empties the part for a new download.
func (p *part) begin(st partState) error {
	if err := p.file.Truncate(0); err != nil {
		return err
	}
	text, err := json.Marshal(st)
	if err != nil {
		return err
	}
	return writeWhole(p.statePath(), text)
}

// empty drops the bytes, so that the next attempt begins anew.
func (p *part) empty() { _ = p.file.Truncate(0) }

// at places the next write.
func (p *part) at(offset int64) error {
	_, err := p.file.Seek(offset, io.SeekStart)
	return err
}

// publish gives the complete part its final name.
func (p *part) publish(dest string) error {
	if err := p.file.Sync(); err != nil {
		return err
	}
	if err := os.Rename(p.path, dest); err != nil {
		// Windows does not rename open files; nobody else has a use for the part once it is complete.
		f := p.file
		p.file = nil
		if err := errors.Join(flock.Release(f), os.Rename(p.path, dest)); err != nil {
			return err
		}
	}
	_ = os.Remove(p.statePath())
	return nil
}

// discard removes the part with all it has.
func (p *part) discard() {
	_ = p.file.Truncate(0)
	_ = os.Remove(p.statePath())
	_ = os.Remove(p.path)
}

// release ends the lock. A part with bytes stays for the next attempt; an empty one goes.
func (p *part) release() {
	if p.file == nil {
		return
	}
	mine, err := p.file.Stat()
	named, nerr := os.Stat(p.path)
	if err == nil && nerr == nil && mine.Size() == 0 && os.SameFile(mine, named) {
		_ = os.Remove(p.statePath())
		_ = os.Remove(p.path)
	}
	_ = flock.Release(p.file)
	p.file = nil
}

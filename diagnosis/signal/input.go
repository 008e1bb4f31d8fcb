package signal

import (
	"archive/zip"
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path"
	"path/filepath"
	"testing/fstest"

	"galen.dev/fault"
	waves "galen.dev/signal"
)

// jsonRecording is a recording in JSON. A null among samples is a gap.
type jsonRecording struct {
	Record   string `json:"record"`
	Channels []struct {
		Name    string     `json:"name"`
		Unit    string     `json:"unit"`
		Rate    float64    `json:"rate"`
		Samples []*float64 `json:"samples"`
	} `json:"channels"`
}

// maxInput bounds an archive or a single recording that is read at once.
const maxInput = 4 << 30

// inputs hands out the recordings of the input: JSON (an array, or one object a line), a matrix with a signal in each
// row, a zip archive of recordings, or one recording file. A WFDB record is named by its header; its other files are
// read beside it.
func (a *applier) inputs(ctx context.Context, yield func(*waves.Recording) error) error {
	in, err := a.run.Input.Read()
	if err != nil {
		return err
	}
	defer in.Close()
	name := a.run.Input.Path
	buffered := bufio.NewReaderSize(in, 1<<16)
	head, _ := buffered.Peek(waves.HeadSize)
	first := bytes.TrimLeft(head, " \t\r\n\ufeff")
	switch {
	case bytes.HasPrefix(head, []byte("PK\x03\x04")):
		return a.archive(ctx, buffered, name, yield)
	case len(first) > 0 && (first[0] == '{' || first[0] == '['):
		return a.json(ctx, buffered, name, yield)
	case path.Ext(name) == ".hea":
		if _, err := io.Copy(io.Discard, buffered); err != nil { // the audit's hash covers the header
			return err
		}
		return a.one(ctx, os.DirFS(filepath.Dir(name)), filepath.Base(name), yield)
	case bytes.HasPrefix(head, []byte("0       ")), bytes.HasPrefix(head, []byte("\xffBIOSEMI")):
		content, err := io.ReadAll(io.LimitReader(buffered, maxInput))
		if err != nil {
			return fault.Disk("reading the input", err)
		}
		base := path.Base(filepath.ToSlash(name))
		return a.one(ctx, fstest.MapFS{base: {Data: content}}, base, yield)
	}
	return a.matrix(ctx, buffered, name, yield)
}

func (a *applier) one(ctx context.Context, fsys fs.FS, name string, yield func(*waves.Recording) error) error {
	rec, err := formats.Read(ctx, fsys, name)
	if err != nil {
		return err
	}
	if err := rec.Check(); err != nil {
		return err
	}
	return yield(rec)
}

// archive reads every recording of a zip archive, by name.
func (a *applier) archive(ctx context.Context, in io.Reader, name string, yield func(*waves.Recording) error) error {
	content, err := io.ReadAll(io.LimitReader(in, maxInput))
	if err != nil {
		return fault.Disk("reading the input", err)
	}
	z, err := zip.NewReader(bytes.NewReader(content), int64(len(content)))
	if err != nil {
		return fault.Errorf(fault.Data, "%s: the archive is damaged", path.Base(name))
	}
	total := uint64(0)
	for _, f := range z.File {
		total += min(f.UncompressedSize64, maxInput)
	}
	if total > maxInput {
		return fault.Errorf(fault.Data, "%s: the files of the archive claim over 4 GiB together", path.Base(name))
	}
	list, err := formats.List(ctx, z)
	if err != nil {
		return err
	}
	if len(list) == 0 {
		return fault.Errorf(fault.Data, "%s: the archive holds no recording", path.Base(name))
	}
	for _, n := range wholes(z, list) {
		if err := a.one(ctx, z, n, yield); err != nil {
			return fmt.Errorf("%s in the archive: %w", n, err)
		}
	}
	return nil
}

// json reads recordings as objects.
func (a *applier) json(ctx context.Context, in io.Reader, name string, yield func(*waves.Recording) error) error {
	buf := bufio.NewReader(in)
	for {
		b, err := buf.Peek(1)
		if err != nil || !bytes.ContainsAny(b, " \t\r\n") {
			break
		}
		_, _ = buf.Discard(1)
	}
	dec := json.NewDecoder(buf)
	dec.DisallowUnknownFields()
	list := false
	if b, err := buf.Peek(1); err == nil && b[0] == '[' {
		list = true
		if _, err := dec.Token(); err != nil {
			return fault.Errorf(fault.Data, "%s: not JSON", path.Base(name))
		}
	}
	for n := 1; ; n++ {
		if err := ctx.Err(); err != nil {
			return err
		}
		if list && !dec.More() {
			return nil
		}
		var j jsonRecording
		if err := dec.Decode(&j); errors.Is(err, io.EOF) && !list {
			return nil
		} else if err != nil {
			return fault.WithHint(fault.Errorf(fault.Data, "%s: recording %d is not in the form of one", path.Base(name), n), `{"record": "a", "channels": [{"name": "II", "unit": "mV", "rate": 250, "samples": [0.1, null]}]}`)
		}
		rec := &waves.Recording{Name: j.Record}
		for _, c := range j.Channels {
			ch := waves.Channel{Name: c.Name, Unit: waves.UCUM(c.Unit), Rate: c.Rate, Samples: make([]float64, len(c.Samples))}
			for i, v := range c.Samples {
				if ch.Samples[i] = math.NaN(); v != nil {
					ch.Samples[i] = *v
				}
			}
			rec.Channels = append(rec.Channels, ch)
		}
		if err := rec.Check(); err != nil {
			return fmt.Errorf("recording %d of the input: %w", n, err)
		}
		if err := yield(rec); err != nil {
			return err
		}
	}
}

// matrix reads a signal from each row.
func (a *applier) matrix(ctx context.Context, in io.Reader, name string, yield func(*waves.Recording) error) error {
	channels := a.model.plan.Channels
	if len(channels) != 1 {
		return fault.WithHint(fault.Errorf(fault.Data, "%s is no recording of a known format, and a matrix holds one channel, where the model takes %d", path.Base(name), len(channels)), "give WFDB (its .hea), EDF, a zip archive of such, or JSON")
	}
	return readMatrix(ctx, in, name, a.labelled, func(row int, m matrixRow) error {
		x := trimEnd(m.samples)
		rec := &waves.Recording{Name: fmt.Sprintf("row %d", row), Channels: []waves.Channel{{Name: channels[0].Name, Unit: channels[0].Unit, Rate: channels[0].Rate, Samples: make([]float64, len(x))}}}
		for i, v := range x {
			rec.Channels[0].Samples[i] = float64(v)
		}
		if err := rec.Check(); err != nil {
			return fmt.Errorf("row %d of the input: %w", row, err)
		}
		return yield(rec)
	})
}

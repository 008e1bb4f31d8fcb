package wfdb

import (
	"encoding/binary"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"galen.dev/fault"
	"galen.dev/signal"
)

var recordName = regexp.MustCompile(`^[-\w]+$`)

// Write writes a recording as NAME.hea and NAME.dat, in format 16, into a folder. Each channel is spread over the
// range of the format, so that samples come back to within half a step, a 65,000th of their range. Channels share
// one rate. A file that is there already is an error.
func Write(folder string, r *signal.Recording) error {
	if err := r.Check(); err != nil {
		return err
	}
	if !recordName.MatchString(r.Name) {
		return fault.Errorf(fault.Usage, "a record's name is letters, digits, - and _")
	}
	n := len(r.Channels[0].Samples)
	data := make([]byte, 2*n*len(r.Channels))
	var hea strings.Builder
	fmt.Fprintf(&hea, "%s %d %v %d%s\n", r.Name, len(r.Channels), r.Channels[0].Rate, n, clock(r))
	for i := range r.Channels {
		c := &r.Channels[i]
		if c.Rate != r.Channels[0].Rate || len(c.Samples) != n {
			return fault.Errorf(fault.Usage, "record %s: channel %q has another rate or length than the first", r.Name, c.Name)
		}
		gain, baseline := spread(c.Samples)
		sum := uint16(0)
		first := int16(0)
		for k, v := range c.Samples {
			d := int16(math.MinInt16)
			if !math.IsNaN(v) {
				d = int16(math.RoundToEven(v*gain) + baseline)
			}
			if k == 0 {
				first = d
			}
			sum += uint16(d)
			binary.LittleEndian.PutUint16(data[2*(k*len(r.Channels)+i):], uint16(d))
		}
		unit := strings.ReplaceAll(c.Unit, " ", "_")
		if unit == "" {
			unit = "NU"
		}
		fmt.Fprintf(&hea, "%s.dat 16 %v(%d)/%s 16 0 %d %d 0 %s\n", r.Name, gain, int(baseline), unit, first, int16(sum), oneLine(c.Name))
	}
	for _, text := range r.Comments {
		fmt.Fprintf(&hea, "# %s\n", oneLine(text))
	}
	if err := create(filepath.Join(folder, r.Name+".dat"), data); err != nil {
		return err
	}
	return create(filepath.Join(folder, r.Name+".hea"), []byte(hea.String()))
}

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

func clock(r *signal.Recording) string {
	if r.Start.IsZero() {
		return ""
	}
	return r.Start.Format(" 15:04:05.000000 02/01/2006")
}

// spread chooses gain and baseline so that the samples fill the range of 16 bits, without the value that means
// that there is none.
func spread(samples []float64) (gain, baseline float64) {
	low, high := math.Inf(1), math.Inf(-1)
	for _, v := range samples {
		low, high = math.Min(low, cmpNaN(v, low)), math.Max(high, cmpNaN(v, high))
	}
	if !(high > low) {
		if math.IsInf(low, 0) {
			low = 0
		}
		low, high = low-1, low+1
	}
	gain = 65_000 / (high - low)
	return gain, math.Round(-32_500 - low*gain)
}

// cmpNaN is v, or the other value where v is NaN.
func cmpNaN(v, other float64) float64 {
	if math.IsNaN(v) {
		return other
	}
	return v
}

func create(path string, data []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return fault.Disk("writing a record", err)
	}
	if _, err := f.Write(data); err != nil {
		f.Close()
		return fault.Disk("writing a record", err)
	}
	return fault.Disk("writing a record", f.Close())
}

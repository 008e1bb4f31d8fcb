package cases

import (
	"fmt"
	"math/bits"
	"slices"

	"galen.dev/fault"
	"galen.dev/quality"
	"galen.dev/volume"
)

// check looks at all cases together, and refuses what cannot be studied.
func (g *gathering) check() error {
	c, l := g.collection, g.layout
	c.Patients = len(g.patients)
	if g.blanks.Count > 0 {
		g.blanks.Name, g.blanks.Severity, g.blanks.Message = "blank-images", fault.Warning, "images have one value throughout"
		l.findings = append(l.findings, g.blanks)
	}
	l.findings = append(l.findings, bothSides(c.Records)...)
	l.findings = append(l.findings, copies(c.Records)...)
	l.findings = append(l.findings, alike(c.Records)...)
	l.findings = append(l.findings, emptyClasses(c)...)
	kept, waived, _ := quality.Waive(l.findings, g.options.Waive)
	var severe []fault.Finding
	for _, f := range kept {
		if f.Severity == fault.Severe {
			severe = append(severe, f)
		}
	}
	if len(severe) > 0 {
		return fault.WithHint(fault.Refuse("reading images", severe), "mend the source, or let a finding pass by its name under waive: in the study (for example waive: [%s]); the images concerned are then left out", severe[0].Name)
	}
	if len(c.Records) == 0 {
		return fault.Errorf(fault.Data, "reading images: no image is left")
	}
	c.Findings, c.Waived = kept, waived
	return nil
}

// emptyClasses are classes that no image is left of.
func emptyClasses(c *Collection) []fault.Finding {
	if c.Kind != Classes {
		return nil
	}
	counts := make([]int, len(c.Names))
	for i := range c.Records {
		if k := c.Records[i].Class; k >= 0 {
			counts[k]++
		}
	}
	var out []fault.Finding
	for k, n := range counts {
		if n == 0 {
			out = append(out, fault.Finding{Name: "empty-class", Severity: fault.Severe, Column: c.Names[k], Message: "no image is of this class"})
		}
	}
	return out
}

// bothSides finds patients whom the source puts on more than one side of its split.
func bothSides(records []Record) []fault.Finding {
	first := map[int]string{}
	patients := map[int]bool{}
	f := fault.Finding{Name: "patient-leakage", Severity: fault.Severe, Message: "images of one patient are on different sides of the given split", Hint: "put all of a patient's images on one side, or leave the split out and let Galen draw it"}
	for i := range records {
		r := &records[i]
		if r.Split == "" {
			continue
		}
		if was, ok := first[r.Patient]; !ok {
			first[r.Patient] = r.Split
		} else if was != r.Split {
			patients[r.Patient] = true
			if f.Count++; len(f.Rows) < fault.MaxRows {
				f.Rows = append(f.Rows, i+1)
			}
		}
	}
	if f.Count == 0 {
		return nil
	}
	f.Message = fmt.Sprintf("%s: %s", fault.Count(len(patients), "patient"), f.Message)
	return []fault.Finding{f}
}

// copies finds images that occur more than once to the last bit: across the split, with different labels, or else.
func copies(records []Record) []fault.Finding {
	first := map[string]int{}
	across := fault.Finding{Name: "copies-across-split", Severity: fault.Warning, Message: "images are copies of others on another side of the given split", Hint: "scores may be too good"}
	conflict := fault.Finding{Name: "label-conflict", Severity: fault.Warning, Message: "images are copies of others with another label"}
	plain := fault.Finding{Name: "copies", Severity: fault.Info, Message: "images are copies of others"}
	for i := range records {
		r := &records[i]
		k, seen := first[r.Hash]
		if !seen {
			first[r.Hash] = i
			continue
		}
		f := &plain
		switch o := &records[k]; {
		case o.Class != r.Class || !slices.Equal(o.Labels, r.Labels):
			f = &conflict
		case o.Split != r.Split:
			f = &across
		}
		if f.Count++; len(f.Rows) < fault.MaxRows {
			f.Rows = append(f.Rows, i+1)
		}
	}
	var out []fault.Finding
	for _, f := range []fault.Finding{across, conflict, plain} {
		if f.Count > 0 {
			out = append(out, f)
		}
	}
	return out
}

// lookSize is the side of the small picture by which look-alikes are found.
const lookSize = 16

// look is a small picture of the middle slice of the first channel, 16×16 means, stretched to 0..255.
func look(v *volume.Volume) []byte {
	plane := v.Dims[0] * v.Dims[1]
	d := v.Frame(0, 0).Cut(v.Dims[2]/2*plane, (v.Dims[2]/2+1)*plane)
	mean := make([]float64, lookSize*lookSize)
	for y := range lookSize {
		for x := range lookSize {
			x0, x1 := span(x, v.Dims[0])
			y0, y1 := span(y, v.Dims[1])
			sum := 0.0
			for j := y0; j < y1; j++ {
				for i := x0; i < x1; i++ {
					sum += d.At(j*v.Dims[0] + i)
				}
			}
			mean[y*lookSize+x] = sum / float64((x1-x0)*(y1-y0))
		}
	}
	low, high := slices.Min(mean), slices.Max(mean)
	out := make([]byte, len(mean))
	if high > low {
		for i, m := range mean {
			out[i] = byte(255*(m-low)/(high-low) + .5)
		}
	}
	return out
}

// span is the part of n pixels under cell k of lookSize; one pixel at least.
func span(k, n int) (from, to int) {
	from, to = k*n/lookSize, (k+1)*n/lookSize
	if to <= from {
		from = min(from, n-1)
		to = from + 1
	}
	return from, to
}

const (
	lookBands = 8  // of 32 bits: hashes that differ in fewer than 8 bits share one whole
	lookBits  = 7  // so many may differ
	lookError = 4. // mean absolute difference of the small pictures, of 255
	lookQueue = 64 // comparisons per image and band, so that a thousand blank images cost no million
)

// alike finds images that look like others on another side of the given split: the difference hash of their small
// pictures is nearly equal, and so are the pictures. Copies are reported apart.
func alike(records []Record) []fault.Finding {
	type hash [4]uint64
	hashes := make([]hash, len(records))
	for i := range records {
		p := records[i].Look
		for k := range lookSize * lookSize {
			right := k - k%lookSize + (k+1)%lookSize
			if p[k] < p[right] {
				hashes[i][k/64] |= 1 << (k % 64)
			}
		}
	}
	f := fault.Finding{Name: "look-alikes-across-split", Severity: fault.Info, Message: "images look nearly like others on another side of the given split", Hint: "they may show one patient"}
	found := make([]bool, len(records))
	for band := range lookBands {
		seen := map[uint32][]int{}
		for i := range records {
			if records[i].Split == "" || records[i].Range.Low == records[i].Range.High {
				continue
			}
			key := uint32(hashes[i][band/2] >> (32 * (band % 2)))
			for _, k := range seen[key] {
				if found[i] || records[i].Split == records[k].Split || records[i].Hash == records[k].Hash {
					continue
				}
				differ := 0
				for w := range hashes[i] {
					differ += bits.OnesCount64(hashes[i][w] ^ hashes[k][w])
				}
				found[i] = differ <= lookBits && difference(records[i].Look, records[k].Look) <= lookError
			}
			if len(seen[key]) < lookQueue {
				seen[key] = append(seen[key], i)
			}
		}
	}
	for i := range found {
		if found[i] {
			if f.Count++; len(f.Rows) < fault.MaxRows {
				f.Rows = append(f.Rows, i+1)
			}
		}
	}
	if f.Count == 0 {
		return nil
	}
	return []fault.Finding{f}
}

func difference(a, b []byte) float64 {
	sum := 0
	for i := range a {
		d := int(a[i]) - int(b[i])
		sum += max(d, -d)
	}
	return float64(sum) / float64(len(a))
}

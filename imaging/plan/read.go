package plan

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"

	"galen.dev/fault"
)

// Read reads a plan file, which people may have changed. The error lists everything that is wrong with it. What
// follows from the rest (estimates, operations) is computed anew.
func Read(data []byte, file string) (*Plan, error) {
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	p := new(Plan)
	if err := d.Decode(p); err != nil {
		line := 1 + bytes.Count(data[:min(int64(len(data)), d.InputOffset())], []byte("\n"))
		return nil, fault.Refuse(fmt.Sprintf("reading plan %q", file), []fault.Finding{{Name: "plan", Severity: fault.Severe, File: file, Line: line, Message: err.Error()}})
	}
	if d.More() {
		return nil, fault.Errorf(fault.Data, "reading plan %q: something follows the plan", file)
	}
	k := &checker{file: file}
	k.plan(p)
	if err := fault.Refuse(fmt.Sprintf("reading plan %q", file), k.findings); err != nil {
		return nil, err
	}
	for i := range p.Configurations {
		p.Configurations[i].measure(len(p.Channels), len(p.Classes)+1)
	}
	p.Memory.TrainingBytes = Bytes(*p.Chosen(), len(p.Channels), len(p.Classes)+1)
	if l := p.Memory.LimitBytes; l > 0 && p.Memory.TrainingBytes > l {
		return nil, fault.WithHint(fault.Errorf(fault.Usage, "plan %q: training would take %d MiB, and memory.limit_bytes allows %d MiB", file, p.Memory.TrainingBytes>>20, l>>20),
			"make the patch, the batch or the features smaller, or allow more memory")
	}
	return p, nil
}

type checker struct {
	file     string
	findings []fault.Finding
}

func (k *checker) that(ok bool, key, format string, args ...any) {
	if !ok {
		k.findings = append(k.findings, fault.Finding{Name: "plan", Severity: fault.Severe, File: k.file, Column: key, Message: fmt.Sprintf(format, args...)})
	}
}

func (k *checker) plan(p *Plan) {
	k.that(p.Format == Format, "format", "format %d; this version reads %d", p.Format, Format)
	order := p.Transpose
	slices.Sort(order[:])
	k.that(order == [3]int{0, 1, 2}, "transpose", "%v is no order of the axes 0, 1, 2", p.Transpose)
	k.that(p.Resampling == orders, "resampling", "is for information and cannot be changed: %+v", orders)
	k.that(len(p.Channels) > 0, "channels", "no channel")
	for i, c := range p.Channels {
		key := fmt.Sprintf("channels[%d]", i)
		k.that(slices.Contains([]Scheme{CT, ZScore, Keep, MinMax, ByteTo01}, c.Scheme), key+".scheme", "%q is no scheme: ct, zscore, nonorm, rescale_to_0_1 or rgb_to_0_1", c.Scheme)
		k.that(!c.Masked || c.Scheme == ZScore, key+".masked", "only zscore can be masked")
		for _, v := range []float64{c.Mean, c.SD, c.Low, c.High, c.Min, c.Max} {
			k.that(!math.IsNaN(v) && math.Abs(v) < 1e30, key, "%g is no statistic of an image", v)
		}
		k.that(c.SD >= 0 && c.Low <= c.High && c.Min <= c.Max, key, "a negative deviation, or percentiles or range the wrong way round")
	}
	k.that(len(p.Classes) > 0, "classes", "no class to learn")
	seen := map[uint16]bool{}
	for i, c := range p.Classes {
		key := fmt.Sprintf("classes[%d]", i)
		k.that(c.Value > 0 && !seen[c.Value], key+".value", "%d is background, or stands twice", c.Value)
		k.that(c.Name != "" && len(c.Name) <= 64, key+".name", "a class needs a name of at most 64 bytes")
		seen[c.Value] = true
	}
	k.that(len(p.Configurations) <= 8, "configurations", "%d configurations: at most 8", len(p.Configurations))
	var names []string
	for i := range p.Configurations {
		k.configuration(fmt.Sprintf("configurations[%d]", i), &p.Configurations[i])
		names = append(names, p.Configurations[i].Name)
	}
	k.that(p.Chosen() != nil, "use", "%q is none of the configurations %s", p.Use, strings.Join(names, ", "))
	k.that(p.Memory.LimitBytes >= 0, "memory.limit_bytes", "a negative limit")
}

func (k *checker) configuration(key string, c *Configuration) {
	n := len(c.Patch)
	k.that(n == 2 || n == 3, key+".patch", "a patch has two or three sizes, not %d", n)
	k.that(len(c.SpacingMM) == n, key+".spacing_mm", "%d spacings for a patch of %d axes", len(c.SpacingMM), n)
	for _, s := range c.SpacingMM {
		k.that(s > 1e-6 && s < 1e6, key+".spacing_mm", "%g mm is no spacing", s)
	}
	k.that(c.Batch >= 1 && c.Batch <= 4096, key+".batch", "a batch of %d", c.Batch)
	k.that(len(c.Features) >= 1 && len(c.Features) <= 12, key+".features", "%d stages: 1 to 12", len(c.Features))
	for _, f := range c.Features {
		k.that(f >= 1 && f <= 4096, key+".features", "%d channels in a stage", f)
	}
	k.that(len(c.Kernels) == len(c.Features) && len(c.Strides) == len(c.Features), key, "features, kernels and strides must be lists of equal length")
	divisor := slices.Repeat([]int{1}, n)
	for s := range min(len(c.Kernels), len(c.Strides)) {
		if len(c.Kernels[s]) != n || len(c.Strides[s]) != n {
			k.that(false, key, "stage %d: kernel and stride need a number for each of %d axes", s, n)
			continue
		}
		for a := range n {
			k.that(c.Kernels[s][a] == 1 || c.Kernels[s][a] == 3 || c.Kernels[s][a] == 5, fmt.Sprintf("%s.kernels[%d]", key, s), "%d: kernels are 1, 3 or 5", c.Kernels[s][a])
			stride := c.Strides[s][a]
			k.that(stride == 1 || stride == 2 && s > 0, fmt.Sprintf("%s.strides[%d]", key, s), "%d: strides are 1 or 2, and 1 in the first stage", stride)
			divisor[a] = min(divisor[a]*max(stride, 1), 1<<20)
		}
	}
	for a, size := range c.Patch {
		k.that(size >= 1 && size <= 4096 && size%divisor[a] == 0, key+".patch", "%d is no multiple of %d, which the strides ask for, up to 4096", size, divisor[a])
	}
	if n == 2 || n == 3 {
		k.that(voxels(c.Patch) <= 1<<28, key+".patch", "%v has more voxels than any memory", c.Patch)
	}
}

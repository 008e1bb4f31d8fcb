package segment

import (
	"bytes"
	"compress/gzip"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"galen.dev/fault"
	"galen.dev/imaging/plan"
	"galen.dev/nifti"
	"galen.dev/task"
	"galen.dev/volume"
)

// rewrite replaces a NIfTI file by what change makes of its image.
func rewrite(t *testing.T, name string, change func(v *volume.Volume) *volume.Volume) {
	t.Helper()
	im, err := nifti.Read(t.Context(), name, nifti.Options{AllowNaN: true})
	if err != nil {
		t.Fatal(err)
	}
	if err := nifti.New(change(im.Volume)).Write(t.Context(), name); err != nil {
		t.Fatal(err)
	}
}

// TestRefuses: data that cannot be learned from are refused before any training, by name and with a cure.
func TestRefuses(t *testing.T) {
	dims := [3]int{12, 12, 6}
	image := func(folder string, i int) string {
		return filepath.Join(folder, "images", []string{"case00", "case01", "case02"}[i]+".nii.gz")
	}
	mask := func(folder string, i int) string { return strings.Replace(image(folder, i), "images", "labels", 1) }
	for name, c := range map[string]struct {
		cases int
		spoil func(t *testing.T, folder string)
		more  map[string]any
		want  []string
	}{
		"mask on another grid": {8, func(t *testing.T, folder string) {
			rewrite(t, mask(folder, 1), func(v *volume.Volume) *volume.Volume {
				v.Affine = v.Affine.WithOrigin(volume.Vec{1, 2, 3})
				return v
			})
		}, nil, []string{"case01", "grid"}},
		"mask of another size": {8, func(t *testing.T, folder string) {
			rewrite(t, mask(folder, 0), func(v *volume.Volume) *volume.Volume {
				return v.Cut(volume.Box{To: [3]int{12, 12, 5}}, 0)
			})
		}, nil, []string{"case00"}},
		"voxels that are not numbers": {8, func(t *testing.T, folder string) {
			rewrite(t, image(folder, 2), func(v *volume.Volume) *volume.Volume {
				v = v.Real()
				v.Data.(volume.Slice[float32])[7] = float32(math.NaN())
				return v
			})
		}, nil, []string{"case02"}},
		"truncated file": {8, func(t *testing.T, folder string) {
			data, err := os.ReadFile(image(folder, 1))
			if err == nil {
				err = os.WriteFile(image(folder, 1), data[:len(data)/2], 0o644)
			}
			if err != nil {
				t.Fatal(err)
			}
		}, nil, []string{"case01"}},
		"bomb": {8, func(t *testing.T, folder string) {
			var b bytes.Buffer
			w := gzip.NewWriter(&b)
			head := make([]byte, 352) // a NIfTI-1 header that claims 30000 cubed voxels
			head[0], head[1] = 0x5c, 1
			head[40] = 3
			for _, at := range []int{42, 44, 46} {
				head[at], head[at+1] = 0x30, 0x75
			}
			head[70], head[72] = 4, 16
			copy(head[344:], "n+1\x00")
			if _, err := w.Write(head); err != nil {
				t.Fatal(err)
			}
			if _, err := w.Write(make([]byte, 1<<20)); err != nil {
				t.Fatal(err)
			}
			if err := w.Close(); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(image(folder, 0), b.Bytes(), 0o644); err != nil {
				t.Fatal(err)
			}
		}, nil, []string{"case00"}},
		"labels that no class names": {8, func(*testing.T, string) {}, map[string]any{"classes": map[string]float64{"organ": 1}}, []string{"no class names", "[2]", "case"}},
		"labels that number instances": {8, func(t *testing.T, folder string) {
			for k := range 3 {
				rewrite(t, mask(folder, k), func(v *volume.Volume) *volume.Volume {
					numbers := make([]uint8, v.Voxels())
					for i := range numbers {
						numbers[i] = uint8(i % (3 * fewLabels))
					}
					return volume.New(v.Geometry, numbers)
				})
			}
		}, nil, []string{"without names", "instances: border"}},
		"no foreground": {8, func(t *testing.T, folder string) {
			for _, e := range must(os.ReadDir(filepath.Join(folder, "labels"))) {
				rewrite(t, filepath.Join(folder, "labels", e.Name()), func(v *volume.Volume) *volume.Volume {
					return volume.New(v.Geometry, make([]uint8, v.Voxels()))
				})
			}
		}, map[string]any{"classes": map[string]float64{"organ": 1}}, []string{"nothing to learn"}},
		"a single case":         {1, func(*testing.T, string) {}, nil, []string{"train", "test"}},
		"a plan for other data": {8, func(*testing.T, string) {}, map[string]any{"plan": handPlan(t, filepath.Join(t.TempDir(), "plan.json"))}, []string{"other classes"}},
		"channels":              {8, func(*testing.T, string) {}, map[string]any{"channels": []string{"T1", "T2"}}, []string{"2 channels"}},
	} {
		t.Run(name, func(t *testing.T) {
			folder := bodies(t, c.cases, dims)
			c.spoil(t, folder)
			s := solid(folder, t.TempDir())
			delete(s.Params, "classes")
			delete(s.Params, "channels")
			for k, v := range c.more {
				s.Params[k] = v
			}
			b := newBench(t)
			_, err := b.x.Run(t.Context(), s, task.Preprocess)
			if err == nil {
				t.Fatal("was not refused")
			}
			if k := fault.KindOf(err); k != fault.Data && k != fault.Usage {
				t.Errorf("the kind is %v: %v", k, err)
			}
			text := err.Error() + " " + fault.HintOf(err)
			for _, want := range c.want {
				if !strings.Contains(text, want) {
					t.Errorf("the error does not speak of %q: %s", want, text)
				}
			}
		})
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// TestMemoryBoundsThePlan: a smaller bound gives a smaller patch or batch, never a plan above the bound.
func TestMemoryBoundsThePlan(t *testing.T) {
	f := &plan.Fingerprint{Channels: []plan.Intensity{{Name: "CT"}}, RelativeSize: 1}
	for range 20 {
		f.SpacingsMM, f.Shapes = append(f.SpacingsMM, [3]float64{2, .8, .8}), append(f.Shapes, [3]int{120, 400, 400})
	}
	last := int64(math.MaxInt64)
	for _, limit := range []int64{8 << 30, 2 << 30, 1 << 30, 512 << 20} {
		p, err := plan.Make(f, []plan.Class{{Value: 1, Name: "organ"}}, plan.Options{Base: 16, Limit: limit, TargetGB: 8})
		if err != nil {
			t.Fatal(err)
		}
		c := p.Chosen()
		size := int64(c.Batch)
		for _, n := range c.Patch {
			size *= int64(n)
		}
		if p.Memory.TrainingBytes > limit || size > last {
			t.Errorf("limit %d MiB: %v × %d takes %d MiB", limit>>20, c.Patch, c.Batch, p.Memory.TrainingBytes>>20)
		}
		last = size
	}
	if _, err := plan.Make(f, []plan.Class{{Value: 1, Name: "organ"}}, plan.Options{Limit: 1 << 20}); fault.KindOf(err) != fault.Usage || !strings.Contains(fault.HintOf(err), "memory") {
		t.Errorf("a bound below the smallest patch: %v", err)
	}
}

// TestSteps: places between planes as scipy.ndimage.zoom with grid_mode has them; the nearest one where planes are
// thick.
func TestSteps(t *testing.T) {
	got := steps(4, 2, false)
	for i, want := range []step{{0, 0, 0}, {0, 1, .25}, {0, 1, .75}, {1, 1, 0}} {
		if got[i] != want {
			t.Errorf("place %d: %+v, want %+v", i, got[i], want)
		}
	}
	for i, s := range steps(5, 2, true) {
		if want := []int{0, 0, 1, 1, 1}[i]; s.low != want || s.share != 0 {
			t.Errorf("nearest place %d: %+v, want %d", i, s, want)
		}
	}
}

// TestRestoreIsTheWayBack: logits of a class that a prepared image's label map gives come back as that label map, for
// every order of axes, crop and spacing that keeps the size.
func TestRestoreIsTheWayBack(t *testing.T) {
	for _, spacing := range []volume.Vec{{1, 1, 3}, {3, 1, 1}, {1, 3, 1}} {
		g := oblique([3]int{9, 7, 5}, spacing)
		v, m := body(g, 3)
		v = v.Real()
		for i, x := range v.Data.(volume.Slice[float32]) {
			if z := i / 63; z == 0 || i%9 == 0 { // black edges are cropped
				x = 0
			}
			v.Data.(volume.Slice[float32])[i] = x
		}
		f := plan.NewCollector([]string{"CT"}, 1, 1)
		f.Add([3]float64{spacing[2], spacing[1], spacing[0]}, [3]int{5, 7, 9}, [3]int{5, 7, 9}, [][]float32{v.Float32(nil, 0, 0)}, make([]bool, v.Voxels()))
		p, err := plan.Make(f.Fingerprint(), []plan.Class{{Value: 1, Name: "a"}, {Value: 2, Name: "b"}}, plan.Options{Base: 2})
		if err != nil {
			t.Fatal(err)
		}
		got, err := p.Prepare(t.Context(), v, m, false)
		if err != nil {
			t.Fatal(err)
		}
		r := newRestorer(got.Back, 3, false)
		plane := got.Dims[1] * got.Dims[2]
		for z := range got.Dims[0] {
			logits := make([]float32, plane*3)
			for i, k := range got.Labels[z*plane : (z+1)*plane] {
				logits[3*i+int(k)] = 5
			}
			r.add(z, z+1, logits)
		}
		wrong := 0
		for i := range r.classes {
			if uint16(r.classes[i]) != m.Get(i) {
				wrong++
			}
		}
		if wrong > 0 {
			t.Errorf("spacing %v: %d voxels come back otherwise", spacing, wrong)
		}
	}
}

// TestInstancesByBorder: two squares that touch are told apart by the border between them.
func TestInstancesByBorder(t *testing.T) {
	g := volume.Geometry{Dims: [3]int{12, 6, 1}, Affine: volume.Identity()}
	foreground, inside := make([]float32, 72), make([]float32, 72)
	for y := 1; y < 5; y++ {
		for x := 1; x < 11; x++ {
			foreground[y*12+x] = .9
			if y > 1 && y < 4 && x != 5 && x != 6 && x > 1 && x < 10 {
				inside[y*12+x] = .8
			}
		}
	}
	r := instances{Seed: .5, Foreground: .5}
	got, err := r.fromBorder(g, foreground, inside)
	if err != nil {
		t.Fatal(err)
	}
	if got[2*12+2] != 1 || got[2*12+9] != 2 || got[1*12+1] != 1 || got[4*12+10] != 2 || got[0] != 0 {
		t.Errorf("%v", got)
	}
	r.MinVoxels = 21
	if got, err = r.fromBorder(g, foreground, inside); err != nil || maxOf(got) != 0 {
		t.Errorf("instances of 20 voxels are kept: %v", got)
	}
}

func maxOf(v []uint32) (m uint32) {
	for _, x := range v {
		m = max(m, x)
	}
	return m
}

// TestTidyingRules: largest parts are kept where the mean Dice rises and no class falls.
func TestTidyingRules(t *testing.T) {
	g := volume.Geometry{Dims: [3]int{9, 3, 1}, Affine: volume.Identity()}
	put := func(v []uint8, class uint8, from, to int) {
		for y := range 3 {
			for x := from; x < to; x++ {
				v[y*9+x] = class
			}
		}
	}
	reference, predicted := make([]uint8, 27), make([]uint8, 27)
	put(reference, 1, 0, 4)
	put(predicted, 1, 0, 4)
	predicted[8] = 1 // a stray voxel
	stray := func(yield func(judged) error) error { return yield(judged{g, predicted, reference}) }
	if got, err := chooseTidying(2, stray); err != nil || !got.Whole || got.After[0] != 1 {
		t.Errorf("a stray part stays: %+v, %v", got, err)
	}
	two := append([]uint8{}, reference...)
	put(two, 1, 6, 8) // two true parts: removing one would hurt
	both := func(yield func(judged) error) error { return yield(judged{g, two, two}) }
	if got, err := chooseTidying(2, both); err != nil || got.Whole {
		t.Errorf("a true part is removed: %+v, %v", got, err)
	}
}

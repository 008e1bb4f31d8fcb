package region

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math"
	"math/bits"
	"os"
	"sync"
	"testing"
)

// The other programs use the same formulas in double precision, so that only the order of sums differs.
const tolerance = 1e-9

// MONAI works in single precision.
const tolerance32 = 2e-6

type vectors struct {
	Areas []struct {
		Spacing [3]float64
		Areas   []float64
	}
	Surfaces   []surfaceVector
	Transforms []struct {
		Dims     []int
		Spacing  []float64
		Mask     string
		Distance []float64
	}
	Instances []instanceVector
}

type surfaceVector struct {
	Name      string
	Dims      []int
	Spacing   []float64
	Pred, Ref string
	DeepMind  struct {
		SizePred    float64    `json:"size_pred"`
		SizeRef     float64    `json:"size_ref"`
		ASDPred     *float64   `json:"asd_pred"`
		ASDRef      *float64   `json:"asd_ref"`
		Percentiles []*float64 `json:"percentiles"`
		SurfaceDice []*float64 `json:"surface_dice"`
	}
	MONAI struct {
		Dice, IoU, Hausdorff, HD95, ASSD *float64
		ASDPred                          *float64   `json:"asd_pred"`
		SurfaceDice                      []*float64 `json:"surface_dice"`
		SurfaceDiceElements              []*float64 `json:"surface_dice_elements"`
	}
	MedPy struct {
		Dice, IoU, Sensitivity, Precision, RAVD, Hausdorff, HD95, ASSD float64
		ASDPred                                                        float64 `json:"asd_pred"`
		ASDRef                                                         float64 `json:"asd_ref"`
	}
}

type instanceVector struct {
	Name      string
	Dims      [3]int
	Ref, Pred []uint32
	PQ        []struct {
		Above      float64
		TP, FP, FN int
		SQ, PQ     *float64
	}
	AJI     *float64
	AJIPlus *float64 `json:"aji_plus"`
}

var stored = sync.OnceValue(func() (v vectors) {
	b, err := os.ReadFile("testdata/vectors.json")
	if err == nil {
		err = json.Unmarshal(b, &v)
	}
	if err != nil {
		panic(err)
	}
	return v
})

func unpack(t *testing.T, s string, n int) []uint8 {
	t.Helper()
	b, err := base64.StdEncoding.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	out := make([]uint8, n)
	for i := range out {
		out[i] = b[i/8] >> (i % 8) & 1
	}
	return out
}

func gridOf(dims []int, spacing []float64) Grid {
	g := Grid{Dims: [3]int{1, 1, 1}, SpacingMM: [3]float64{1, 1, 1}}
	copy(g.Dims[:], dims)
	copy(g.SpacingMM[:], spacing)
	return g
}

func near(t *testing.T, what string, got float64, want *float64, tol float64) {
	t.Helper()
	if want == nil {
		if !math.IsNaN(got) {
			t.Errorf("%s: %v, want undefined", what, got)
		}
		return
	}
	if !(math.Abs(got-*want) <= tol*max(1, math.Abs(*want))) {
		t.Errorf("%s: %v, want %v", what, got, *want)
	}
}

func TestAreasOfEveryCode(t *testing.T) {
	for _, v := range stored().Areas {
		got := surfaceAreas(v.Spacing)
		for code, want := range v.Areas {
			// Their highest bit is our lowest.
			near(t, fmt.Sprintf("%v code %d", v.Spacing, code), got[bits.Reverse8(uint8(code))], &want, 1e-12)
		}
	}
}

func TestDistanceTransform(t *testing.T) {
	for _, v := range stored().Transforms {
		g := gridOf(v.Dims, v.Spacing)
		got := DistanceMap(unpack(t, v.Mask, g.Voxels()), 1, g)
		for i, want := range v.Distance {
			if math.Abs(got[i]-want) > 1e-12*max(1, want) {
				t.Fatalf("%v: voxel %d is %v, want %v", g, i, got[i], want)
			}
		}
	}
}

func TestSurfaces(t *testing.T) {
	for _, v := range stored().Surfaces {
		t.Run(fmt.Sprint(v.Name, " ", v.Dims), func(t *testing.T) {
			g := gridOf(v.Dims, v.Spacing)
			pred, ref := unpack(t, v.Pred, g.Voxels()), unpack(t, v.Ref, g.Voxels())

			d := SurfaceDistances(pred, ref, 1, g, Elements)
			near(t, "predicted surface", d.PredictedSize(), &v.DeepMind.SizePred, tolerance)
			near(t, "reference surface", d.ReferenceSize(), &v.DeepMind.SizeRef, tolerance)
			a, b := d.Average()
			near(t, "average from predicted", a, v.DeepMind.ASDPred, tolerance)
			near(t, "average from reference", b, v.DeepMind.ASDRef, tolerance)
			for i, p := range []float64{50, 90, 95, 99.9, 100} {
				near(t, fmt.Sprint("percentile ", p), d.Percentile(p), v.DeepMind.Percentiles[i], tolerance)
			}
			for i, tau := range []float64{0, .6, 1, 2.45} {
				near(t, fmt.Sprint("surface Dice at ", tau), d.SurfaceDice(tau), v.DeepMind.SurfaceDice[i], tolerance)
				if i > 0 {
					near(t, fmt.Sprint("MONAI's surface Dice at ", tau), d.SurfaceDice(tau), v.MONAI.SurfaceDiceElements[i-1], tolerance32)
				}
			}

			d = SurfaceDistances(pred, ref, 1, g, Borders)
			a, b = d.Average()
			near(t, "MedPy asd", a, &v.MedPy.ASDPred, tolerance)
			near(t, "MedPy asd, reversed", b, &v.MedPy.ASDRef, tolerance)
			near(t, "MedPy assd", d.ASSD(), &v.MedPy.ASSD, tolerance)
			near(t, "MedPy hd", d.Hausdorff(), &v.MedPy.Hausdorff, tolerance)
			near(t, "MedPy hd95", d.PooledPercentile(95), &v.MedPy.HD95, tolerance)
			near(t, "MONAI hd", d.Hausdorff(), v.MONAI.Hausdorff, tolerance32)
			near(t, "MONAI hd95", d.Percentile(95), v.MONAI.HD95, tolerance32)
			near(t, "MONAI symmetric asd", d.ASSD(), v.MONAI.ASSD, tolerance32)
			near(t, "MONAI asd", a, v.MONAI.ASDPred, tolerance32)
			for i, tau := range []float64{0, .6, 1, 2.45} {
				near(t, fmt.Sprint("MONAI surface Dice at ", tau), d.SurfaceDice(tau), v.MONAI.SurfaceDice[i], tolerance32)
			}

			c := Count(pred, ref, 1)
			near(t, "dice", c.Dice(), &v.MedPy.Dice, tolerance)
			near(t, "MONAI dice", c.Dice(), v.MONAI.Dice, tolerance32)
			near(t, "iou", c.IoU(), &v.MedPy.IoU, tolerance)
			near(t, "MONAI iou", c.IoU(), v.MONAI.IoU, tolerance32)
			near(t, "sensitivity", c.Sensitivity(), &v.MedPy.Sensitivity, tolerance)
			near(t, "precision", c.Precision(), &v.MedPy.Precision, tolerance)
			near(t, "relative volume error", c.RelativeVolumeError(), &v.MedPy.RAVD, tolerance)
		})
	}
}

func TestInstances(t *testing.T) {
	for _, v := range stored().Instances {
		g := Grid{v.Dims, [3]float64{1, 1, 1}}
		p := Compare(v.Pred, v.Ref, g)
		what := fmt.Sprint(v.Name, " ", v.Dims, " ")
		near(t, what+"AJI", p.AJI(), v.AJI, tolerance)
		near(t, what+"AJI+", p.AJIPlus(), v.AJIPlus, tolerance)
		for _, q := range v.PQ {
			d := p.Detect(Matching{Above: q.Above})
			if d.TP != q.TP || d.FP != q.FP || d.FN != q.FN || d.Ignored != 0 {
				t.Errorf("%s above %v: %+v, want %+v", what, q.Above, d, q)
			}
			near(t, what+"SQ", d.SQ(), q.SQ, tolerance)
			near(t, what+"PQ", d.PQ(), q.PQ, tolerance)
		}
	}
}

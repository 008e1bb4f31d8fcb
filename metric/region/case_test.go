package region

import (
	"bytes"
	"context"
	"encoding/json"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"galen.dev/fault"
	"galen.dev/metric"
	"galen.dev/volume"
)

var image = Grid{[3]int{8, 6, 1}, [3]float64{1, 1, 1}}

// draw makes an image from its lines.
func draw(lines string) []uint8 {
	var out []uint8
	for _, c := range strings.Join(strings.Fields(lines), "") {
		if c == '.' {
			out = append(out, 0)
		} else {
			out = append(out, uint8(c-'0'))
		}
	}
	return out
}

var (
	reference = draw(`
		11......
		11......
		......1.
		...22...
		...22...
		1.......`)
	predicted = draw(`
		11......
		1.......
		........
		...22...
		...22...
		1.....1.`)
)

func score(t *testing.T, o Options, r Row, name string) float64 {
	t.Helper()
	i := slices.Index(o.Names(), name)
	if i < 0 {
		t.Fatalf("no score %q in %v", name, o.Names())
	}
	return r.Scores[i]
}

func evaluated(t *testing.T, name string, pred, ref []uint8, o Options) Case {
	t.Helper()
	c, err := Evaluate(context.Background(), name, pred, ref, image, o)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestEvaluate(t *testing.T) {
	o := Options{Classes: []Class{{Value: 1, Name: "lesion"}, {Value: 2, Name: "organ"}}, Instances: &Matching{}}
	c := evaluated(t, "a", predicted, reference, o)
	if len(c.Rows) != 3 || c.Rows[2].Class != Foreground {
		t.Fatalf("rows %+v", c.Rows)
	}
	lesion, organ, all := c.Rows[0], c.Rows[1], c.Rows[2]
	if (lesion.Counts != Counts{TP: 4, FP: 1, FN: 2}) || (organ.Counts != Counts{TP: 4}) || (all.Counts != Counts{TP: 8, FP: 1, FN: 2}) {
		t.Errorf("counts %+v %+v %+v", lesion.Counts, organ.Counts, all.Counts)
	}
	if (lesion.Detection != Detection{TP: 2, FP: 1, FN: 1, SumIoU: 1.75}) {
		t.Errorf("detection %+v", lesion.Detection)
	}
	for _, v := range []struct {
		row  Row
		name string
		want float64
	}{
		{lesion, "dice", 8. / 11},
		{lesion, "iou", 4. / 7},
		{lesion, "sensitivity", 4. / 6},
		{lesion, "precision", 4. / 5},
		{lesion, "reference_ml", .006},
		{lesion, "predicted_ml", .005},
		{lesion, "volume_error_ml", -.001},
		{lesion, "relative_volume_error", -1. / 6},
		{lesion, "reference_instances", 3},
		{lesion, "predicted_instances", 3},
		{lesion, "detection_sensitivity", 2. / 3},
		{lesion, "sq", 1.75 / 2},
		{lesion, "pq", 1.75 / 3},
		{lesion, "aji", 4. / 7},
		{organ, "surface_dice", 1},
		{organ, "hd95_mm", 0},
		{organ, "pq", 1},
	} {
		if got := score(t, o, v.row, v.name); math.Abs(got-v.want) > 1e-12 {
			t.Errorf("%s %s: %v, want %v", v.row.Class, v.name, got, v.want)
		}
	}
	o.Convention, o.Percentile = Borders, 50
	c = evaluated(t, "a", predicted, reference, o)
	if got := score(t, o, c.Rows[0], "hausdorff_mm"); got != 3 {
		t.Errorf("from the missed voxel to the invented one are 3 mm: %v", got)
	}
	if got := score(t, o, c.Rows[0], "hd50_mm"); got != 0 {
		t.Errorf("median distance %v", got)
	}
}

func TestSmallInstancesAreIgnored(t *testing.T) {
	p, err := Components(predicted, reference, 1, image, volume.Faces)
	if err != nil {
		t.Fatal(err)
	}
	// The voxel in the corner was found, and that is ignored too: one on each side, and a miss and a false alarm.
	want := Detection{TP: 1, Ignored: 4, SumIoU: .75}
	if got := p.Detect(Matching{MinVoxels: 2}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
	if got := p.Detect(Matching{MinML: .0015}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
	if got := p.Detect(Matching{Above: .9}); (got != Detection{TP: 1, FP: 2, FN: 2, SumIoU: 1}) {
		t.Errorf("above .9: %+v", got)
	}
	// The part of the reference that was found is 3/4 here; Dice is 6/7.
	if got := p.Detect(Matching{Above: .8, Overlap: InstanceDice}); got.TP != 2 {
		t.Errorf("Dice above .8: %+v", got)
	}
	if got := p.Detect(Matching{Above: .76, Overlap: OverReference}); got.TP != 1 {
		t.Errorf("part of the reference above .76: %+v", got)
	}
}

func TestInstanceMaps(t *testing.T) {
	o := Options{Classes: []Class{{Name: "nucleus"}}, Instances: &Matching{}}
	ref, pred := make([]uint32, 48), make([]uint32, 48)
	for i := range 8 { // two nuclei that touch
		ref[i], pred[i] = 70000+uint32(i/4), 5+uint32(i/4)
	}
	c, err := EvaluateInstances(context.Background(), "x", pred, ref, image, o)
	if err != nil {
		t.Fatal(err)
	}
	if r := c.Rows[0]; r.Detection.TP != 2 || score(t, o, r, "pq") != 1 || score(t, o, r, "dice") != 1 || score(t, o, r, "masd_mm") != 0 {
		t.Errorf("%+v", r)
	}
	if _, err := EvaluateInstances(context.Background(), "x", pred, ref, image, Options{}); err == nil {
		t.Error("no class was taken")
	}
}

func TestRulesForEmptyMasks(t *testing.T) {
	none := make([]uint8, len(reference))
	base := Options{Classes: []Class{{Value: 1, Name: "lesion"}}, Instances: &Matching{}}
	some := slices.Clone(reference)
	for i, v := range some {
		if v == 2 {
			some[i] = 0
		}
	}
	undefined := func(o Options, r Row) (names []string) {
		for i, v := range r.Scores {
			if math.IsNaN(v) {
				names = append(names, o.Names()[i])
			}
		}
		return names
	}
	distances := []string{"hausdorff_mm", "hd95_mm", "asd_predicted_mm", "asd_reference_mm", "assd_mm", "masd_mm"}
	for _, v := range []struct {
		what      string
		pred, ref []uint8
		empty     Empty
		state     State
		undefined []string
		values    map[string]float64
	}{
		{
			"miss", none, some,
			Empty{},
			NoPrediction,
			slices.Concat([]string{"precision"}, distances, []string{"detection_precision", "sq"}),
			map[string]float64{"dice": 0, "iou": 0, "sensitivity": 0, "surface_dice": 0, "detection_f1": 0, "pq": 0, "aji": 0, "aji_plus": 0, "relative_volume_error": -1},
		},
		{
			"false alarm", some, none,
			Empty{Both: Perfect},
			NoReference,
			slices.Concat([]string{"sensitivity", "relative_volume_error"}, distances, []string{"detection_sensitivity", "sq"}),
			map[string]float64{"dice": 0, "precision": 0, "surface_dice": 0, "pq": 0},
		},
		{
			"false alarm, worst distance", some, none,
			Empty{One: Diagonal},
			NoReference,
			[]string{"sensitivity", "relative_volume_error", "detection_sensitivity", "sq"},
			map[string]float64{"dice": 0, "hausdorff_mm": 10, "assd_mm": 10},
		},
		{
			"nothing, left out", none, none,
			Empty{One: Diagonal},
			Neither,
			slices.Concat([]string{"dice", "iou", "sensitivity", "precision", "relative_volume_error", "surface_dice"}, distances, base.Names()[17:]),
			map[string]float64{"volume_error_ml": 0},
		},
		{
			"nothing, perfect", none, none,
			Empty{Both: Perfect},
			Neither, nil,
			map[string]float64{"dice": 1, "hd95_mm": 0, "surface_dice": 1, "relative_volume_error": 0, "pq": 1, "sq": 1},
		},
	} {
		o := base
		o.Empty = v.empty
		r := evaluated(t, "a", v.pred, v.ref, o).Rows[0]
		if r.State != v.state {
			t.Errorf("%s: state %v", v.what, r.State)
		}
		if got := undefined(o, r); !slices.Equal(got, v.undefined) {
			t.Errorf("%s: undefined are %v, want %v", v.what, got, v.undefined)
		}
		for name, want := range v.values {
			if got := score(t, o, r, name); got != want {
				t.Errorf("%s: %s is %v, want %v", v.what, name, got, want)
			}
		}
		if b, err := json.Marshal(r); err != nil || strings.Count(string(b), "null") != len(v.undefined) {
			t.Errorf("%s: %s, %v", v.what, b, err)
		}
	}
}

func TestRefusals(t *testing.T) {
	ctx := context.Background()
	bad := Options{
		Classes:    []Class{{Value: 0, Name: "a"}, {Value: 2, Name: "a"}, {Value: 2, Name: "", ToleranceMM: -1}},
		Percentile: 101, ToleranceMM: math.NaN(), Convention: 7, Empty: Empty{Both: 9}, Neighbours: 9,
		Instances: &Matching{Above: 1, Overlap: 9, MinML: math.NaN()},
	}
	_, err := Evaluate(ctx, "x", predicted, reference, image, bad)
	if got := len(fault.FindingsOf(err)); got != 13 || fault.KindOf(err) != fault.Data {
		t.Errorf("%d findings: %v", got, err)
	}
	if _, err := Evaluate(ctx, "x", predicted, reference, image, Options{}); err == nil {
		t.Error("no classes were taken")
	}
	_, err = Evaluate(ctx, "x", predicted, reference, image, Options{Classes: []Class{{Value: 300, Name: "a"}}})
	if got := len(fault.FindingsOf(err)); got != 2 {
		t.Errorf("two labels are unknown: %v", err)
	}
	if _, err = Evaluate(ctx, "x", predicted, reference, Grid{Dims: image.Dims}, Options{Classes: []Class{{Value: 1, Name: "a"}}}); err == nil {
		t.Error("a grid without spacing was taken")
	}
	stopped, cancel := context.WithCancel(ctx)
	cancel()
	o := Options{Classes: []Class{{Value: 1, Name: "a"}, {Value: 2, Name: "b"}}}
	if _, err := Evaluate(stopped, "x", predicted, reference, image, o); err != context.Canceled {
		t.Errorf("after cancelling: %v", err)
	}
	defer func() {
		if recover() == nil {
			t.Error("masks of different length were taken")
		}
	}()
	Evaluate(ctx, "x", predicted[1:], reference, image, o)
}

func manyCases(t *testing.T, o Options, seed uint64) []Case {
	t.Helper()
	var out []Case
	for i := range uint64(12) {
		r := rand.New(rand.NewPCG(i, seed))
		ref := randomMask(i, image, .2)
		pred := slices.Clone(ref)
		for k := range pred {
			if r.IntN(6) == 0 {
				pred[k] ^= 1
			}
		}
		if i%4 == 0 {
			clear(ref)
		}
		if i%8 == 0 {
			clear(pred)
		}
		out = append(out, evaluated(t, string(rune('a'+i)), pred, ref, o))
	}
	return out
}

func TestSummary(t *testing.T) {
	o := Options{Classes: []Class{{Value: 1, Name: "lesion"}}, Instances: &Matching{Above: .1}}
	table := NewTable(o, manyCases(t, o, 1))
	sums, err := table.Summarise(context.Background(), metric.Resample{Rounds: 200, Seed: 4})
	if err != nil {
		t.Fatal(err)
	}
	s := sums[0]
	if s.Present != 9 || s.NoReference != 1 || s.Neither != 2 || s.NoPrediction != 0 {
		t.Errorf("states %+v", s)
	}
	var dice []float64
	var d Detection
	for _, c := range table.Cases {
		d.Add(c.Rows[0].Detection)
		if v := c.Rows[0].Scores[0]; !math.IsNaN(v) {
			dice = append(dice, v)
		}
	}
	a := s.Scores[0]
	if a.Name != "dice" || a.Cases != 10 || a.LeftOut != 2 || a.Mean.Value != mean(dice) || !(a.Mean.Low < a.Mean.Value && a.Mean.Value < a.Mean.High) {
		t.Errorf("%+v, mean %v", a, mean(dice))
	}
	slices.Sort(dice)
	if a.Median.Value != (dice[4]+dice[5])/2 {
		t.Errorf("median %v of %v", a.Median.Value, dice)
	}
	if h := s.Scores[slices.Index(table.Names, "hd95_mm")]; h.Cases != 9 || h.LeftOut != 3 {
		t.Errorf("%+v", h)
	}
	if p := s.Pooled[2]; p.Name != "f1" || p.Value != d.F1() || !(p.Low < p.Value && p.Value < p.High) {
		t.Errorf("%+v, want %v", p, d.F1())
	}
	if _, err := json.Marshal(sums); err != nil {
		t.Error(err)
	}
	var b bytes.Buffer
	if err := table.WriteCSV(&b); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(b.String(), "\n")
	if len(lines) != 14 || !strings.HasPrefix(lines[0], "case,class,state,dice,iou") || !strings.HasPrefix(lines[1], "a,lesion,neither,,,,,0,0,0,,") {
		t.Errorf("%q", lines[:2])
	}
}

func TestDifferences(t *testing.T) {
	o := Options{Classes: []Class{{Value: 1, Name: "lesion"}}}
	a, b := NewTable(o, manyCases(t, o, 1)), NewTable(o, manyCases(t, o, 2))
	ctx, r := context.Background(), metric.Resample{Rounds: 100, Seed: 1}
	same, err := a.Differences(ctx, a, r)
	if err != nil || same[0].Scores[0].Value != 0 || same[0].Scores[0].High != 0 || same[0].Cases[0] != 10 {
		t.Errorf("%+v, %v", same, err)
	}
	ab, err := a.Differences(ctx, b, r)
	if err != nil {
		t.Fatal(err)
	}
	ba, err := b.Differences(ctx, a, r)
	if err != nil {
		t.Fatal(err)
	}
	if x, y := ab[0].Scores[0], ba[0].Scores[0]; x.Value == 0 || x.Value != -y.Value || math.Abs(x.Low+y.High) > 1e-15 {
		t.Errorf("%+v and %+v", x, y)
	}
	b.Cases = b.Cases[1:]
	if _, err := a.Differences(ctx, b, r); err == nil {
		t.Error("tables of different cases were compared")
	}
}

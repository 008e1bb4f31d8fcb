package signal

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"galen.dev/fault"
)

// peer is what SciPy and NeuroKit2 gave; testdata/vectors.py wrote it.
type peer struct {
	X     []float64 `json:"x"`
	Bands []struct {
		Low, High, Rate float64
		Order           int
		Y               []float64
	}
	Notch []struct {
		Hz, Quality float64
		Y           []float64
	}
	Resample []struct {
		From, To float64
		Y        []float64
	}
	Median []struct {
		Width int
		Y     []float64
	}
	ECG []struct {
		Rate  float64
		X     []float64
		Peaks []int
	}
}

func vectors(t *testing.T) *peer {
	t.Helper()
	p := new(peer)
	text, err := os.ReadFile("testdata/vectors.json")
	if err == nil {
		err = json.Unmarshal(text, p)
	}
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// near compares to 1e-9 of values of about 6: both sides are float64, and sum in other orders.
func near(t *testing.T, what string, got, want []float64, err error) {
	t.Helper()
	if err != nil || len(got) != len(want) {
		t.Errorf("%s: %d samples, want %d (%v)", what, len(got), len(want), err)
		return
	}
	for i := range want {
		if !(math.Abs(got[i]-want[i]) <= 1e-9) {
			t.Errorf("%s: sample %d is %v, want %v", what, i, got[i], want[i])
			return
		}
	}
}

func TestFiltersAsSciPy(t *testing.T) {
	p := vectors(t)
	for _, b := range p.Bands {
		f, err := Butterworth(Band{Low: b.Low, High: b.High, Order: b.Order}, b.Rate)
		if err != nil {
			t.Fatal(err)
		}
		y, err := f.Apply(p.X)
		near(t, "band", y, b.Y, err)
		for _, edge := range []float64{b.Low, b.High} {
			if edge > 0 && math.Abs(f.Gain(edge, b.Rate)-math.Sqrt(.5)) > 1e-9 {
				t.Errorf("the gain at the edge of %g Hz is %v", edge, f.Gain(edge, b.Rate))
			}
		}
	}
	for _, n := range p.Notch {
		f, err := Notch(n.Hz, n.Quality, 200)
		if err != nil {
			t.Fatal(err)
		}
		y, err := f.Apply(p.X)
		near(t, "notch", y, n.Y, err)
	}
	for _, r := range p.Resample {
		y, err := Resample(p.X, r.From, r.To)
		near(t, "resample", y, r.Y, err)
	}
	for _, m := range p.Median {
		near(t, "median", Median(p.X, m.Width), m.Y, nil)
	}
}

func TestFilterKeepsGapsAndRefuses(t *testing.T) {
	x := slices.Clone(vectors(t).X)
	x[0], x[50], x[51], x[399] = math.NaN(), math.NaN(), math.NaN(), math.NaN()
	f, err := Butterworth(Band{Low: .5, High: 40}, 200)
	if err != nil {
		t.Fatal(err)
	}
	y, err := f.Apply(x)
	if err != nil {
		t.Fatal(err)
	}
	for i := range x {
		if math.IsNaN(x[i]) != math.IsNaN(y[i]) {
			t.Errorf("sample %d: %v became %v", i, x[i], y[i])
		}
	}
	if _, err := f.Apply(x[:20]); fault.KindOf(err) != fault.Data {
		t.Errorf("a signal shorter than the edge: %v", err)
	}
	for _, b := range []Band{{}, {Low: 40, High: 5}, {High: 100}, {Low: -1}, {Low: 1, Order: 99}} {
		if _, err := Butterworth(b, 200); fault.KindOf(err) != fault.Usage {
			t.Errorf("%+v: %v", b, err)
		}
	}
	if _, err := Notch(100, 0, 200); fault.KindOf(err) != fault.Usage {
		t.Errorf("a notch at half the rate: %v", err)
	}
	if _, err := Resample(x, 200, 200*math.Pi); fault.KindOf(err) != fault.Usage {
		t.Errorf("a rate that is no fraction: %v", err)
	}
}

// TestResampleKeepsSines resamples slow sines, which must come out as themselves away from the ends.
func TestResampleKeepsSines(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		from, to := float64(rapid.IntRange(50, 500).Draw(t, "from")), float64(rapid.IntRange(50, 500).Draw(t, "to"))
		hz := .1 * math.Min(from, to) * rapid.Float64Range(.1, 1).Draw(t, "hz")
		x := make([]float64, int(4*from))
		for i := range x {
			x[i] = math.Sin(2 * math.Pi * hz * float64(i) / from)
		}
		y, err := Resample(x, from, to)
		if err != nil {
			t.Fatal(err)
		}
		for i := int(to); i < len(y)-int(to); i++ {
			if want := math.Sin(2 * math.Pi * hz * float64(i) / to); math.Abs(y[i]-want) > .01 {
				t.Fatalf("sample %d of %d is %v, want %v", i, len(y), y[i], want)
			}
		}
	})
}

// ecg makes beats of Gaussian waves at known times, with noise and a drift.
func ecg(seed uint64, rate, heart, noise float64, sign float64) (x []float64, peaks []int) {
	rng := rand.New(rand.NewPCG(seed, 1))
	x = make([]float64, int(30*rate))
	for at := .5; at < 29.5; at += 60 / heart * (1 + .08*rng.NormFloat64()) {
		peaks = append(peaks, int(math.Round(at*rate)))
		for _, w := range [][3]float64{{-.2, .15, .025}, {-.035, -.15, .01}, {0, 1.2, .011}, {.035, -.25, .011}, {.25, .35, .05}} {
			for i := range x {
				if d := float64(i)/rate - at - w[0]; math.Abs(d) < 5*w[2] {
					x[i] += sign * w[1] * math.Exp(-d*d/(2*w[2]*w[2]))
				}
			}
		}
	}
	for i := range x {
		x[i] += noise*rng.NormFloat64() + .5*math.Sin(2*math.Pi*.2*float64(i)/rate)
	}
	return x, peaks
}

// hits counts the peaks found within 50 ms of true ones.
func hits(found, peaks []int, rate float64) (n int) {
	for _, p := range peaks {
		if slices.ContainsFunc(found, func(f int) bool { return math.Abs(float64(f-p)) <= .05*rate }) {
			n++
		}
	}
	return n
}

func TestRPeaks(t *testing.T) {
	for _, c := range []struct{ rate, heart, noise, sign float64 }{
		{250, 70, .02, 1}, {500, 130, .05, 1}, {128, 45, .1, 1}, {360, 90, .15, -1}, {100, 180, .02, 1}, {1000, 60, .1, 1},
	} {
		x, peaks := ecg(uint64(c.rate), c.rate, c.heart, c.noise, c.sign)
		found, err := RPeaks(x, c.rate)
		if err != nil {
			t.Fatal(err)
		}
		if n := hits(found, peaks, c.rate); n < len(peaks) || len(found) > len(peaks) {
			t.Errorf("%+v: %d of %d beats among %d found", c, n, len(peaks), len(found))
		}
		r := RhythmOf(found, c.rate)
		if math.Abs(r.Rate-c.heart)/c.heart > .05 || !(r.SDNN > 0) {
			t.Errorf("%+v: rhythm %+v", c, r)
		}
	}
	for _, flat := range [][]float64{make([]float64, 1000), slices.Repeat([]float64{math.NaN()}, 1000)} {
		if found, err := RPeaks(flat, 250); err != nil || len(found) > 0 {
			t.Errorf("a flat lead has beats %v (%v)", found, err)
		}
	}
	if _, err := RPeaks(make([]float64, 1000), 20); fault.KindOf(err) != fault.Usage {
		t.Errorf("20 samples in a second: %v", err)
	}
}

// TestRPeaksAsNeuroKit holds the detector to another one on ECGs that a third simulated. The first and last half
// second are left out: detectors differ there.
func TestRPeaksAsNeuroKit(t *testing.T) {
	for i, e := range vectors(t).ECG {
		found, err := RPeaks(e.X, e.Rate)
		if err != nil {
			t.Fatal(err)
		}
		inner := func(p []int) (out []int) {
			for _, v := range p {
				if s := float64(v) / e.Rate; s > .5 && s < 19.5 {
					out = append(out, v)
				}
			}
			return out
		}
		f, w := inner(found), inner(e.Peaks)
		if n := hits(f, w, e.Rate); n != len(w) || len(f) != len(w) {
			t.Errorf("ECG %d: %d of %d beats among %d found", i, n, len(w), len(f))
		}
	}
}

func TestBaseline(t *testing.T) {
	x, _ := ecg(1, 250, 60, 0, 1)
	y, err := RemoveBaseline(x, 250)
	if err != nil {
		t.Fatal(err)
	}
	low := func(v []float64) float64 {
		f, err := Butterworth(Band{High: .4, Order: 2}, 250)
		if err != nil {
			t.Fatal(err)
		}
		z, err := f.Apply(v)
		if err != nil {
			t.Fatal(err)
		}
		_, sd := meanSD(z)
		return sd
	}
	if low(y) > .2*low(x) {
		t.Errorf("the drift is %v, and was %v", low(y), low(x))
	}
}

func TestCheckLeads(t *testing.T) {
	const rate = 250
	sound, _ := ecg(5, rate, 70, .01, 1)
	lead := func(name string, f func(i int, v float64) float64) Channel {
		x := make([]float64, len(sound))
		for i, v := range sound {
			x[i] = f(i, v)
		}
		return Channel{Name: name, Unit: "mV", Rate: rate, Samples: x}
	}
	names := func(channels ...Channel) string {
		var out []string
		for _, f := range CheckLeads(&Recording{Name: "r", Channels: channels}) {
			out = append(out, f.Name+":"+f.Column)
		}
		return strings.Join(out, " ")
	}
	rng := rand.New(rand.NewPCG(1, 2))
	same := func(_ int, v float64) float64 { return v }
	half := func(_ int, v float64) float64 { return v / 2 }
	for want, channels := range map[string][]Channel{
		"":                     {lead("I", half), lead("II", same), lead("III", half), lead("aVR", func(_ int, v float64) float64 { return -v })},
		"lead-flat:V1":         {lead("V1", func(i int, v float64) float64 { return 1 })},
		"lead-missing:V1":      {lead("V1", func(i int, v float64) float64 { return math.NaN() })},
		"lead-clipped:V1":      {lead("V1", func(i int, v float64) float64 { return math.Max(math.Min(v, .6), -.6) })},
		"lead-noise:V1":        {lead("V1", func(i int, v float64) float64 { return v + 3*rng.NormFloat64() })},
		"limb-leads:II":        {lead("I", same), lead("II", half), lead("III", same)},
		"limb-leads-swapped:I": {lead("I", func(_ int, v float64) float64 { return -v }), lead("aVR", same)},
		"lead-gaps:V1": {lead("V1", func(i int, v float64) float64 {
			if i < 1000 {
				return math.NaN()
			}
			return v
		})},
	} {
		if got := names(channels...); got != want {
			t.Errorf("findings %q, want %q", got, want)
		}
	}
}

func TestFeatures(t *testing.T) {
	slow, _ := ecg(1, 250, 60, .01, 1)
	fast, _ := ecg(1, 250, 120, .01, 1)
	of := func(x []float64) map[string]float64 {
		out := map[string]float64{}
		for _, f := range Features(&Channel{Name: "II", Rate: 250, Samples: x}) {
			if _, twice := out[f.Name]; twice {
				t.Errorf("%s stands twice", f.Name)
			}
			out[f.Name] = f.Value
		}
		return out
	}
	a, b := of(slow), of(fast)
	if math.Abs(a["heart rate"]-60) > 3 || math.Abs(b["heart rate"]-120) > 6 || a["likeness of beats"] < .9 {
		t.Errorf("heart rates %v and %v, likeness %v", a["heart rate"], b["heart rate"], a["likeness of beats"])
	}
	if a["R height"] < .9 || a["R height"] > 1.6 || a["QRS width"] < .01 || a["QRS width"] > .08 || a["T height"] < .2 {
		t.Errorf("R %v, QRS %v, T %v", a["R height"], a["QRS width"], a["T height"])
	}
	short := of([]float64{1, 2, 3})
	if len(short) != len(a) || short["mean"] != 2 || !math.IsNaN(short["heart rate"]) {
		t.Errorf("three samples: %v", short)
	}
}

func TestUnits(t *testing.T) {
	for from, want := range map[string]string{"mv": "mV", "uV": "uV", "µV": "uV", "mmHg": "mm[Hg]", "degC": "Cel", "foo": "foo"} {
		if got := UCUM(from); got != want {
			t.Errorf("%q is %q", from, got)
		}
	}
	c := Channel{Name: "II", Unit: "uV", Rate: 1, Samples: []float64{1500}, Digital: []int32{1500}, Gain: 1}
	if err := c.Convert("mV"); err != nil || c.Samples[0] != 1.5 || c.Gain != 1000 {
		t.Errorf("%+v, %v", c, err)
	}
	if err := c.Convert("mm[Hg]"); fault.KindOf(err) != fault.Data {
		t.Errorf("to another quantity: %v", err)
	}
	r := Recording{Name: "r", Channels: []Channel{{Name: "MLII", Rate: 250, Samples: []float64{1}}}}
	if _, err := r.Select([]string{"MLII", "MLI"}); err == nil || !strings.Contains(err.Error(), `did you mean "MLII"`) {
		t.Errorf("%v", err)
	}
}

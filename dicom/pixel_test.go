package dicom

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"testing"

	"galen.dev/volume"
)

// vector is what pydicom reads from testdata/NAME.dcm; testdata/vectors.py made both.
type vector struct {
	Stored     []float64 // all frames
	Modality   []float64 // after the modality transform
	Brightness []float64 // after window or VOI LUT, on the scale of stored values
	Colours    []float64 // red, green, blue of 8 bits
}

func TestPixelsAsPydicomReadsThem(t *testing.T) {
	b, err := os.ReadFile("testdata/vectors.json")
	if err != nil {
		t.Fatal(err)
	}
	var vectors map[string]vector
	if err := json.Unmarshal(b, &vectors); err != nil {
		t.Fatal(err)
	}
	if len(vectors) < 20 {
		t.Fatalf("only %d vectors", len(vectors))
	}
	for name, want := range vectors {
		t.Run(name, func(t *testing.T) {
			f, err := Open(filepath.Join("testdata", name+".dcm"))
			if err != nil {
				t.Fatal(err)
			}
			im, err := f.Image()
			if err != nil {
				t.Fatal(err)
			}
			stored := []float64{}
			for i := range im.Frames {
				d, err := im.Frame(i)
				if err != nil {
					t.Fatal(err)
				}
				for k := range d.Len() {
					stored = append(stored, d.At(k))
				}
			}
			near(t, "stored", stored, want.Stored, 0)
			if want.Modality != nil {
				r, err := im.Rescale(0)
				if err != nil {
					t.Fatal(err)
				}
				got := make([]float64, len(stored))
				for i, v := range stored {
					got[i] = r.apply(v)
				}
				near(t, "modality", got, want.Modality, 1e-9)
			}
			if want.Brightness != nil {
				checkBrightness(t, im, stored, want.Brightness)
			}
			if want.Colours != nil {
				rgb, err := im.RGB(0)
				if err != nil {
					t.Fatal(err)
				}
				got := make([]float64, len(rgb))
				for i, v := range rgb {
					got[i] = float64(v)
				}
				// pydicom cuts off after its conversion of colour spaces, Galen rounds; linear segments alike.
				near(t, "colours", got, want.Colours, 1)
			}
		})
	}
}

func near(t *testing.T, what string, got, want []float64, tolerance float64) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: %d values instead of %d", what, len(got), len(want))
	}
	for i := range got {
		if !(math.Abs(got[i]-want[i]) <= tolerance) {
			t.Fatalf("%s: value %d is %v instead of %v", what, i, got[i], want[i])
		}
	}
}

// checkBrightness compares 0..1 with pydicom's output, which spans the range of the values' type for windows and
// the entries' bits for tables.
func checkBrightness(t *testing.T, im *Image, stored, want []float64) {
	t.Helper()
	windows, err := im.Windows(0)
	if err != nil {
		t.Fatal(err)
	}
	r, _ := im.Rescale(0)
	got := make([]float64, len(stored))
	grey, err := im.Grey(0, nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(windows) == 0 {
		for i := range got {
			got[i], want[i] = float64(grey[i]), want[i]/4095*255
		}
		near(t, "VOI LUT", got, want, 0.5000001)
		return
	}
	// pydicom's range: of the stored type, through the rescale.
	low, high := r.apply(-32768), r.apply(32767)
	for i, v := range stored {
		b := windows[0].At(r.apply(v))
		got[i] = low + b*(high-low)
		if math.Abs(float64(grey[i])-b*255) > 0.5000001 {
			t.Fatalf("grey %d for brightness %v", grey[i], b)
		}
	}
	near(t, "window", got, want, 1e-6)
}

func TestInversionAndPadding(t *testing.T) {
	d := ct(0)
	d.SetText(PhotometricInterpretation, "MONOCHROME1")
	d.SetInts(PixelPaddingValue, int(uint16(0xFFF1))) // -15: the first pixel
	f := reread(t, encode(t, d, ""))
	im, err := f.Image()
	if err != nil {
		t.Fatal(err)
	}
	grey, err := im.Grey(0, &Window{Center: -1000, Width: 60, Function: "LINEAR_EXACT"})
	if err != nil {
		t.Fatal(err)
	}
	// Padding is black; -1028 is near the window's lower edge, hence almost white when inverted.
	if grey[0] != 0 || grey[1] < 245 || grey[29] > 10 {
		t.Errorf("got %v", grey)
	}
	if _, err := im.Grey(0, &Window{Width: 0}); err == nil {
		t.Error("a window without width was taken")
	}
}

func TestNothingAddsUpInFrames(t *testing.T) {
	d := ct(0)
	f := reread(t, encode(t, d, RLELossless))
	e := f.Find(PixelData)
	e.bulk.fragments = append(e.bulk.fragments, e.bulk.fragments[1], e.bulk.fragments[1])
	f.SetInts(NumberOfFrames, 2)
	if _, err := f.Image(); names(err)["frames"] != 1 {
		t.Errorf("three fragments for two frames: %v", err)
	}
	f.SetInts(NumberOfFrames, 3)
	im, err := f.Image()
	if err != nil {
		t.Fatal(err)
	}
	p, err := im.Frame(2)
	if err != nil || p.(volume.Slice[int16])[0] != -15 {
		t.Error("one fragment each:", err)
	}
	if _, err := im.Frame(3); err == nil {
		t.Error("a frame that is not there was read")
	}
}

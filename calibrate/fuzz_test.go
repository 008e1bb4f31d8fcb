package calibrate

import (
	"encoding/json"
	"testing"
)

// A calibrator that passes Check maps every risk to a risk.
func FuzzCalibrator(f *testing.F) {
	for _, s := range []string{
		`{"method":"none"}`, `{"method":"platt","a":1,"b":-2}`, `{"method":"beta","a":1e300,"b":1e300,"c":-1e300}`,
		`{"method":"isotonic","x":[0.1,0.5],"y":[0,1]}`, `{"method":"venn-abers","x":[0.1],"y":[0.2],"y1":[0.3]}`,
	} {
		f.Add([]byte(s), .3)
	}
	f.Fuzz(func(t *testing.T, text []byte, p float64) {
		var c Calibrator
		if json.Unmarshal(text, &c) != nil || c.Check() != nil {
			return
		}
		if v := c.Apply(p); p == p && !(v >= 0 && v <= 1) {
			t.Errorf("%s maps %v to %v", text, p, v)
		}
	})
}

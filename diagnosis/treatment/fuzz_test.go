package treatment

import (
	"encoding/json"
	"testing"

	"galen.dev/calibrate"
	"galen.dev/explain"
	"galen.dev/fault"
)

// FuzzModel: whatever bytes a model's files hold, they are refused, or can be asked.
func FuzzModel(f *testing.F) {
	X := [][]float64{{1, 2, 3, 4, 5, 6}}
	n, err := explain.NewNeighbours(f.Context(), X, nil, explain.NeighbourOptions{})
	if err != nil {
		f.Fatal(err)
	}
	near, err := n.MarshalBinary()
	if err != nil {
		f.Fatal(err)
	}
	none := &calibrate.Calibrator{Method: calibrate.None}
	for kind, numbers := range map[string]string{
		"nearest": `[[0],[1],[],[0,1],[1],[0]]`, "mlp": `{"Weight1":[[1,2]],"Bias1":[0,1],"Weight2":[[1,0],[0,1]],"Bias2":[0,0]}`,
		"logistic": "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00", "boost": "\x01\x00\x00\x00\x00\x00\x00\x00x",
	} {
		half := .5
		meta, err := json.Marshal(modelFile{
			Format: modelFormat, Kind: kind, Treatments: []string{"warfarin", "metformin"}, Plan: &plan{Rows: 6, Features: []feature{{Name: "x", Numeric: true, SD: 1}}},
			Mean: []float64{0}, Constant: []*float64{&half, &half}, Votes: 2, Calibrators: []*calibrate.Calibrator{none, none}, Popularity: []float64{.5, .5},
		})
		if err != nil {
			f.Fatal(err)
		}
		f.Add(meta, []byte(numbers))
	}
	f.Fuzz(func(t *testing.T, meta, numbers []byte) {
		m, err := readFitted(meta, numbers, near)
		if err != nil {
			if k := fault.KindOf(err); k != fault.Corrupt {
				t.Fatalf("%v: %v", k, err)
			}
			return
		}
		w := m.work()
		out := make([]float64, m.treatments)
		if len(m.plan.Features) == 1 || m.nearest == nil {
			m.margins(w.row, out, w)
			newAttributor(m.predictor).explain(w.row, []int{0}, w)
		}
	})
}

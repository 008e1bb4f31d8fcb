package treatment

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"galen.dev/fault"
	"galen.dev/internal/synth"
	"galen.dev/store"
	"galen.dev/table"
	"galen.dev/task"
)

// run takes a study to its end in a store of its own.
func run(t *testing.T, s *task.Study) (*task.Result, error) {
	t.Helper()
	st, err := store.Open(t.Context(), filepath.Join(t.TempDir(), "runs"), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := st.Close(); err != nil {
			t.Error(err)
		}
	})
	x := &task.Runner{Tasks: []*task.Task{Task}, Store: st, Version: "test"}
	return x.Run(t.Context(), s, task.Evaluate)
}

// TestKnownRules learns from the made-up cohort in which one in twelve contraindications was overlooked. What was
// prescribed breaks rules, what is suggested does not, and the treatments are told far better than by popularity.
func TestKnownRules(t *testing.T) {
	res, err := run(t, &task.Study{Name: "known", Task: Task.Name, Data: put(t, t.TempDir(), "cohort.csv", string(synth.TreatmentTable(900, 1))), Seed: 3, Params: map[string]any{
		"treatments": []string{"given"}, "patient": "patient", "outcome": "improved", "diagnoses": "diagnoses", "allergies": "allergies", "drugs": "taking", "age": "age", "sex": "sex",
		"pregnant": "pregnant", "labs": []string{"egfr=egfr", "crcl=crcl", "potassium=potassium", "alt=alt"}, "model": "logistic", "folds": 3, "bootstrap": 100,
	}})
	if err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(filepath.Join(res.Folder, "evaluate", scoresFile))
	if err != nil {
		t.Fatal(err)
	}
	var s scores
	if err := json.Unmarshal(data, &s); err != nil {
		t.Fatal(err)
	}
	of := map[string]*ranking{}
	for _, r := range s.Rankings {
		of[r.Name] = r
	}
	if s.PrescribedForbidden == 0 || len(s.RuledOut) < 3 {
		t.Errorf("%d prescribed treatments are forbidden, %d rules ruled something out: the cohort tests nothing", s.PrescribedForbidden, len(s.RuledOut))
	}
	t.Logf("interactions prescribed %.4f; limited pairs %.4f suggested, %.4f prescribed", of["prescribed"].Scores["interaction-rate"].Value, of["model"].Scores["limited-rate"].Value, of["prescribed"].Scores["limited-rate"].Value)
	if a := of["model"].Scores["interaction-rate"].Value; a != 0 {
		t.Errorf("%.4f of the suggested pairs interact", a)
	}
	for _, name := range []string{"popularity", "chance"} {
		if a, b := of["model"].Scores["jaccard"], of[name].Scores["jaccard"]; a.Low <= b.High {
			t.Errorf("Jaccard %.3f (from %.3f) is not above that of %s, %.3f (to %.3f)", a.Value, a.Low, name, b.Value, b.High)
		}
	}
	if s.Slope == nil || *s.Slope < .85 || *s.Slope > 1.2 {
		t.Errorf("the calibration slope is %v", s.Slope)
	}
	page, err := os.ReadFile(filepath.Join(res.Folder, "evaluate", reportFile))
	if err != nil || !strings.Contains(string(page), "Association, not effect") || !strings.Contains(string(page), "Glucophage") {
		t.Errorf("the report does not say that it is association, or lacks the sources of rules: %v", err)
	}
}

// TestWarfarinCohort learns comedication of warfarin patients (IWPC): real cases, without a bar published for it. The
// suggestions must be better than popularity's.
func TestWarfarinCohort(t *testing.T) {
	root := os.Getenv("GALEN_DATA")
	path := filepath.Join(root, "therapy", "iwpc_warfarin.csv.gz")
	if _, err := os.Stat(path); root == "" || err != nil {
		t.Skip("set GALEN_DATA to a folder with therapy/iwpc_warfarin.csv.gz")
	}
	keep := map[string]bool{"Gender": true, "Race": true, "Age": true, "Height (cm)": true, "Weight (kg)": true, "Diabetes": true, "Congestive Heart Failure and/or Cardiomyopathy": true, "Valve Replacement": true, "Current Smoker": true}
	res, err := run(t, &task.Study{Name: "warfarin", Task: Task.Name, Data: path, Seed: 7, Waive: []string{"duplicate-across-splits"}, Params: map[string]any{
		"treatments": []string{"Aspirin=aspirin", "Simvastatin=simvastatin", "Atorvastatin=atorvastatin", "Amiodarone=amiodarone"}, "sex": "Gender", "unknown": "show",
		"exclude": excluded(t, path, keep), "model": "logistic", "folds": 3, "bootstrap": 100,
	}})
	if err != nil {
		t.Fatal(err, fault.FindingsOf(err))
	}
	data, err := os.ReadFile(filepath.Join(res.Folder, "evaluate", scoresFile))
	if err != nil {
		t.Fatal(err)
	}
	var s scores
	if err := json.Unmarshal(data, &s); err != nil {
		t.Fatal(err)
	}
	model, popular, prescribed := s.Rankings[0].Scores, s.Rankings[1].Scores, s.Rankings[3].Scores
	t.Logf("PRAUC %.3f, popularity %.3f; log loss %.4f, popularity %.4f; pairs with a dose limit %.4f, prescribed %.4f", model["prauc"].Value, popular["prauc"].Value, model["log-loss"].Value, popular["log-loss"].Value, model["limited-rate"].Value, prescribed["limited-rate"].Value)
	if model["log-loss"].Value >= popular["log-loss"].Value || model["prauc"].Value < popular["prauc"].Value {
		t.Error("the model is no better than popularity")
	}
	if model["jaccard"].Value <= s.Rankings[2].Scores["jaccard"].Value {
		t.Errorf("threshold %.2f: Jaccard %.3f is no better than chance", s.Threshold, model["jaccard"].Value)
	}
}

// excluded lists the columns of a file that are no predictors.
func excluded(t *testing.T, path string, keep map[string]bool) []string {
	t.Helper()
	whole, err := table.Read(t.Context(), path, table.Options{})
	if err != nil {
		t.Fatal(err)
	}
	treatments := []string{"Aspirin", "Simvastatin (Zocor)", "Atorvastatin (Lipitor)", "Amiodarone (Cordarone)"}
	var out []string
	for _, c := range whole.Columns {
		if !keep[c.Name] && !slices.Contains(treatments, c.Name) && c.Name != "" {
			out = append(out, c.Name)
		}
	}
	return out
}

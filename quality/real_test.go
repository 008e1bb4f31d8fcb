package quality

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"galen.dev/fault"
	"galen.dev/table"
)

// realTable reads a file of GALEN_DATA, or skips the test.
func realTable(t *testing.T, name string) *table.Table {
	t.Helper()
	dir := os.Getenv("GALEN_DATA")
	if dir == "" {
		t.Skip("GALEN_DATA is not set: real data are not at hand")
	}
	path := filepath.Join(dir, name)
	if _, err := os.Stat(path); err != nil {
		t.Skip("real data are not at hand: ", err)
	}
	return readTable(t, path)
}

func readTable(t *testing.T, path string) *table.Table {
	t.Helper()
	tb, err := table.Read(ctx, path, table.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return tb
}

// thirds is a fixed split of the rows into train, validation and test.
func thirds(rows int) []Split {
	splits := []Split{{Name: "train"}, {Name: "validation"}, {Name: "test"}}
	for i := range rows {
		k := [5]int{0, 0, 1, 0, 2}[mix(7, uint64(i))%5]
		splits[k].Rows = append(splits[k].Rows, i)
	}
	return splits
}

func mustCheck(t testing.TB, tb *table.Table, o Options) *Report {
	t.Helper()
	if o.Today == 0 {
		o.Today = 20000
	}
	r, err := Check(ctx, tb, o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// names lists "severity name:column" of all findings of at least the severity.
func names(r *Report, least fault.Severity) map[string]bool {
	m := map[string]bool{}
	for _, f := range r.Findings {
		if f.Severity >= least {
			m[f.Severity.String()+" "+f.Name+":"+f.Column] = true
		}
	}
	return m
}

func TestHeartHasNoError(t *testing.T) {
	tb := realTable(t, "diagnosis/heart_cleveland.arff")
	r := mustCheck(t, tb, Options{Target: "num", Splits: thirds(tb.Rows)})
	for name := range names(r, fault.Warning) {
		// The set has one known double, rows 303 and an earlier one.
		if name != "warning duplicate-rows:" {
			t.Errorf("unexpected: %s", name)
		}
	}
}

func TestSupportNamesWhatLeaks(t *testing.T) {
	tb := realTable(t, "diagnosis/support2.csv.gz")
	r := mustCheck(t, tb, Options{Target: "hospdead", Splits: thirds(tb.Rows)})
	got := names(r, fault.Warning)
	for _, want := range []string{
		"warning target-leakage:death", "warning target-leakage:d.time", "warning target-leakage:sfdm2",
		"warning identifier-column:Index", "warning zero-as-missing:hrt", "warning missing-differs-by-outcome:adlp",
		"warning high-missing:adlp", "warning high-missing:urine",
	} {
		if !got[want] {
			t.Errorf("missing: %s", want)
		}
	}
	for name := range got {
		for _, never := range []string{"mixed-units", "near-duplicate", "drift", "impossible-value", "category-typos", "error"} {
			if strings.Contains(name, never) {
				t.Errorf("false alarm: %s", name)
			}
		}
	}
}

// TestWisconsinIsQuiet reads the breast cancer set that the catalogue embeds, wherever it keeps it.
func TestWisconsinIsQuiet(t *testing.T) {
	found, err := filepath.Glob("../catalog/*/*wdbc*.csv*")
	if err != nil || len(found) == 0 {
		t.Skip("the catalogue has no breast cancer set")
	}
	tb := readTable(t, found[0])
	target := ""
	for _, name := range []string{"diagnosis", "target", "class"} {
		if tb.Column(name) != nil {
			target = name
		}
	}
	if target == "" {
		t.Fatal("no target among the columns")
	}
	r := mustCheck(t, tb, Options{Target: target, Splits: thirds(tb.Rows)})
	for name := range names(r, fault.Warning) {
		if !strings.HasPrefix(name, "warning class-counts:") && !strings.HasPrefix(name, "warning identifier-column:") {
			t.Errorf("unexpected: %s", name)
		}
	}
}

// TestRealUnitsAreNotMixed: columns of real cohorts have long tails and two humps, and no mixed unit.
func TestRealUnitsAreNotMixed(t *testing.T) {
	for _, file := range []string{
		"diagnosis/arrhythmia.arff.gz", "therapy/nhefs.csv.gz", "therapy/ist.csv.gz", "therapy/iwpc_warfarin.csv.gz",
		"therapy/survival/pbc.csv", "therapy/survival/flchain.csv", "therapy/survival/colon.csv", "therapy/survival/rotterdam.csv",
	} {
		tb := realTable(t, file)
		r := mustCheck(t, tb, Options{Splits: thirds(tb.Rows)})
		for name := range names(r, fault.Warning) {
			for _, never := range []string{"mixed-units", "near-duplicate", "drift"} {
				if strings.Contains(name, never) {
					t.Errorf("%s: false alarm: %s", file, name)
				}
			}
		}
	}
}

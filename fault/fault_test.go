package fault

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"syscall"
	"testing"
)

func TestKindOf(t *testing.T) {
	data := Errorf(Data, "refused")
	for _, tt := range []struct {
		err  error
		want Kind
	}{
		{data, Data},
		{fmt.Errorf("reading plan: %w", data), Data},
		{WithHint(fmt.Errorf("x: %w", data), "look"), Data},
		{context.Canceled, Canceled},
		{fmt.Errorf("write: %w", syscall.ENOSPC), Storage},
		{fmt.Errorf("open: %w", fs.ErrNotExist), NotFound},
		{fmt.Errorf("open: %w", fs.ErrPermission), Storage},
		{errors.New("odd"), Internal},
	} {
		if got := KindOf(tt.err); got != tt.want {
			t.Errorf("KindOf(%v) = %v, want %v", tt.err, got, tt.want)
		}
	}
}

func TestKindsAreDistinct(t *testing.T) {
	names, exits := map[string]bool{}, map[int]bool{}
	for _, k := range Kinds() {
		if names[k.String()] || exits[k.ExitCode()] || k.ExitCode() == 0 || k.HTTPStatus() < 400 {
			t.Errorf("kind %v: name, exit code or status is not its own", k)
		}
		names[k.String()], exits[k.ExitCode()] = true, true
	}
}

func TestHintAndFindings(t *testing.T) {
	err := Refuse(`reading "a.csv"`, []Finding{
		{Name: "ragged-rows", Severity: Severe, File: "a.csv", Line: 3, Rows: []int{2, 5}, Count: 9, Message: "2 cells instead of 3", Hint: "quote cells that hold the delimiter"},
	})
	err = fmt.Errorf("collecting: %w", WithHint(err, "see docs"))
	if got := HintOf(err); got != "see docs" {
		t.Errorf("HintOf = %q", got)
	}
	if got := len(FindingsOf(err)); got != 1 {
		t.Errorf("FindingsOf gives %d findings", got)
	}
	want := "collecting: reading \"a.csv\": 1 finding\n  a.csv:3: 2 cells instead of 3 (rows 2, 5 and 7 more); quote cells that hold the delimiter"
	if err.Error() != want {
		t.Errorf("got  %q\nwant %q", err.Error(), want)
	}
	if Refuse("x", nil) != nil || WithHint(nil, "x") != nil {
		t.Error("nothing found must be no error")
	}
}

func TestSeverityJSON(t *testing.T) {
	for _, s := range []Severity{Info, Warning, Severe} {
		b, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		var got Severity
		if err := json.Unmarshal(b, &got); err != nil || got != s {
			t.Errorf("%s became %v, %v", b, got, err)
		}
	}
	var s Severity
	if json.Unmarshal([]byte(`"loud"`), &s) == nil {
		t.Error("an unknown severity was read")
	}
}

func TestNearest(t *testing.T) {
	words := []string{"model", "folds", "learning-rate", "max-leaves"}
	for in, want := range map[string]string{
		"modle": "model", "learning_rate": "learning-rate", "lerning-rate": "learning-rate", "fold": "folds", "zzz": "", "": "",
	} {
		if got := Nearest(in, words); got != want {
			t.Errorf("Nearest(%q) = %q, want %q", in, got, want)
		}
	}
}

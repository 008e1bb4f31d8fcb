package nn

import (
	"encoding/json"
	"math"
	"os"
	"testing"

	"galen.dev/fault"
)

func TestSchedulesAgainstTorch(t *testing.T) {
	var cases []struct {
		Schedule Schedule
		Total    int
		Rates    []float64
	}
	text, err := os.ReadFile("testdata/train_schedules.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &cases); err != nil {
		t.Fatal(err)
	}
	if len(cases) < 9 {
		t.Fatalf("%d cases", len(cases))
	}
	for _, c := range cases {
		if err := c.Schedule.Check(); err != nil {
			t.Error(err)
		}
		for step, want := range c.Rates {
			// torch follows recurrences, whose rounding adds up; Galen evaluates the closed form.
			if got := c.Schedule.At(step, c.Total); math.Abs(got-want) > 1e-12 {
				t.Errorf("%+v: step %d of %d: %v, want %v", c.Schedule, step, c.Total, got, want)
			}
		}
	}
}

func TestSchedulesStayWithinBounds(t *testing.T) {
	for _, kind := range ScheduleKinds {
		for total := range 20 {
			for _, warm := range []int{0, 1, 5, 30} {
				s := Schedule{Kind: kind, Rate: 0.5, WarmUp: warm}
				for step := range total + 2 {
					if r := s.At(step, total); !(r >= 0 && r <= 0.5) {
						t.Errorf("%+v: step %d of %d: %v", s, step, total, r)
					}
				}
			}
		}
	}
}

func TestSchedulesThatAreRefused(t *testing.T) {
	for _, s := range []Schedule{
		{},
		{Rate: math.NaN()},
		{Rate: math.Inf(1)},
		{Kind: "cosin", Rate: 1},
		{Rate: 1, WarmUp: -1},
		{Rate: 1, WarmUpFrom: 2},
		{Rate: 1, Final: 2},
		{Rate: 1, Power: -1},
		{Rate: 1, Rise: 1},
		{Rate: 1, Divide: 0.5},
		{Rate: 1, DivideLast: math.NaN()},
	} {
		if err := s.Check(); fault.KindOf(err) != fault.Usage {
			t.Errorf("%+v: %v", s, err)
		}
	}
	if err := (Schedule{Kind: "cosin", Rate: 1}).Check(); fault.HintOf(err) != `did you mean "cosine"?` {
		t.Errorf("hint %q", fault.HintOf(err))
	}
}

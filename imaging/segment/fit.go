package segment

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"sync"

	"github.com/gomlx/compute"

	"galen.dev/fault"
	"galen.dev/imaging/plan"
	"galen.dev/nn"
)

// recipe says how networks are trained.
type recipe struct {
	Epochs      int     `json:"epochs"`
	Iterations  int     `json:"iterations"`
	Validations int     `json:"validations"` // batches of validation patches after each epoch
	Optimiser   string  `json:"optimiser"`
	Rate        float64 `json:"learning_rate"`
	Augment     string  `json:"augment"`
	Flip        bool    `json:"flip"`
	Seed        uint64  `json:"seed"`
}

// longTraining is how many updates nnU-Net's optimiser needs to pay off: momentum of .99 sums over hundreds of steps.
const longTraining = 20000

// optimiser chooses between nnU-Net's, for long trainings, and AdamW, which gets far in few steps.
func (o *recipe) optimiser() (nn.Optimiser, nn.Schedule) {
	name, rate := o.Optimiser, o.Rate
	if name == "auto" {
		name = "adamw"
		if o.Epochs*o.Iterations >= longTraining {
			name = "sgd"
		}
	}
	if name == "sgd" {
		if rate == 0 {
			rate = 1e-2
		}
		return nn.SGD{Momentum: .99, Nesterov: true, WeightDecay: 3e-5}, nn.Schedule{Kind: nn.PolynomialRate, Rate: rate, Power: .9}
	}
	if rate == 0 {
		rate = 2e-3
	}
	return nn.AdamW{WeightDecay: 1e-2, SkipVectors: true}, nn.Schedule{Kind: nn.OneCycleRate, Rate: rate, Rise: .15}
}

// fold is one network's share of the cases: entries of the prepared file.
type fold struct {
	Train []int `json:"train"`
	Val   []int `json:"val"`
}

// fitting is what the training of a fold needs.
type fitting struct {
	backend  compute.Backend
	plan     *plan.Plan
	out      int // classes of the network, background among them
	reader   *preparedReader
	fold     fold
	recipe   recipe
	limit    int64  // bytes
	folder   string // of checkpoints; "" = none
	steps    int    // updates between two of them
	version  string
	progress func(nn.Progress)
}

// fit trains one network. The best epoch is that of the highest moving average of the pseudo Dice: Dice over all voxels
// of the validation patches, which is cheap and steady but no score of cases.
func (f *fitting) fit(ctx context.Context) (*nn.Result, *nn.Net, error) {
	c := f.plan.Chosen()
	net := network(c, len(f.plan.Channels), f.out)
	train := newPatches(f.reader, f.fold.Train, c, f.recipe.Iterations, f.recipe.Seed, f.recipe.Augment == "nnunet")
	if train.vary && !f.recipe.Flip {
		train.settings.Flip = [3]float64{}
	}
	o := nn.Options{
		Seed: f.recipe.Seed, Epochs: f.recipe.Epochs, Clip: nn.Clip{Norm: 12}, Memory: f.limit, Galen: f.version, Progress: f.progress,
		Guard: nn.Guard{Skip: 3}, Early: nn.Early{Score: "pseudo_dice_ema", Greater: true},
	}
	o.Optimiser, o.Schedule = f.recipe.optimiser()
	o.Validation = newPatches(f.reader, f.fold.Val, c, f.recipe.Validations, f.recipe.Seed+1, false)
	o.Data = f.identity()
	dice := &pseudoDice{classes: f.out}
	if f.folder != "" {
		o.Checkpoints = nn.Checkpoints{Dir: f.folder, Resume: true, Steps: f.steps}
		dice.file = f.folder + ".scores.json"
		if err := dice.recall(); err != nil {
			return nil, nil, err
		}
	}
	o.Scores = dice.meter
	tell := o.Progress
	o.Progress = func(p nn.Progress) {
		dice.at(p.Epoch)
		if tell != nil {
			tell(p)
		}
	}
	res, err := nn.Train(ctx, f.backend, net, objective(c), train, o)
	return res, net, err
}

// identity names the data of a training: resuming with others is refused.
func (f *fitting) identity() string {
	text, err := json.Marshal([]any{f.reader.Sum, f.plan, f.fold, f.recipe.Augment, f.recipe.Flip})
	if err != nil {
		panic("segment: encoding a plan: " + err.Error())
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}

// pseudoDice scores epochs. Its moving average looks back at the epochs before, which a resumed training has not
// seen: they are kept beside the checkpoints.
type pseudoDice struct {
	classes int
	file    string // "" = nothing is kept

	mu    sync.Mutex
	epoch int // 1-based, the one that is under way
	Dice  []float64
}

func (d *pseudoDice) at(epoch int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.epoch = epoch
}

func (d *pseudoDice) recall() error {
	text, err := os.ReadFile(d.file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fault.Disk("reading scores of earlier epochs", err)
	}
	if err := json.Unmarshal(text, &d.Dice); err != nil {
		return fault.WithHint(fault.Errorf(fault.Corrupt, "reading %q: %w", d.file, err), "remove the folder of checkpoints to begin anew")
	}
	return nil
}

// keep writes the scores, whole or not at all.
func (d *pseudoDice) keep() error {
	if d.file == "" {
		return nil
	}
	text, err := json.Marshal(d.Dice)
	if err != nil {
		return fmt.Errorf("keeping scores: %w", err)
	}
	if err := os.MkdirAll(filepath.Dir(d.file), 0o755); err != nil {
		return fault.Disk("keeping scores", err)
	}
	if err := os.WriteFile(d.file+".new", text, 0o644); err != nil {
		return fault.Disk("keeping scores", err)
	}
	return fault.Disk("keeping scores", os.Rename(d.file+".new", d.file))
}

// meter counts the voxels of one epoch's validation.
func (d *pseudoDice) meter() nn.Meter {
	tp, predicted, wanted := make([]int, d.classes), make([]int, d.classes), make([]int, d.classes)
	return nn.Meter{
		Add: func(outputs []nn.Array, b *nn.Batch) error {
			labels, logits := b.Targets[0].Ints, outputs[0].Floats
			for i, want := range labels {
				got := argmax(logits[i*d.classes : (i+1)*d.classes])
				predicted[got]++
				wanted[want]++
				if got == int(want) {
					tp[got]++
				}
			}
			return nil
		},
		Result: func() ([]nn.Score, error) {
			scores, sum, n := []nn.Score(nil), 0., 0
			for k := 1; k < d.classes; k++ {
				v := math.NaN()
				if total := predicted[k] + wanted[k]; total > 0 {
					v = 2 * float64(tp[k]) / float64(total)
					sum += v
					n++
				}
				scores = append(scores, nn.Score{Name: fmt.Sprintf("pseudo_dice_%d", k), Value: v})
			}
			mean := 0. // no class anywhere: nothing was got right
			if n > 0 {
				mean = sum / float64(n)
			}
			ema, err := d.average(mean)
			return append([]nn.Score{{Name: "pseudo_dice", Value: mean}, {Name: "pseudo_dice_ema", Value: ema}}, scores...), err
		},
	}
}

// average adds an epoch's score and gives the moving average: .9 of the old one and .1 of the new.
func (d *pseudoDice) average(score float64) (float64, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	before := max(d.epoch, 1) - 1
	if before > len(d.Dice) {
		return 0, fault.WithHint(fault.Errorf(fault.Corrupt, "the scores of epochs before %d are gone", d.epoch), "remove the folder of checkpoints to begin anew")
	}
	d.Dice = append(d.Dice[:before], score)
	ema := d.Dice[0]
	for _, v := range d.Dice[1:] {
		ema = .9*ema + .1*v
	}
	return ema, d.keep()
}

func argmax(v []float32) int {
	best := 0
	for k, x := range v {
		if x > v[best] {
			best = k
		}
	}
	return best
}

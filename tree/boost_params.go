package tree

// BoostParams are the parameters of gradient boosting. The zero value of every field is a good default for
// tables from a few hundred to some million rows.
type BoostParams struct {
	Loss    Loss    // what to predict; 0 = Squared
	Classes int     // number of classes of Softmax; else ignored
	Alpha   float64 // the level of Quantile, 0 = 0.5; the δ of Huber in units of y, 0 = 1.35 times the spread of y

	// Rounds is the number of trees (of groups of Classes trees for Softmax). 0 = 200: with the default
	// learning rate the fit has settled on tables of any size, and larger tables should use Valid anyway.
	Rounds int
	// LearningRate shrinks each tree. 0 = 0.05: on tables of a few hundred rows, smaller steps win accuracy
	// over the customary 0.1 for twice the time, which is still below a second.
	LearningRate float64
	// Leaves bounds the leaves of a tree. 0 = 31, the value LightGBM made customary; MinRows bounds small tables.
	Leaves int
	// Depth bounds the splits from root to leaf. 0 = 4 below 10,000 rows, where deeper trees fit noise, and 6
	// from there on, which keeps leaf-wise growth from running down one branch; negative = 1000, which is no bound.
	Depth int
	// MinRows is the fewest rows of a leaf. 0 = 20, as in LightGBM and scikit-learn: a risk from fewer patients
	// is noise. Negative = 1.
	MinRows int
	// MinHessian is the smallest sum of second derivatives in a leaf. 0 = 0.001, which only stops leaves
	// of certain cases; negative = none.
	MinHessian float64
	L2         float64 // shrinks leaf values, in units of the hessian; 0 = 1, as in XGBoost; negative = none
	L1         float64 // soft threshold on the gradient sum of a leaf; 0 = none
	MinGain    float64 // smallest reduction of twice the loss that a split must bring; 0 = any

	Bins int // most bins of a feature, 2..255; 0 = 255
	// RowFraction and FeatureFraction are the shares of the rows drawn without replacement for each round,
	// and of the features drawn for each tree. 0 = 0.7 and 0.5: trees that see different parts err
	// differently, which on cohorts of some hundred patients is worth more than any other parameter, and the
	// fit takes a third of the time. 1 uses all.
	RowFraction, FeatureFraction float64

	// Categories gives the number of levels of each categorical feature and 0 for a numeric one; nil = all
	// numeric.
	Categories []int
	// CatSmooth pulls the mean gradient of a category towards 0 before categories are put in order, in rows.
	// 0 = 10 as in LightGBM, so that rare categories do not lead the order by chance; negative = none.
	CatSmooth float64
	// CatL2 is added to L2 when a split on categories is judged, because choosing a subset fits noise more
	// easily than choosing a threshold. 0 = 1; negative = none.
	CatL2 float64

	// Monotone gives 1 for a feature in which the prediction must not fall, -1 where it must not rise, 0 where it
	// is free; nil = all free. It holds exactly, over all values but missing ones. Not for categories.
	Monotone []int8
	// Interactions lists groups of features that may be used together on one path; a feature in no group is
	// used alone. nil = all may.
	Interactions [][]int

	ClassWeights []float64 // factor on the rows of each class (Logistic: two); nil = 1
	Balanced     bool      // weigh classes so that each counts the same, on top of ClassWeights

	Valid *Valid // rows on which the loss is watched; nil = no early stopping
	// Patience is how many rounds without a better loss on Valid end the fit. 0 = 30.
	Patience int

	Seed uint64 // of the draws of rows and features
}

// Valid holds rows that are kept out of the fit and decide when it stops.
type Valid struct {
	X [][]float64
	Y []float64
	W []float64 // nil = 1
}

func (p BoostParams) withDefaults(rows int) BoostParams {
	p.Rounds = orInt(p.Rounds, 200)
	p.LearningRate = or(p.LearningRate, 0.05)
	p.Leaves = orInt(p.Leaves, 31)
	if p.Depth == 0 {
		p.Depth = 6
		if rows < 10_000 {
			p.Depth = 4
		}
	}
	if p.Depth < 0 {
		p.Depth = maxDepth
	}
	p.MinRows = max(1, orInt(p.MinRows, 20))
	p.MinHessian = max(0, or(p.MinHessian, 1e-3))
	p.L2 = max(0, or(p.L2, 1))
	p.Bins = orInt(p.Bins, maxBins)
	p.RowFraction = or(p.RowFraction, 0.7)
	p.FeatureFraction = or(p.FeatureFraction, 0.5)
	p.CatSmooth = max(0, or(p.CatSmooth, 10))
	p.CatL2 = max(0, or(p.CatL2, 1))
	p.Patience = orInt(p.Patience, 30)
	if p.Loss == Quantile {
		p.Alpha = or(p.Alpha, 0.5)
	}
	return p
}

func or(v, def float64) float64 {
	if v == 0 {
		return def
	}
	return v
}

func orInt(v, def int) int {
	if v == 0 {
		return def
	}
	return v
}

// classCount is the number of classes of y, 0 for regression.
func (p *BoostParams) classCount() int {
	switch p.Loss {
	case Logistic:
		return 2
	case Softmax:
		return p.Classes
	}
	return 0
}

func (p *BoostParams) check(features int) error {
	var c checker
	c.require(p.Loss < lossCount, "loss", "unknown loss")
	if p.Loss == Softmax {
		c.require(p.Classes >= 2 && p.Classes <= maxClasses, "classes", "softmax needs 2 to 1000 classes")
	}
	switch p.Loss {
	case Quantile:
		c.require(p.Alpha > 0 && p.Alpha < 1, "alpha", "a quantile level lies between 0 and 1")
	case Huber:
		c.require(p.Alpha >= 0 && finite(p.Alpha), "alpha", "Huber's delta is a positive number")
	}
	c.require(p.Rounds > 0, "rounds", "must be positive")
	c.require(p.LearningRate > 0 && p.LearningRate <= 1, "learning-rate", "must lie in (0, 1]")
	c.require(p.Leaves >= 2 && p.Leaves <= 1<<16, "leaves", "must lie in 2..65536")
	c.require(p.Depth <= maxDepth, "depth", "must be at most 1000")
	c.require(finite(p.MinHessian) && finite(p.L2) && finite(p.CatSmooth) && finite(p.CatL2), "l2", "must be finite")
	c.require(p.L1 >= 0 && finite(p.L1), "l1", "must not be negative")
	c.require(p.MinGain >= 0 && finite(p.MinGain), "min-gain", "must not be negative")
	c.require(p.Bins >= 2 && p.Bins <= maxBins, "bins", "must lie in 2..255")
	c.require(p.RowFraction > 0 && p.RowFraction <= 1, "row-fraction", "must lie in (0, 1]")
	c.require(p.FeatureFraction > 0 && p.FeatureFraction <= 1, "feature-fraction", "must lie in (0, 1]")
	c.require(p.Patience > 0, "patience", "must be positive")
	c.categories(p.Categories, features)
	c.classWeights(p.ClassWeights, p.classCount())
	c.require(p.Monotone == nil || len(p.Monotone) == features, "monotone", "needs one entry a feature")
	if len(p.Monotone) == features {
		for f, m := range p.Monotone {
			c.require(m >= -1 && m <= 1, "monotone", "entries are -1, 0 or 1")
			cat := len(p.Categories) == features && p.Categories[f] > 0
			c.require(m == 0 || !cat, "monotone", "a categorical feature has no direction")
			c.require(m == 0 || p.Loss != Softmax, "monotone", "softmax has no direction: each class pushes the others")
		}
	}
	for _, g := range p.Interactions {
		for _, f := range g {
			c.require(f >= 0 && f < features, "interactions", "names a feature that does not exist")
		}
	}
	return c.usage("boosting parameters")
}

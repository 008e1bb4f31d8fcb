package conv

func winogradGradientCost(s Shape) float64 {
	if min(s.Cin, s.Cout) < 16 {
		return 2
	}
	return 0
}
func gradientCost(s Shape) float64 { return 1 }

package jpeg2000

import (
	"cmp"
	"slices"
)

// walk reads all packets of the tile in the order of its progressions (T.800 B.12).
func (p *packets) walk() error {
	if len(p.t.changes) == 0 {
		return p.volume(change{order: p.t.order, resolution1: 33, component1: len(p.tier), layer1: p.t.layers})
	}
	for _, c := range p.t.changes {
		if err := p.volume(c); err != nil {
			return err
		}
	}
	return nil
}

// volume reads the packets of one progression volume.
func (p *packets) volume(c change) error {
	c.component1 = min(c.component1, len(p.tier))
	c.layer1 = min(c.layer1, p.t.layers)
	deepest := 0
	for _, comp := range p.tier {
		deepest = max(deepest, len(comp))
	}
	c.resolution1 = min(c.resolution1, deepest)
	switch c.order {
	case 0: // layer, resolution, component, position
		for layer := range c.layer1 {
			for r := c.resolution0; r < c.resolution1; r++ {
				if err := p.components(c, r, layer, layer+1); err != nil {
					return err
				}
			}
		}
		return nil
	case 1: // resolution, layer, component, position
		for r := c.resolution0; r < c.resolution1; r++ {
			for layer := range c.layer1 {
				if err := p.components(c, r, layer, layer+1); err != nil {
					return err
				}
			}
		}
		return nil
	}
	return p.positions(c)
}

// components reads layers of one resolution, component by component.
func (p *packets) components(c change, r, layer0, layer1 int) error {
	for i := c.component0; i < c.component1; i++ {
		if r >= len(p.tier[i]) {
			continue
		}
		res := &p.tier[i][r]
		for k := range res.precincts {
			for layer := layer0; layer < layer1; layer++ {
				if err := p.step(res, k, layer); err != nil {
					return err
				}
			}
		}
		p.budget--
	}
	return nil
}

func (p *packets) step(res *resolution, k, layer int) error {
	if p.budget--; p.budget < 0 {
		return p.at(p.pos).Errorf("progressions that cost more work than their tile has samples")
	}
	return p.read(res, k, layer)
}

// spot is where a precinct stands on the reference grid.
type spot struct {
	x, y int
	res  *resolution
	k    int
}

// positions reads the orders that go by position: the precincts are sorted, their layers innermost.
func (p *packets) positions(c change) error {
	var spots []spot
	for i := c.component0; i < c.component1; i++ {
		for r := c.resolution0; r < min(c.resolution1, len(p.tier[i])); r++ {
			res := &p.tier[i][r]
			for k := range res.precincts {
				top := &p.tier[i][len(p.tier[i])-1]
				x := corner(res.x0, top.x0, k%res.across, res.precinctW, res.decomposition)
				y := corner(res.y0, top.y0, k/res.across, res.precinctH, res.decomposition)
				spots = append(spots, spot{x, y, res, k})
			}
		}
	}
	if p.budget -= len(spots); p.budget < 0 {
		return p.at(p.pos).Errorf("progressions that cost more work than their tile has samples")
	}
	slices.SortStableFunc(spots, func(a, b spot) int {
		position := cmp.Or(cmp.Compare(a.y, b.y), cmp.Compare(a.x, b.x))
		byComponent, byLevel := cmp.Compare(a.res.component, b.res.component), cmp.Compare(a.res.level, b.res.level)
		switch c.order {
		case 2: // resolution, position, component
			return cmp.Or(byLevel, position, byComponent)
		case 3: // position, component, resolution
			return cmp.Or(position, byComponent, byLevel)
		}
		return cmp.Or(byComponent, position, byLevel) // component, position, resolution
	})
	for _, s := range spots {
		for layer := range c.layer1 {
			if err := p.step(s.res, s.k, layer); err != nil {
				return err
			}
		}
	}
	return nil
}

// corner is where the n-th precinct of a row or column begins on the reference grid: at its own edge, but the
// first one, where the tile cuts it, with the tile (the conditions of B.12.1.3).
func corner(from, tile, n int, precinct uint, decomposition int) int {
	at := (from>>precinct + n) << precinct
	if at < from {
		return tile
	}
	return at << decomposition
}

//go:build pin

package engine

import (
	_ "github.com/gomlx/compute/gobackend"
	_ "github.com/gomlx/gomlx/core/graph"
	_ "github.com/mmcloughlin/avo/build"
	_ "google.golang.org/protobuf/encoding/protowire"
)

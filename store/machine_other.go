//go:build !linux && !darwin

package store

import "os"

// cpuModel is what Windows tells; other systems leave it empty.
func cpuModel() string { return os.Getenv("PROCESSOR_IDENTIFIER") }

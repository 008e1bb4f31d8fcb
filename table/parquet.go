package table

import (
	"bufio"

	"galen.dev/fault"
)

// readParquet refuses: this version reads text formats only.
func (in *input) readParquet(*bufio.Reader, string) (*Table, error) {
	return nil, fault.WithHint(fault.Errorf(fault.Data, "%s is a Parquet file, which is not read yet", quoted(in.name)), "export it as CSV")
}

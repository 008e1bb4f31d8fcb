// Package onnx writes Galen's networks as ONNX models, and reads ONNX models of others as networks for inference.
//
// ONNX (https://onnx.ai/onnx/repo-docs/IR.html, Operators.html) is the format in which trained networks pass between
// programs: a graph of named operators in Protocol Buffers. The files are read and written field by field with
// protowire, after the published specification; the handful of messages that inference needs is shorter than
// generated code, and every size in a file is checked before it is believed.
//
// Export builds the network on a backend that records each operation with its attributes, twice, with batches of two
// sizes, from which follows what depends on the batch. What depends on weights alone is computed; the rest becomes
// operators. Layouts and broadcasts are kept as a view of each value (type tensor) and carried out only where an
// operator needs them, so that a network written channels-last comes out as a plain channels-first one.
//
// Load checks a whole model at once. Its Net builds the graph when the shapes of the inputs are known: then so is all
// that follows from shapes, and such chains are computed on the spot. Between convolutions values stay channels-last.
//
// Read in this order: wire.go and array.go (the format); export.go, record.go, emit.go and its operators emit_*.go;
// load.go, convert.go and its operators operators*.go. docs/format/onnx.md says what is written and read.
package onnx

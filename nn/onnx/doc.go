// Package onnx writes Galen's networks as ONNX models and runs models of others that came in that format.
package onnx

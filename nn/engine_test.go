package nn

// With this import the tests run on Galen's own backend too, beside the stock one: see backends.
import _ "galen.dev/engine"

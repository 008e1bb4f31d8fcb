package vec

func add(dst, a, b []float32) { addGo(dst, a, b) }
func sub(dst, a, b []float32) { subGo(dst, a, b) }
func mul(dst, a, b []float32) { mulGo(dst, a, b) }
func div(dst, a, b []float32) { divGo(dst, a, b) }
func maximum(dst, a, b []float32) { maximumGo(dst, a, b) }
func minimum(dst, a, b []float32) { minimumGo(dst, a, b) }
func addScalar(dst, a []float32, s float32) { addScalarGo(dst, a, s) }
func scalarSub(dst, a []float32, s float32) { scalarSubGo(dst, a, s) }
func mulScalar(dst, a []float32, s float32) { mulScalarGo(dst, a, s) }
func divScalar(dst, a []float32, s float32) { divScalarGo(dst, a, s) }
func scalarDiv(dst, a []float32, s float32) { scalarDivGo(dst, a, s) }
func maxScalar(dst, a []float32, s float32) { maxScalarGo(dst, a, s) }
func minScalar(dst, a []float32, s float32) { minScalarGo(dst, a, s) }
func mulAdd(dst, a, b, c []float32) { mulAddGo(dst, a, b, c) }
func mulSub(dst, a, b, c []float32) { mulSubGo(dst, a, b, c) }
func negMulAdd(dst, a, b, c []float32) { negMulAddGo(dst, a, b, c) }
func mulScalarAdd(dst, a, c []float32, s float32) { mulScalarAddGo(dst, a, c, s) }
func mulScalarSub(dst, a, c []float32, s float32) { mulScalarSubGo(dst, a, c, s) }
func mulAddScalar(dst, a, b []float32, t float32) { mulAddScalarGo(dst, a, b, t) }
func negMulAddScalar(dst, a, b []float32, t float32) { negMulAddScalarGo(dst, a, b, t) }
func affine(dst, a []float32, s, t float32) { affineGo(dst, a, s, t) }
func clamp(dst, a []float32, low, high float32) { clampGo(dst, a, low, high) }
func neg(dst, a []float32) { negGo(dst, a) }
func abs(dst, a []float32) { absGo(dst, a) }
func sqrt(dst, a []float32) { sqrtGo(dst, a) }
func rsqrt(dst, a []float32) { rsqrtGo(dst, a) }
func sign(dst, a []float32) { signGo(dst, a) }
func floor(dst, a []float32) { floorGo(dst, a) }
func ceil(dst, a []float32) { ceilGo(dst, a) }
func round(dst, a []float32) { roundGo(dst, a) }
func exp(dst, a []float32) { expGo(dst, a) }
func expm1(dst, a []float32) { expm1Go(dst, a) }
func log(dst, a []float32) { logGo(dst, a) }
func log1p(dst, a []float32) { log1pGo(dst, a) }
func tanh(dst, a []float32) { tanhGo(dst, a) }
func erf(dst, a []float32) { erfGo(dst, a) }
func logistic(dst, a []float32) { logisticGo(dst, a) }
func silu(dst, a []float32) { siluGo(dst, a) }
func gelu(dst, a []float32) { geluGo(dst, a) }
func geluTanh(dst, a []float32) { geluTanhGo(dst, a) }
func equal(dst []uint32, a, b []float32) { equalGo(dst, a, b) }
func notEqual(dst []uint32, a, b []float32) { notEqualGo(dst, a, b) }
func less(dst []uint32, a, b []float32) { lessGo(dst, a, b) }
func lessEqual(dst []uint32, a, b []float32) { lessEqualGo(dst, a, b) }
func equalScalar(dst []uint32, a []float32, s float32) { equalScalarGo(dst, a, s) }
func notEqualScalar(dst []uint32, a []float32, s float32) { notEqualScalarGo(dst, a, s) }
func lessScalar(dst []uint32, a []float32, s float32) { lessScalarGo(dst, a, s) }
func lessEqualScalar(dst []uint32, a []float32, s float32) { lessEqualScalarGo(dst, a, s) }
func greaterScalar(dst []uint32, a []float32, s float32) { greaterScalarGo(dst, a, s) }
func greaterEqualScalar(dst []uint32, a []float32, s float32) { greaterEqualScalarGo(dst, a, s) }
func equalInt(dst []uint32, a, b []int32) { equalIntGo(dst, a, b) }
func lessInt(dst []uint32, a, b []int32) { lessIntGo(dst, a, b) }
func selectVV(dst, a, b []float32, mask []uint32) { selectVVGo(dst, a, b, mask) }
func selectVS(dst, a []float32, mask []uint32, s float32) { selectVSGo(dst, a, mask, s) }
func selectSV(dst, b []float32, mask []uint32, s float32) { selectSVGo(dst, b, mask, s) }
func selectSS(dst []float32, mask []uint32, s, t float32) { selectSSGo(dst, mask, s, t) }
func and(dst, a, b []uint32) { andGo(dst, a, b) }
func or(dst, a, b []uint32) { orGo(dst, a, b) }
func xor(dst, a, b []uint32) { xorGo(dst, a, b) }
func not(dst, a []uint32) { notGo(dst, a) }
func fromInts(dst []float32, a []int32) { fromIntsGo(dst, a) }
func toInts(dst []int32, a []float32) { toIntsGo(dst, a) }
func bytesToMask(mask []uint32, b []byte) { bytesToMaskGo(mask, b) }
func maskToBytes(b []byte, mask []uint32) { maskToBytesGo(b, mask) }
func fromBytes(dst []float32, b []byte) { fromBytesGo(dst, b) }
func sum(x []float32) float32 { return sumGo(x) }
func dot(a, b []float32) float32 { return dotGo(a, b) }
func greatest(x []float32) float32 { return greatestGo(x) }
func smallest(x []float32) float32 { return smallestGo(x) }
func addRows(dst, x []float32, n int) { addRowsGo(dst, x, n) }
func maxRows(dst, x []float32, n int) { maxRowsGo(dst, x, n) }
func minRows(dst, x []float32, n int) { minRowsGo(dst, x, n) }
func addColumns(dst, x []float32, rows int) { addColumnsGo(dst, x, rows) }

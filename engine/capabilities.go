package engine

import (
	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
)

// capabilities say what runs: every operation of the interface, except fused attention and quantised products.
var capabilities = compute.Capabilities{
	Operations:  supported(),
	Functions:   true,
	DynamicAxes: true,
	DTypes: map[dtypes.DType]bool{
		dtypes.Bool: true,
		dtypes.Int2: true, dtypes.Int4: true, dtypes.Uint2: true, dtypes.Uint4: true,
		dtypes.Int8: true, dtypes.Int16: true, dtypes.Int32: true, dtypes.Int64: true,
		dtypes.Uint8: true, dtypes.Uint16: true, dtypes.Uint32: true, dtypes.Uint64: true,
		dtypes.Float16: true, dtypes.BFloat16: true, dtypes.Float32: true, dtypes.Float64: true,
		dtypes.Complex64: true, dtypes.Complex128: true,
	},
}

// absent lists operations that no function here records.
var absent = []compute.OpType{
	compute.OpTypeInvalid, compute.OpTypeDot, compute.OpTypeSelectAndScatterSum, compute.OpTypeCollectiveBroadcast, compute.OpTypeAllGather,
	compute.OpTypeBlockForDotGeneral, compute.OpTypeFusedScaledDotProductAttention, compute.OpTypeFusedScaledDotProductAttentionVJP,
	compute.OpTypeFusedAttentionQKVProjection, compute.OpTypeFusedQuantizedDense, compute.OpTypeQuantizedEmbeddingLookup,
}

func supported() map[compute.OpType]bool {
	ops := map[compute.OpType]bool{}
	for op := compute.OpTypeInvalid; op < compute.OpTypeLast; op++ {
		ops[op] = true
	}
	for _, op := range absent {
		delete(ops, op)
	}
	return ops
}

#include "textflag.h"

// The two passes of path-dependent Shapley values over one tree; shap_kernel.go says in Go what they do.
// One edge is three states of 64 bytes: four ratios, four gains.

// func descendAVX2(down *vec, edges *edge, state *uint8, parent *int32, n int)
TEXT ·descendAVX2(SB), NOSPLIT, $0-40
	MOVQ down+0(FP), DI
	MOVQ edges+8(FP), SI
	MOVQ state+16(FP), R8
	MOVQ parent+24(FP), R9
	MOVQ n+32(FP), CX
	LEAQ 192(SI), SI
	LEAQ 32(DI), R10
	MOVQ $1, AX
	CMPQ AX, CX
	JGE  done

loop:
	MOVBLZX (R8)(AX*1), BX
	MOVLQSX (R9)(AX*4), DX
	SHLQ    $6, BX
	SHLQ    $5, DX
	VMOVUPD (SI)(BX*1), Y0
	VMULPD  (DI)(DX*1), Y0, Y0
	VMOVUPD Y0, (R10)
	ADDQ    $192, SI
	ADDQ    $32, R10
	INCQ    AX
	CMPQ    AX, CX
	JLT     loop

done:
	VZEROUPPER
	RET

// func ascendAVX2(acc, up, down *vec, edges *edge, value *float64, state *uint8, parent, feature *int32, n int)
TEXT ·ascendAVX2(SB), NOSPLIT, $0-72
	MOVQ  acc+0(FP), DI
	MOVQ  up+8(FP), SI
	MOVQ  down+16(FP), R8
	MOVQ  edges+24(FP), R9
	MOVQ  value+32(FP), R10
	MOVQ  state+40(FP), R11
	MOVQ  parent+48(FP), R12
	MOVQ  feature+56(FP), R13
	MOVQ  n+64(FP), AX
	DECQ  AX
	IMUL3Q $192, AX, BX
	ADDQ  BX, R9
	MOVQ  AX, R15
	SHLQ  $5, R15
	TESTQ AX, AX
	JLE   finished

next:
	VBROADCASTSD (R10)(AX*8), Y1
	VMULPD       (R8)(R15*1), Y1, Y1
	VADDPD       (SI)(R15*1), Y1, Y1
	MOVBLZX      (R11)(AX*1), BX
	MOVLQSX      (R12)(AX*4), DX
	MOVLQSX      (R13)(AX*4), CX
	SHLQ         $6, BX
	SHLQ         $5, DX
	SHLQ         $5, CX
	VMULPD       32(R9)(BX*1), Y1, Y2
	VADDPD       (DI)(CX*1), Y2, Y2
	VADDPD       (SI)(DX*1), Y1, Y3
	VMOVUPD      Y2, (DI)(CX*1)
	VMOVUPD      Y3, (SI)(DX*1)
	SUBQ         $192, R9
	SUBQ         $32, R15
	DECQ         AX
	JGT          next

finished:
	VZEROUPPER
	RET

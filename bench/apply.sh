#!/usr/bin/env bash
# Cold start of `galen apply`: a new process reads the model of the breast cancer study and predicts and explains
# four cases. Prints milliseconds: median and worst of N runs. Usage: bench/apply.sh [N]
set -euo pipefail
cd "$(dirname "$0")/.."
n="${1:-20}"
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
go build -o "$work/galen" ./cmd/galen
"$work/galen" run wdbc --repeats 1 --store "$work/runs" -q >/dev/null
for _ in $(seq "$n"); do
  a=$(date +%s%N)
  "$work/galen" apply wdbc studies/examples/wdbc.csv --store "$work/runs" >/dev/null
  b=$(date +%s%N)
  echo $(((b - a) / 1000))
done | sort -n | awk '{v[NR]=$1} END {printf "galen apply, cold: median %.1f ms, worst %.1f ms of %d runs\n", v[int((NR+1)/2)]/1000, v[NR]/1000, NR}'

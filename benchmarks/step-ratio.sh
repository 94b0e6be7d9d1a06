#!/usr/bin/env bash
# Seconds of one airbench94 training step on this CPU: ours, PyTorch in Python as users get it (fp32), and PyTorch in Python at its best
# (bf16, with the allocator settings that ours makes). Alternating, on an otherwise idle machine.
# Usage: benchmarks/step-ratio.sh data/<name> [rounds]      (a prepared set with a small test split saves time)
set -euo pipefail
data=$(realpath "$1")
rounds=${2:-3}
root=$(cd "$(dirname "$0")/.." && pwd)
python=${PYTHON:-/usr/bin/python3}
threads=$(nproc)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
airbench=$root/src/Airbench.Cli/bin/Release/net10.0/airbench.dll
[ -f "$airbench" ] || { echo "build first: dotnet build -c Release" >&2; exit 2; }

# Training seconds of so many epochs by the airbench protocol; the difference of two lengths leaves the steps between them.
ours() {
  (cd "$work" && dotnet exec "$airbench" train --dataset "$data" --epochs "$1" --validate-every 0 --threads "$threads" --name ratio >/dev/null)
  awk -F, 'NR == 2 { print $4, $5 }' "$work/models/ratio/runs.csv"
}

step_of_ours() {
  { ours 0.125; ours 0.625; } | awk '{ s[NR] = $1; n[NR] = $2 } END { printf "%.3f", (s[2] - s[1]) / (n[2] - n[1]) }'
}

step_of_python() {   # median step, without augmentation
  "$python" "$root/benchmarks/python/airbench94.py" --data "$data" --steps 6 --warmup-steps 1 --threads "$threads" --precision "$1" --json "$work/python.json" >/dev/null
  "$python" -c 'import json, sys; print("%.3f" % json.load(open(sys.argv[1]))["runs"][0]["step_seconds_median"])' "$work/python.json"
}

ours 0.125 >/dev/null   # the first run reads libraries and data from disk
echo '| round | ours, s | Python fp32, s | ratio | Python bf16 + allocator, s | ratio |'
echo '|---|---|---|---|---|---|'
for round in $(seq "$rounds"); do
  a=$(step_of_ours)
  b=$(step_of_python fp32)
  c=$(MALLOC_MMAP_MAX_=0 MALLOC_TRIM_THRESHOLD_=9223372036854775807 MALLOC_TOP_PAD_=268435456 step_of_python bf16)
  awk -v r="$round" -v a="$a" -v b="$b" -v c="$c" 'BEGIN { printf "| %d | %.3f | %.3f | %.3f | %.3f | %.3f |\n", r, a, b, a / b, c, a / c }'
done

#!/usr/bin/env bash
# Seconds of evaluating fp32 with full TTA: airbench against onnxruntime-node with the same model, batches, views and threads, alternating.
# Also the share of airbench's time that is not spent inside of InferenceSession.Run. Aims: ratio at most 1.05, overhead below 5%.
# Usage: benchmarks/evaluate-ratio.sh data/<name> exports/<name> [rounds] [threads] [batch]
# Before: dotnet build -c Release, and npm ci --prefix tests/clients --ignore-scripts
set -euo pipefail
data=$(realpath "$1")
bundle=$(realpath "$2")
rounds=${3:-5}
threads=${4:-$(nproc)}
batch=${5:-100}
root=$(cd "$(dirname "$0")/.." && pwd)
airbench=${AIRBENCH:-$root/src/Airbench.Cli/bin/Release/net10.0/airbench.dll}
[ -f "$airbench" ] || { echo "build first: dotnet build -c Release" >&2; exit 2; }
[ -d "$root/tests/clients/node_modules/onnxruntime-node" ] || { echo "first: npm ci --prefix tests/clients --ignore-scripts" >&2; exit 2; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

field() { sed -nE "s/.*\"$1\": ?([0-9.eE+-]+).*/\1/p" "$2" | head -n 1; }

ours() {
  rm -rf "$work/runs"
  (cd "$work" && dotnet exec "$airbench" evaluate --dataset "$data" --bundle "$bundle" --tta mirror_translate --device cpu \
    --threads "$threads" --batch-size "$batch" >/dev/null)
  cp "$work"/runs/*/*/evaluate/metrics.json "$work/ours.json"
}

theirs() { node "$root/benchmarks/node/evaluate.mjs" "$bundle/model.onnx" "$data/test.safetensors" "$threads" "$batch" > "$work/theirs.json"; }

echo '| round | airbench, s | of these in Run, s | overhead | onnxruntime-node, s | of these in run, s | ratio |'
echo '|---|---|---|---|---|---|---|'
for round in $(seq "$rounds"); do
  if [ $((round % 2)) -eq 1 ]; then ours; theirs; else theirs; ours; fi
  a=$(field wall_seconds "$work/ours.json")
  b=$(field session_seconds "$work/ours.json")
  c=$(field seconds "$work/theirs.json")
  d=$(field session_seconds "$work/theirs.json")
  right=$(field correct "$work/ours.json")
  other=$(field correct "$work/theirs.json")
  [ $((right - other)) -ge -2 ] && [ $((right - other)) -le 2 ] || { echo "right answers differ: $right and $other" >&2; exit 1; }
  awk -v r="$round" -v a="$a" -v b="$b" -v c="$c" -v d="$d" \
    'BEGIN { printf "| %d | %.3f | %.3f | %.2f%% | %.3f | %.3f | %.3f |\n", r, a, b, 100 * (a - b) / a, c, d, a / c }'
  awk -v a="$a" -v c="$c" 'BEGIN { print a / c }' >> "$work/ratios"
  awk -v a="$a" -v b="$b" 'BEGIN { print 100 * (a - b) / a }' >> "$work/overheads"
done
median() { sort -g "$1" | awk '{ v[NR] = $1 } END { print NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2 }'; }
echo
printf 'median ratio %.3f, median overhead %.2f%%\n' "$(median "$work/ratios")" "$(median "$work/overheads")"

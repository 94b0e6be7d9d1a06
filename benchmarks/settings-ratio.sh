#!/usr/bin/env bash
# Seconds of one airbench94 training step with some environment variables / without them, alternating, on an otherwise idle machine.
# The weights must be the same to the bit: a setting that changes them is refused.
# Usage: benchmarks/settings-ratio.sh data/<name> <rounds> VARIABLE=VALUE...
#        (a prepared set with a small test split saves time; SHORT and LONG, in epochs, and FLAGS of train can be set)
set -euo pipefail
[ $# -ge 3 ] || { sed -n '2,6s/^# //p' "$0" >&2; exit 2; }
data=$(realpath "$1")
rounds=$2
shift 2
root=$(cd "$(dirname "$0")/.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
airbench=$root/src/Airbench.Cli/bin/Release/net10.0/airbench.dll
[ -f "$airbench" ] || { echo "build first: dotnet build -c Release" >&2; exit 2; }

# Training seconds and steps of so many epochs by the airbench protocol.
train() {   # name, epochs, environment...
  local name=$1 epochs=$2
  shift 2
  # shellcheck disable=SC2086 # FLAGS are several words
  (cd "$work" && env "$@" dotnet exec "$airbench" train --dataset "$data" --epochs "$epochs" --validate-every 0 --threads "$(nproc)" --name "$name" ${FLAGS:-} >/dev/null)
  awk -F, 'NR == 2 { print $4, $5 }' "$work/models/$name/runs.csv"
}

# The difference of two lengths leaves the steps between them.
step() {   # name, environment...
  local name=$1
  shift
  { train "$name" "${SHORT:-0.125}" "$@"; train "$name" "${LONG:-0.375}" "$@"; } | awk '{ s[NR] = $1; n[NR] = $2 } END { printf "%.4f", (s[2] - s[1]) / (n[2] - n[1]) }'
}

echo "with: $*"
echo '| round | without, s | with, s | ratio |'
echo '|---|---|---|---|'
for round in $(seq "$rounds"); do
  if [ $((round % 2)) -eq 1 ]; then a=$(step without _=); b=$(step with "$@"); else b=$(step with "$@"); a=$(step without _=); fi
  cmp -s "$work/models/without/weights.safetensors" "$work/models/with/weights.safetensors" || { echo 'the setting changes the weights' >&2; exit 1; }
  awk -v r="$round" -v a="$a" -v b="$b" 'BEGIN { printf "| %d | %.3f | %.3f | %.3f |\n", r, a, b, b / a }' | tee -a "$work/rows"
done
awk -F'|' '{ s += log($5); n++ } END { printf "geometric mean of %d ratios: %.3f\n", n, exp(s / n) }' "$work/rows"

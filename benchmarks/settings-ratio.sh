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
# shellcheck source=benchmarks/steps.sh
source "$(dirname "$0")/steps.sh"

# shellcheck disable=SC2086 # FLAGS are several words
measure() { step "$1" "$data" "${SHORT:-0.125}" "${LONG:-0.375}" ${FLAGS:-} "${@:2}"; }

echo "with: $*"
echo '| round | without, s | with, s | ratio |'
echo '|---|---|---|---|'
for round in $(seq "$rounds"); do
  if [ $((round % 2)) -eq 1 ]; then a=$(measure without); b=$(measure with "$@"); else b=$(measure with "$@"); a=$(measure without); fi
  cmp -s "$work/models/without/weights.safetensors" "$work/models/with/weights.safetensors" || { echo 'the setting changes the weights' >&2; exit 1; }
  awk -v r="$round" -v a="$a" -v b="$b" 'BEGIN { printf "| %d | %.3f | %.3f | %.3f |\n", r, a, b, b / a }' | tee -a "$work/rows"
done
awk -F'|' '{ s += log($5); n++ } END { printf "geometric mean of %d ratios: %.3f\n", n, exp(s / n) }' "$work/rows"

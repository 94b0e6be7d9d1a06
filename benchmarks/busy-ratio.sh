#!/usr/bin/env bash
# Seconds of one training step beside other work on the machine, over the seconds alone and over the fair share: with k busy processes beside
# t threads on c cores, a fair scheduler makes it (t + k) / c times as long. Otherwise idle machine.
# Usage: benchmarks/busy-ratio.sh data/<name> [VARIABLE=VALUE...]
#        (BUSY: numbers of busy processes; SHORT and LONG, in epochs; BATCH; PRECISIONS; FLAGS of train)
set -euo pipefail
[ $# -ge 1 ] || { sed -n '2,6s/^# //p' "$0" >&2; exit 2; }
data=$(realpath "$1")
shift
root=$(cd "$(dirname "$0")/.." && pwd)
cores=$(nproc)
work=$(mktemp -d)
busy=()
stop() { [ ${#busy[@]} -eq 0 ] || kill "${busy[@]}" 2>/dev/null || true; busy=(); }
trap 'stop; rm -rf "$work"' EXIT
airbench=$root/src/Airbench.Cli/bin/Release/net10.0/airbench.dll
[ -f "$airbench" ] || { echo "build first: dotnet build -c Release" >&2; exit 2; }

train() {   # precision, epochs, environment...
  local precision=$1 epochs=$2
  shift 2
  # shellcheck disable=SC2086 # FLAGS are several words
  (cd "$work" && env "$@" dotnet exec "$airbench" train --dataset "$data" --epochs "$epochs" --batch-size "${BATCH:-256}" --precision "$precision" \
    --validate-every 0 --threads "$cores" --name busy ${FLAGS:-} >/dev/null)
  awk -F, 'NR == 2 { print $4, $5 }' "$work/models/busy/runs.csv"
}

step() {   # precision, environment...
  local precision=$1
  shift
  { train "$precision" "${SHORT:-0.06}" "$@"; train "$precision" "${LONG:-0.18}" "$@"; } | awk '{ s[NR] = $1; n[NR] = $2 } END { printf "%.4f", (s[2] - s[1]) / (n[2] - n[1]) }'
}

echo "batch ${BATCH:-256}, $cores cores, with: ${*:-as it comes}"
echo '| precision | busy processes | s/step | of alone | of the fair share |'
echo '|---|---|---|---|---|'
for precision in ${PRECISIONS:-bf16 fp32}; do
  alone=
  for count in 0 ${BUSY:-2 4 8}; do
    for _ in $(seq "$count"); do
      sh -c 'while :; do :; done' & busy+=($!)
    done
    seconds=$(step "$precision" "${@:-_=}")
    stop
    wait 2>/dev/null || true
    alone=${alone:-$seconds}
    awk -v p="$precision" -v k="$count" -v s="$seconds" -v a="$alone" -v c="$cores" \
      'BEGIN { printf "| %s | %d | %.3f | %.2f | %.2f |\n", p, k, s, s / a, s / a / ((c + k) / c) }'
  done
done

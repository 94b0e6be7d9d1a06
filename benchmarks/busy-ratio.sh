#!/usr/bin/env bash
# Seconds of one training step beside other work on the machine, over the seconds alone and over the fair share: with k busy processes beside
# a thread on each of c cores, a fair scheduler makes it (c + k) / c times as long. Otherwise idle machine.
# Usage: benchmarks/busy-ratio.sh data/<name> [VARIABLE=VALUE... or options of train]
#        (BUSY: numbers of busy processes; SHORT and LONG, in epochs; BATCH; PRECISIONS; ROUNDS; THREADS)
set -euo pipefail
[ $# -ge 1 ] || { sed -n '2,6s/^# //p' "$0" >&2; exit 2; }
data=$(realpath "$1")
shift
# shellcheck source=benchmarks/steps.sh
source "$(dirname "$0")/steps.sh"
busy=()
stop() { [ ${#busy[@]} -eq 0 ] || kill "${busy[@]}" 2>/dev/null || true; busy=(); }
trap 'stop; rm -rf "$work"' EXIT

echo "batch ${BATCH:-256}, $threads threads on $cores cores, with: ${*:-as it comes}"
echo '| round | precision | busy processes | s/step | of alone | of the fair share |'
echo '|---|---|---|---|---|---|'
for round in $(seq "${ROUNDS:-1}"); do
  for precision in ${PRECISIONS:-bf16 fp32}; do
    alone=
    for count in 0 ${BUSY:-2 4 8}; do
      for _ in $(seq "$count"); do
        sh -c 'while :; do :; done' & busy+=($!)
      done
      seconds=$(step busy "$data" "${SHORT:-0.06}" "${LONG:-0.18}" --batch-size "${BATCH:-256}" --precision "$precision" "$@")
      stop
      wait 2>/dev/null || true
      alone=${alone:-$seconds}
      awk -v r="$round" -v p="$precision" -v k="$count" -v s="$seconds" -v a="$alone" -v c="$cores" \
        'BEGIN { printf "| %d | %s | %d | %.3f | %.2f | %.2f |\n", r, p, k, s, s / a, s / a / ((c + k) / c) }'
    done
  done
done

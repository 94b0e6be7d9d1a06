#!/usr/bin/env bash
# Seconds of one airbench94 training step on this CPU: ours in fp32, and in bf16 where the processor has products of it, and PyTorch's in
# Python: fp32 as users get it, and each with the allocator settings that ours makes. Alternating, on an otherwise idle machine.
# Usage: benchmarks/step-ratio.sh data/<name> [rounds] [avx2]      (a prepared set with a small test split saves time)
#        avx2 restricts both to AVX2, in fp32. LONG, in epochs, can be set.
set -euo pipefail
[ $# -ge 1 ] || { sed -n '2,6s/^# //p' "$0" >&2; exit 2; }
data=$(realpath "$1")
rounds=${2:-3}
python=${PYTHON:-/usr/bin/python3}
# shellcheck source=benchmarks/steps.sh
source "$(dirname "$0")/steps.sh"
types=(fp32)
if [ "${3:-}" = avx2 ]; then
  export DOTNET_EnableAVX512=0 ONEDNN_MAX_CPU_ISA=AVX2 DNNL_MAX_CPU_ISA=AVX2 ATEN_CPU_CAPABILITY=avx2
elif grep -qE 'avx512_bf16|amx_bf16' /proc/cpuinfo; then
  types=(bf16 fp32)
fi

ours() { step ratio "$data" 0.125 "${LONG:-0.625}" --precision "$1"; }

python() {   # precision: the median step, without augmentation
  "$python" "$root/benchmarks/python/airbench94.py" --data "$data" --steps 6 --warmup-steps 1 --threads "$threads" --precision "$1" --json "$work/python.json" >/dev/null
  "$python" -c 'import json, sys; print("%.3f" % json.load(open(sys.argv[1]))["runs"][0]["step_seconds_median"])' "$work/python.json"
}

kept() { MALLOC_MMAP_MAX_=0 MALLOC_TRIM_THRESHOLD_=9223372036854775807 MALLOC_TOP_PAD_=268435456 python "$1"; }

train ratio "$data" 0.125 --precision fp32 >/dev/null   # the first run reads libraries and data from disk
echo "| round | $(printf 'ours %s | ' "${types[@]}")Python fp32 | $(printf 'Python %s, pages kept | ' "${types[@]}")"
echo "|---|$(printf -- '---|%.0s' "${types[@]}")---|$(printf -- '---|%.0s' "${types[@]}")"
for round in $(seq "$rounds"); do
  row="$round"
  for type in "${types[@]}"; do row+=" $(printf '%.3f' "$(ours "$type")")"; done
  row+=" $(python fp32)"
  for type in "${types[@]}"; do row+=" $(kept "$type")"; done
  echo "$row" | tee -a "$work/rows" | sed 's/ / | /g; s/^/| /; s/$/ |/'
done
awk -v types="${types[*]}" '{
  n = split(types, type, " ")
  for (i = 1; i <= n; i++) {
    installed[i] += log($(1 + i) / $(2 + n)); best = $(3 + n); for (k = 4 + n; k <= 2 + n + n; k++) { if ($k < best) { best = $k } }
    atBest[i] += log($(1 + i) / best)
  }
} END {
  for (i = 1; i <= n; i++) { printf "ours in %s: %.2f of Python fp32 as installed, %.2f of Python at its best (geometric means of %d rounds)\n", type[i], exp(installed[i] / NR), exp(atBest[i] / NR), NR }
}' "$work/rows"

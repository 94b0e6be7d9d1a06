#!/usr/bin/env bash
# The variants of a bundle, and what test-time augmentation costs and brings: accuracy and milliseconds an image of none, mirror, mirror_translate and
# adaptive outside of the model, and of the models that have their views inside; then the ratio of adaptive to full. Aims: at most 40% of the time, within 0.05 points.
# Usage: benchmarks/variants.sh data/<name> exports/<name> [rounds] [threads] [batch]
# The bundle: airbench export --variants fp32,fp16,int8,tta,adaptive,int8_tta,int8_adaptive (any of these). Rows take turns; medians of the rounds. SHARD=1/20 tries it
# on a part of the images. Before: dotnet build -c Release. On an otherwise idle machine.
set -euo pipefail
data=$(realpath "$1")
bundle=$(realpath "$2")
rounds=${3:-3}
threads=${4:-$(nproc)}
batch=${5:-100}
root=$(cd "$(dirname "$0")/.." && pwd)
airbench=${AIRBENCH:-$root/src/Airbench.Cli/bin/Release/net10.0/airbench.dll}
[ -f "$airbench" ] || { echo "build first: dotnet build -c Release" >&2; exit 2; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

field() { sed -nE "s/.*\"$1\": ?([0-9.eE+-]+).*/\1/p" "$2" | head -n 1; }
median() { sort -g "$1" | awk '{ v[NR] = $1 } END { print NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2 }'; }

# The part of metadata.json about one variant, a line each.
variant() { awk -v name="    \"$1\": {" '$0 == name { on = 1 } on { print } on && /^    }/ { exit }' "$bundle/metadata.json"; }
has() { [ -n "$(variant "$1")" ]; }
threshold() { variant "$1" > "$work/variant"; field threshold "$work/variant"; }

echo "## Variants, as the export measured them (batch 100; p50 at batch 1)"
echo
echo '| variant | bytes | accuracy | drop | agreement with fp32 | images/s | p50, ms |'
echo '|---|---:|---:|---:|---:|---:|---:|'
for name in fp32 fp16 int8 tta adaptive fp16_tta fp16_adaptive int8_tta int8_adaptive; do
  has "$name" || continue
  variant "$name" > "$work/variant"
  awk -v n="$name" -v b="$(field bytes "$work/variant")" -v a="$(field accuracy "$work/variant")" -v d="$(field drop "$work/variant")" \
    -v g="$(field agreement "$work/variant")" -v s="$(field images_per_second "$work/variant")" -v p="$(field p50_ms "$work/variant")" \
    'BEGIN { if (a == "") printf "| %s | %d | | | | | |\n", n, b; else printf "| %s | %d | %.2f%% | %.2f%% | %.2f%% | %.0f | %.3f |\n", n, b, 100 * a, 100 * d, 100 * g, s, p }'
done

# Rows: name, model, views outside, threshold.
rows=()
for precision in fp32 fp16 int8; do
  has "$precision" || continue
  prefix=""
  [ "$precision" = fp32 ] || prefix="${precision}_"
  for tta in none mirror mirror_translate; do rows+=("$precision $tta 0.5"); done
  has "${prefix}adaptive" && rows+=("$precision adaptive $(threshold "${prefix}adaptive")")
  has "${prefix}tta" && rows+=("${prefix}tta none 0.5")
  has "${prefix}adaptive" && rows+=("${prefix}adaptive none 0.5")
done

for _ in $(seq "$rounds"); do
  for row in "${rows[@]}"; do
    read -r model tta limit <<< "$row"
    rm -rf "$work/runs"
    (cd "$work" && dotnet exec "$airbench" evaluate --dataset "$data" --bundle "$bundle" --model "$model" --tta "$tta" --adaptive-threshold "$limit" --device cpu \
      --threads "$threads" --batch-size "$batch" ${SHARD:+--shard "$SHARD"} > "$work/log" 2>&1) || { cat "$work/log" >&2; exit 1; }
    cp "$work"/runs/*/*/evaluate/metrics.json "$work/$model.$tta.json"
    awk -v s="$(field images_per_second "$work/$model.$tta.json")" 'BEGIN { print 1000 / s }' >> "$work/$model.$tta.ms"
  done
done

echo
echo "## Test-time augmentation ($threads threads, batch $batch, medians of $rounds rounds)"
echo
echo '| model | views outside | n | accuracy | got all views | ms an image | times one view |'
echo '|---|---|---:|---:|---:|---:|---:|'
for row in "${rows[@]}"; do
  read -r model tta limit <<< "$row"
  case $model in fp16*) plain=fp16 ;; int8*) plain=int8 ;; *) plain=fp32 ;; esac
  awk -v m="$model" -v t="$tta" -v n="$(field count "$work/$model.$tta.json")" -v a="$(field accuracy "$work/$model.$tta.json")" -v v="$(field all_views_share "$work/$model.$tta.json")" \
    -v ms="$(median "$work/$model.$tta.ms")" -v one="$(median "$work/$plain.none.ms")" \
    'BEGIN { printf "| %s | %s | %d | %.2f%% | %s | %.3f | %.2f |\n", m, t, n, 100 * a, v == "" ? "" : sprintf("%.1f%%", 100 * v), ms, ms / one }'
done

echo
compare() {   # what, model and views of adaptive, model and views of full
  [ -f "$work/$2.ms" ] && [ -f "$work/$3.ms" ] || return 0
  awk -v what="$1" -v a="$(median "$work/$2.ms")" -v f="$(median "$work/$3.ms")" -v x="$(field accuracy "$work/$2.json")" -v y="$(field accuracy "$work/$3.json")" \
    'BEGIN { printf "%s: adaptive takes %.1f%% of the time of full, %+.2f points\n", what, 100 * a / f, 100 * (x - y) }'
}
compare 'fp32, views outside' fp32.adaptive fp32.mirror_translate
compare 'fp32, views inside' adaptive.none tta.none
compare 'fp32, inside against outside' adaptive.none fp32.mirror_translate
compare 'int8, views outside' int8.adaptive int8.mirror_translate
compare 'int8, views inside' int8_adaptive.none int8_tta.none

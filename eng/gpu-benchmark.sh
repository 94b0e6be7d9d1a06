#!/usr/bin/env bash
# airbench beside PyTorch on one machine, within a time budget: facts, checks of numbers, alternating runs, ONNX Runtime. See docs/gpu.md.
set -uo pipefail   # no -e: a stage that fails is recorded, and the next one goes on
here=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

# Stages in their order, and the seconds that the least useful part of each takes on an H100: with less left, it is skipped.
stages=(machine symbols doctor data numbers train94 trainmuon export evaluate bench finetune train2026 train2025 compile profile others precisions autotune)
declare -A needs=([machine]=5 [symbols]=10 [doctor]=8 [data]=15 [numbers]=35 [train94]=45 [trainmuon]=45 [export]=20 [evaluate]=30 [bench]=15 [finetune]=20
  [train2026]=22 [train2025]=22 [compile]=65 [profile]=20 [others]=15 [precisions]=22 [autotune]=120)

usage() {
  cat <<TEXT
Usage: eng/gpu-benchmark.sh [options]              measure
       eng/gpu-benchmark.sh --pack DIR [--archive FILE]   make a folder that measures on a machine without .NET and network

  --minutes N       time budget; what no longer fits is left out, and said [15]
  --stages A,B      these only, also where they failed before [all that no earlier call with this --work has tried]:
                    ${stages[*]:0:10}
                    ${stages[*]:10}
  --out DIR         results: results.md, results.json, runs.jsonl, log.txt, symbols.txt, logs.tar.gz [gpu-benchmark]
  --work DIR        data, models, state; a further call with the same one goes on [a new temporary folder]
  --device D        cuda or cpu [cuda]
  --runs N          timed runs of a process, after one that warms up [4]
  --rounds N        processes of each program, in turn: ours, PyTorch, ours, ... [2]
  --precision P     arithmetic of both programs: bf16, bf16_weights, fp16 or fp32 [bf16]
  --data DIR        prepared data set [data/cifar10]
  --archive FILE    archive of <split>/<class>/* images to prepare instead
  --app DIR         published airbench; otherwise it is built from the sources
  --python FILE     Python with torch [python3, or /usr/bin/python3 where that has no torch]
  --quick           a rehearsal on drawn images: few steps, narrow networks
TEXT
}

fail() { printf 'gpu-benchmark: %s\n' "$*" >&2; exit 1; }
bad_usage() { printf 'gpu-benchmark: %s\n\n' "$*" >&2; usage >&2; exit 2; }

minutes=15 chosen='' out=gpu-benchmark work='' device=cuda runs=4 rounds=2 precision=bf16 data='' archive='' app='' python='' quick=false pack=''
while [ $# -gt 0 ]; do
  case $1 in
    --quick) quick=true; shift; continue ;;
    -h | --help) usage; exit 0 ;;
    --minutes | --stages | --out | --work | --device | --runs | --rounds | --precision | --data | --archive | --app | --python | --pack)
      [ $# -ge 2 ] || bad_usage "$1 needs a value" ;;
    *) bad_usage "unknown option $1" ;;
  esac
  case $1 in
    --minutes) minutes=$2 ;;
    --stages) chosen=$2 ;;
    --out) out=$2 ;;
    --work) work=$2 ;;
    --device) device=$2 ;;
    --runs) runs=$2 ;;
    --rounds) rounds=$2 ;;
    --precision) precision=$2 ;;
    --data) data=$2 ;;
    --archive) archive=$2 ;;
    --app) app=$2 ;;
    --python) python=$2 ;;
    --pack) pack=$2 ;;
  esac
  shift 2
done
[[ $device =~ ^(cpu|cuda(:[0-9]+)?)$ ]] || bad_usage "--device is $device; expected cuda, cuda:N or cpu"
[[ $runs =~ ^[1-9][0-9]*$ ]] || bad_usage "--runs is $runs; expected a positive number"
[[ $rounds =~ ^[1-9][0-9]*$ ]] || bad_usage "--rounds is $rounds; expected a positive number"
[[ $minutes =~ ^[0-9]+(\.[0-9]+)?$ ]] || bad_usage "--minutes is $minutes; expected a number"
[ -z "$archive" ] || [ -f "$archive" ] || fail "--archive: $archive does not exist"
[ -z "$archive" ] || archive=$(realpath "$archive")
[ -z "$data" ] || data=$(realpath -m "$data")

if [ -n "$pack" ]; then
  set -e
  . "$here/eng/gpu/pack.sh"
  pack_bundle
  exit 0
fi

declare -A is_named=()
if [ -n "$chosen" ]; then
  IFS=, read -ra named <<<"$chosen"
  for name in "${named[@]}"; do
    [ -n "${needs[$name]:-}" ] || bad_usage "--stages has $name; expected some of ${stages[*]}"
    is_named[$name]=true
  done
  ordered=()
  for name in "${stages[@]}"; do
    [ -z "${is_named[$name]:-}" ] || ordered+=("$name")
  done
  stages=("${ordered[@]}")
fi

# ---- budget and record -------------------------------------------------------------------------------------------------------

SECONDS=${AIRBENCH_SPENT:-0}   # run.sh has unpacked
budget=$(awk -v minutes="$minutes" 'BEGIN { printf "%d", minutes * 60 }')
remaining() { echo $((budget > SECONDS ? budget - SECONDS : 0)); }

mkdir -p "$out" || fail "--out: $out cannot be made"
out=$(realpath "$out")
[ -n "$work" ] || work=$(mktemp -d)
mkdir -p "$work/done" "$work/failed" "$work/logs" "$work/stages" || fail "--work: $work cannot be made"
work=$(realpath "$work")
[ -z "$app" ] || app=$(realpath "$app")
exec > >(tee -a "$out/log.txt") 2>&1
tee_process=$!

stage='' is_incomplete=false skipped=''

# NAME SECONDS LIMIT COMMAND...: one process of a stage. One that succeeded does not run again; one that no longer fits is left out.
step() {
  local name=$stage.$1 estimate=$2 limit=$3 left code begun is_cut=false
  shift 3
  [ ! -f "$work/done/$name" ] || return 0
  left=$(($(remaining) - 4))   # for the results
  if [ "$estimate" -gt "$left" ]; then
    echo "-- $name is left out: it needs about $estimate s, and $left s are left"
    is_incomplete=true
    return 1
  fi
  [ "$limit" -le "$left" ] || { limit=$left; is_cut=true; }
  printf -- '-- %s at %s s, at most %s s\n' "$name" "$SECONDS" "$limit"
  begun=$SECONDS
  # Not a pipeline: a helper process that outlives the program would hold it open.
  timeout --kill-after=3 "$limit" "$@" > >(tee "$work/logs/$name.log") 2>&1
  code=$?
  sleep 0.1   # the last lines
  rm -f "$work/failed/$name"
  case $code in
    0) touch "$work/done/$name" ;;
    124 | 137)
      if $is_cut; then   # the budget's fault, not the program's
        echo "-- $name stopped after $limit s, with the budget"
        is_incomplete=true
        return 1
      fi
      echo "stopped after $limit s" >"$work/failed/$name"
      ;;
    *) echo "exit code $code after $((SECONDS - begun)) s: $(grep -v '^ *$' "$work/logs/$name.log" | tail -n 1 | cut -c 1-300)" >"$work/failed/$name" ;;
  esac
  [ "$code" -eq 0 ] || printf -- '-- %s FAILED: %s\n' "$name" "$(cat "$work/failed/$name")"
  return "$code"
}

skip() { skipped=$*; echo "-- $stage is skipped: $*"; }

results() { python3 "$here/benchmarks/python/results.py" --work "$work" "$@"; }

publish() {
  results --out "$out" || echo 'the results could not be written'
  [ ! -f "$work/symbols.txt" ] || cp "$work/symbols.txt" "$out/"
  tar -C "$work" -czf "$out/logs.tar.gz" logs
}

run_stage() {
  local begun=$SECONDS state
  stage=$1 is_incomplete=false skipped=''
  if [ -f "$work/done/$stage" ]; then
    echo "== $stage: done in an earlier call"
    return
  fi
  if [ -z "${is_named[$stage]:-}" ] && grep -qs '^failed' "$work/stages/$stage"; then
    echo "== $stage: failed in an earlier call; --stages $stage repeats what failed"
    return
  fi
  if [ "${needs[$stage]}" -gt "$(remaining)" ]; then
    echo "== $stage: left out, as it needs at least ${needs[$stage]} s and $(remaining) s are left"
    grep -qs . "$work/stages/$stage" || echo 'no time' >"$work/stages/$stage"
    return
  fi
  printf '\n== %s, %s of %s s left\n' "$stage" "$(remaining)" "$budget"
  "stage_$stage"
  if compgen -G "$work/failed/$stage.*" >/dev/null; then state=failed
  elif [ -n "$skipped" ]; then state="skipped: $skipped"
  elif $is_incomplete; then state='incomplete: no time for all of it'
  else state=done; touch "$work/done/$stage"; fi
  printf '%s\t%s\n' "$state" "$((SECONDS - begun))" >"$work/stages/$stage"
  publish
}

finish() {
  local code=$? path
  results --out "$out" --table || true
  if compgen -G "$work/failed/*" >/dev/null; then
    code=1
    echo
    echo 'FAILED:'
    for path in "$work"/failed/*; do echo "  $(basename "$path"): $(cat "$path")"; done
  fi
  echo "$SECONDS of $budget s; written: $out; state: $work"
  exec >&- 2>&-
  for _ in {1..20}; do   # the log's last lines; a helper that some program left behind may hold the log open
    kill -0 "$tee_process" 2>/dev/null || break
    sleep 0.1
  done
  exit "$code"
}

# ---- measure -----------------------------------------------------------------------------------------------------------------

. "$here/eng/gpu/stages.sh"
trap finish EXIT
prepare_programs
cd "$work" || exit 1
for name in "${stages[@]}"; do
  run_stage "$name"
done

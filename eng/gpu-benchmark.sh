#!/usr/bin/env bash
# airbench beside eager PyTorch on one machine: facts, checks of numbers, alternating runs, a table. See docs/gpu.md.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

usage() {
  cat <<'TEXT'
Usage: eng/gpu-benchmark.sh [options]              measure
       eng/gpu-benchmark.sh --pack DIR [--archive FILE]   make a folder that measures on a machine without .NET and network

  --out DIR         results: results.md, results.json, runs.jsonl, log.txt [gpu-benchmark]
  --work DIR        data, models and reports of the single runs [a new temporary folder]
  --device D        cuda or cpu [cuda]
  --recipe R        airbench94 or airbench94_muon; may be given twice [both]
  --runs N          rounds; each runs every program once, in turn [5]
  --precision P     arithmetic of both programs: bf16, bf16_weights, fp16 or fp32 [bf16]
  --also-python P   further precision of the Python program alone, or none [fp16_weights on CUDA, the public script's choice; none on the CPU]
  --data DIR        prepared data set [data/cifar10]
  --archive FILE    archive of <split>/<class>/* images to prepare instead
  --app DIR         published airbench; otherwise it is built from the sources
  --python FILE     Python with torch [python3, or /usr/bin/python3 where that has no torch]
  --quick           a rehearsal on drawn images: 2 rounds, 2 epochs, narrow networks
TEXT
}

fail() { printf 'gpu-benchmark: %s\n' "$*" >&2; exit 1; }
bad_usage() { printf 'gpu-benchmark: %s\n\n' "$*" >&2; usage >&2; exit 2; }

out=gpu-benchmark work='' device=cuda rounds=5 precision=bf16 also='' data='' archive='' app='' python='' quick=false pack=''
recipes=()
while [ $# -gt 0 ]; do
  case $1 in
    --quick) quick=true; shift; continue ;;
    -h | --help) usage; exit 0 ;;
    --out | --work | --device | --recipe | --runs | --precision | --also-python | --data | --archive | --app | --python | --pack)
      [ $# -ge 2 ] || bad_usage "$1 needs a value" ;;
    *) bad_usage "unknown option $1" ;;
  esac
  case $1 in
    --out) out=$2 ;;
    --work) work=$2 ;;
    --device) device=$2 ;;
    --recipe) recipes+=("$2") ;;
    --runs) rounds=$2 ;;
    --precision) precision=$2 ;;
    --also-python) also=$2 ;;
    --data) data=$2 ;;
    --archive) archive=$2 ;;
    --app) app=$2 ;;
    --python) python=$2 ;;
    --pack) pack=$2 ;;
  esac
  shift 2
done
[[ $device =~ ^(cpu|cuda(:[0-9]+)?)$ ]] || bad_usage "--device is $device; expected cuda, cuda:N or cpu"
[[ $rounds =~ ^[1-9][0-9]*$ ]] || bad_usage "--runs is $rounds; expected a positive number"
[ -z "$archive" ] || [ -f "$archive" ] || fail "--archive: $archive does not exist"
[ -z "$archive" ] || archive=$(realpath "$archive")

# ---- pack --------------------------------------------------------------------------------------------------------------------

pack_bundle() {
  local limit=$((64 * 1024 * 1024)) staging dotnet_root runtime host size
  [ ! -e "$pack" ] || [ -z "$(ls -A "$pack")" ] || fail "--pack: $pack is not empty"
  command -v dotnet >/dev/null || fail 'packing needs the .NET SDK (dotnet is not on the PATH)'
  staging=$(mktemp -d)
  # An output folder of its own: the build in src/ keeps its backend.
  dotnet publish "$here/src/Airbench.Cli" -c Release -p:Backend=external --artifacts-path "$staging/artifacts" -o "$staging/app"
  find "$staging/app" -name '*.pdb' -delete
  find "$staging/app/runtimes" -mindepth 1 -maxdepth 1 -type d ! -name linux-x64 ! -name linux ! -name unix -exec rm -rf {} +

  dotnet_root=$(dirname "$(readlink -f "$(command -v dotnet)")")
  runtime=$(dotnet --list-runtimes | sed -nE 's/^Microsoft\.NETCore\.App (10\.[0-9.]+) .*/\1/p' | tail -n 1)
  [ -n "$runtime" ] || fail 'no .NET 10 runtime is installed here (dotnet --list-runtimes)'
  host=$(find "$dotnet_root/host/fxr" -mindepth 1 -maxdepth 1 -name '10.*' -printf '%f\n' | sort -V | tail -n 1)
  mkdir -p "$staging/dotnet/host/fxr" "$staging/dotnet/shared/Microsoft.NETCore.App" "$pack/eng" "$pack/benchmarks"
  cp -L "$dotnet_root/dotnet" "$staging/dotnet/"
  cp -rL "$dotnet_root/host/fxr/$host" "$staging/dotnet/host/fxr/"
  cp -rL "$dotnet_root/shared/Microsoft.NETCore.App/$runtime" "$staging/dotnet/shared/Microsoft.NETCore.App/"
  tar -C "$staging" -cf - app dotnet | xz -T0 -6 >"$pack/programs.tar.xz"
  cp "$here/eng/gpu-benchmark.sh" "$pack/eng/"
  mkdir "$pack/benchmarks/python"
  cp "$here"/benchmarks/python/*.py "$pack/benchmarks/python/"
  [ -z "$archive" ] || cp "$archive" "$pack/"
  rm -rf "$staging"

  cat >"$pack/run.sh" <<'TEXT'
#!/usr/bin/env bash
# Unpacks the programs once, then measures; options are those of eng/gpu-benchmark.sh. Needs Python with torch, and nothing else.
set -euo pipefail
bundle=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
programs=${AIRBENCH_PROGRAMS:-/tmp/airbench-programs}
if [ ! -f "$programs/complete" ]; then
  mkdir -p "$programs"
  python3 -c 'import sys, tarfile; tarfile.open(sys.argv[1]).extractall(sys.argv[2])' "$bundle/programs.tar.xz" "$programs"
  touch "$programs/complete"
fi
export DOTNET_ROOT=$programs/dotnet DOTNET_SYSTEM_GLOBALIZATION_INVARIANT=1 PATH=$programs/dotnet:$PATH
exec bash "$bundle/eng/gpu-benchmark.sh" --app "$programs/app" "$@"
TEXT
  size=$(du -sb "$pack" | cut -f 1)
  [ "$size" -le "$limit" ] || fail "$pack has $size bytes, more than the 64 MiB ($limit) that it may have; take a smaller archive"
  local source=''
  [ -z "$archive" ] || source=" --archive $(basename "$pack")/$(basename "$archive")"
  cat <<TEXT

$pack: $((size / 1024 / 1024)) MiB, .NET $runtime. On the CUDA machine, with this folder beside you:

  bash $(basename "$pack")/run.sh --quick --out quick                                    # a minute: does it load, do the numbers agree?
  bash $(basename "$pack")/run.sh --recipe airbench94$source --work /tmp/airbench-work --out airbench94
  bash $(basename "$pack")/run.sh --recipe airbench94_muon$source --work /tmp/airbench-work --out airbench94_muon

libtorch is that of the machine's Python; AIRBENCH_LIBTORCH=<folder of libtorch_cpu.so> names another, AIRBENCH_PROGRAMS=<folder> where to unpack.
TEXT
}

if [ -n "$pack" ]; then
  pack_bundle
  exit 0
fi

# ---- measure -----------------------------------------------------------------------------------------------------------------

[ ${#recipes[@]} -gt 0 ] || recipes=(airbench94 airbench94_muon)
for recipe in "${recipes[@]}"; do
  [[ $recipe =~ ^airbench94(_muon)?$ ]] || bad_usage "--recipe is $recipe; the Python program knows airbench94 and airbench94_muon"
done
if [ -z "$also" ]; then
  case $device in cuda*) also=fp16_weights ;; *) also=none ;; esac
fi
if [ -z "$python" ]; then
  for candidate in python3 /usr/bin/python3; do
    if "$candidate" -c 'import torch, numpy' 2>/dev/null; then python=$candidate; break; fi
  done
  [ -n "$python" ] || fail 'no Python with torch and numpy found (tried python3 and /usr/bin/python3); name one with --python'
fi
mkdir -p "$out"
out=$(realpath "$out")
[ ! -e "$out/runs.jsonl" ] || fail "$out already holds results; give another --out"
[ -n "$work" ] || work=$(mktemp -d)
mkdir -p "$work"
work=$(realpath "$work")
: >"$out/runs.jsonl"
exec > >(tee "$out/log.txt") 2>&1
tee_process=$!

current=start
step() { current=$*; printf '\n== %s\n' "$*"; }
finish() {
  local code=$?
  if [ "$code" -ne 0 ]; then
    printf '\ngpu-benchmark: FAILED at "%s" (exit code %s). Runs measured before: %s, in %s; files of the single runs in %s\n' \
      "$current" "$code" "$(wc -l <"$out/runs.jsonl")" "$out" "$work"
  fi
  exec >&- 2>&-
  wait "$tee_process" || true   # the log's last lines
  exit "$code"
}
trap finish EXIT

scripts=$here/benchmarks/python
airbench() { (cd "$work" && LD_LIBRARY_PATH=$library_path dotnet "$app/airbench.dll" "$@"); }
py() { local name=$1; shift; PYTHONUNBUFFERED=1 "$python" "$scripts/$name.py" "$@"; }

step 'program'
if [ -z "$app" ]; then
  case $device in cuda*) backend=cuda ;; *) backend=cpu ;; esac
  dotnet build "$here/src/Airbench.Cli" -c Release -p:Backend="${AIRBENCH_BACKEND:-$backend}" -v quiet --nologo
  app=$here/src/Airbench.Cli/bin/Release/net10.0
fi
app=$(realpath "$app")
[ -f "$app/airbench.dll" ] || fail "--app: $app has no airbench.dll; expected a published airbench"
bridge=$(find -L "$app" -name libLibTorchSharp.so -print -quit)
bundled=$(find -L "$app" -name libtorch_cpu.so -print -quit)
[ -n "$bridge" ] || fail "$app has no libLibTorchSharp.so; publish again"
library_path=${LD_LIBRARY_PATH:-}
if [ -z "${AIRBENCH_LIBTORCH:-}" ] && [ -z "$bundled" ]; then
  AIRBENCH_LIBTORCH=$("$python" -c 'import os, torch; print(os.path.join(torch.__path__[0], "lib"))')
  export AIRBENCH_LIBTORCH
  # PyTorch's wheels keep CUDA's own libraries in packages beside it.
  library_path=$("$python" -c 'import glob, os, torch
root = torch.__path__[0]
wheels = os.path.join(os.path.dirname(root), "nvidia", "*", "lib")
print(":".join([os.path.join(root, "lib"), *sorted(glob.glob(wheels))]))')${library_path:+:$library_path}
fi
libtorch=${AIRBENCH_LIBTORCH:-$(dirname "$bundled")}
echo "airbench: $app"
echo "libtorch: $libtorch"

step 'machine'
uname -srm
grep -m 1 'model name' /proc/cpuinfo || true   # other processors than x86 name none
echo "$(nproc) cores, $(awk '/MemTotal/ { printf "%.0f GiB", $2 / 1048576 }' /proc/meminfo)"
case $device in
  cuda*) nvidia-smi --query-gpu=name,driver_version,memory.total,clocks.sm,clocks.max.sm,temperature.gpu,power.draw --format=csv ;;
esac
"$python" -c 'import sys, numpy, torch
print(f"Python {sys.version.split()[0]}, numpy {numpy.__version__}, torch {torch.__version__}, "
      f"CUDA {torch.version.cuda}, cuDNN {torch.backends.cudnn.version()}")'

step "symbols: what TorchSharp's bridge needs of this libtorch"
py check_symbols --bridge "$bridge" --libtorch "$libtorch"

step 'doctor'
airbench doctor || echo 'doctor reports problems, above; going on, as not all of them matter here'

step 'data'
narrow=() narrow_python=() short=()
threads=()
case $device in cpu) threads=(--threads "$(nproc)") ;; esac   # PyTorch alone would count hyper-threads of a core once
if $quick; then
  rounds=2
  export OMP_WAIT_POLICY=PASSIVE   # a rehearsal may share the machine
  narrow=(--widths '[8, 16, 16]') narrow_python=(--widths 8 16 16) short=(--epochs 2)
fi
if [ -n "$archive" ]; then
  name=$(basename "$archive"); name=${name%%.*}
  data=$work/data/$name
  [ -f "$data/dataset.json" ] || airbench prepare --source archive --path "$archive" --name "$name"
elif $quick && [ -z "$data" ]; then
  data=$work/data/quick
  [ -f "$data/dataset.json" ] || airbench prepare --source synthetic --train-count 2048 --test-count 256 --name quick
else
  data=${data:-data/cifar10}
  [ -f "$data/dataset.json" ] || fail "--data: $data is no prepared data set; \`airbench prepare\` makes one, or give --archive"
  data=$(realpath "$data")
fi
check_data=$work/data/check
[ -f "$check_data/dataset.json" ] || airbench prepare --source synthetic --train-count 1024 --test-count 256 --name check

step 'numbers: 5 steps of airbench, repeated by Python'
airbench train --dataset "$check_data" --recipe airbench94 --precision fp32 --batch-size 1024 --epochs 5 --flip none --translate 0 --runs 1 \
  --validate-every 0 --name check --device "$device" "${narrow[@]}"
py check_weights --model "$work/models/check" --data "$check_data" --device "$device"
py check_training --model "$work/models/check" --data "$check_data" --device "$device"

# The first run of a process warms the device up and does not count: Python's on random labels, ours on the true ones, the same work.
python_runs=("$precision")
[ "$also" = none ] || python_runs+=("$also")
for recipe in "${recipes[@]}"; do
  for ((round = 1; round <= rounds; round++)); do
    step "$recipe, round $round of $rounds"
    airbench train --dataset "$data" --recipe "$recipe" --precision "$precision" --runs 2 --seed "$((2 * round))" --validate-every 0 \
      --name "$recipe" --device "$device" "${threads[@]}" "${narrow[@]}" "${short[@]}"
    py results --out "$out" --round "$round" --add-model "$work/models/$recipe"
    [ "$round" -gt 1 ] || py check_weights --model "$work/models/$recipe" --data "$data" --device "$device"
    for kind in "${python_runs[@]}"; do
      report=$work/python-$recipe-$kind-$round.json
      whole=()
      case $device in cpu) whole=(--warmup-steps 1000000) ;; esac
      py airbench94 --data "$data" --recipe "$recipe" --precision "$kind" --seed "$((2 * round + 1))" --device "$device" --json "$report" \
        "${threads[@]}" "${narrow_python[@]}" "${short[@]}" "${whole[@]}"
      py results --out "$out" --round "$round" --add-python "$report"
    done
  done
done

step 'result'
case $device in
  cuda*) nvidia-smi --query-gpu=clocks.sm,temperature.gpu,power.draw --format=csv ;;
esac
$quick && echo 'A rehearsal: narrow networks, few steps. These numbers compare nothing.'
py results --out "$out" --table
echo "written: $out/results.md, results.json, runs.jsonl, log.txt"

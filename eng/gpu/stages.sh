# Sourced by eng/gpu-benchmark.sh: one function a stage. step (above all a time limit), skip and the options are from there.

scripts=$here/benchmarks/python
airbench=() py=() narrow=() narrow_python=() short=() few_steps=() threads=() cpu_python=()
is_cuda=false
[ "$device" = cpu ] || is_cuda=true

prepare_programs() {
  local bundled backend candidate torch_folder=''
  for candidate in ${python:-python3 /usr/bin/python3}; do
    torch_folder=$(timeout 120 "$candidate" -c 'import numpy, os, torch; print(os.path.join(torch.__path__[0], "lib"))' 2>/dev/null) && break
  done
  python=${python:-$candidate}
  has_torch=false
  if [ -n "$torch_folder" ]; then has_torch=true; python=$candidate; else echo "$python has no torch and numpy: without PyTorch's side"; fi
  py=(env PYTHONUNBUFFERED=1 "$python")

  if [ -z "$app" ]; then
    if $is_cuda; then backend=external; else backend=cpu; fi
    dotnet build "$here/src/Airbench.Cli" -c Release -p:Backend="${AIRBENCH_BACKEND:-$backend}" -v quiet --nologo || fail 'the program does not build'
    app=$here/src/Airbench.Cli/bin/Release/net10.0
  fi
  [ -f "$app/airbench.dll" ] || fail "--app: $app has no airbench.dll; expected a published airbench"
  bridge=$(find -L "$app" -name libLibTorchSharp.so -print -quit)
  bundled=$(find -L "$app" -name libtorch_cpu.so -print -quit)
  has_ort=false
  [ -z "$(find -L "$app" -name 'libonnxruntime.so*' -print -quit)" ] || has_ort=true
  library_path=${LD_LIBRARY_PATH:-}
  if [ -z "${AIRBENCH_LIBTORCH:-}" ] && [ -z "$bundled" ] && $has_torch; then
    export AIRBENCH_LIBTORCH=$torch_folder
  fi
  if [ -n "${AIRBENCH_LIBTORCH:-}" ]; then
    # PyTorch's wheels keep CUDA's own libraries in packages beside it.
    library_path=$(find "$AIRBENCH_LIBTORCH" "$AIRBENCH_LIBTORCH"/../../nvidia/*/lib -maxdepth 0 -type d 2>/dev/null | paste -sd :)${library_path:+:$library_path}
  fi
  libtorch=${AIRBENCH_LIBTORCH:-$(dirname "$bundled")}
  airbench=(env CUDA_MODULE_LOADING=LAZY "LD_LIBRARY_PATH=$library_path" dotnet "$app/airbench.dll")
  echo "airbench: $app; libtorch: $libtorch; Python: $python"

  $is_cuda || threads=(--threads "$(nproc)")   # PyTorch alone would count hyper-threads of a core once
  $is_cuda || cpu_python=(--warmup-steps 1000000)   # as many as a run has
  if $quick; then
    export OMP_WAIT_POLICY=PASSIVE   # a rehearsal may share the machine
    narrow=(--widths '[8, 16, 16]') narrow_python=(--widths 8 16 16) short=(--epochs 1) few_steps=(--profiled 2)
  fi
  if $quick && [ -z "$data" ]; then
    data=$work/data/quick
  elif [ -n "$archive" ]; then
    data=$work/data/images
  else
    data=$(realpath -m "${data:-data/cifar10}")
  fi
}

has_precision() { timeout 30 "${airbench[@]}" train --help | grep -A 2 -e --precision | grep -qw -e "$1"; }
has_recipe() { timeout 30 "${airbench[@]}" recipes | grep -qw -e "$1"; }
compiles() { $has_torch && timeout 60 "$python" -c 'import torch; torch.compile' 2>/dev/null; }
has_data() { [ -f "$data/dataset.json" ] && [ -f "$work/data/check/dataset.json" ]; }
has_model() { [ -d "$work/exports/airbench94" ]; }

# ---- facts -------------------------------------------------------------------------------------------------------------------

stage_machine() {
  step facts 3 30 bash -c 'uname -srm; grep -m 1 "model name" /proc/cpuinfo; nproc; free -g 2>/dev/null | head -n 2
    nvidia-smi --query-gpu=name,driver_version,memory.total,memory.used,clocks.sm,clocks.max.sm,temperature.gpu,power.draw --format=csv 2>&1; ldd --version | head -n 1'
  $has_torch && step versions 3 60 "${py[@]}" -c 'import sys, numpy, torch
print(f"Python {sys.version.split()[0]}, numpy {numpy.__version__}, torch {torch.__version__}, CUDA {torch.version.cuda}, cuDNN {torch.backends.cudnn.version()}, "
      f"{torch.cuda.get_device_name() if torch.cuda.is_available() else torch.get_num_threads()}")'
  step libraries 2 20 bash -c 'for library in "$1"/../../nvidia/*/lib/*.so* "$1"/*.so*; do
    [ -f "$library" ] || continue
    printf "%s %s %s\n" "$(readelf -d "$library" 2>/dev/null | sed -n "s/.*SONAME.*\[\(.*\)\]/\1/p")" "$(stat -Lc %s "$library")" "$library"
  done' libraries "$libtorch"
}

# The C and C++ names beside TorchSharp's that the program may call, or may come to call.
symbol_names='CUDAGraph|getCurrentCUDAStream|getDefaultCUDAStream|getStreamFromPool|aoti_torch_|torch_call_dispatcher|setBenchmarkCuDNN|AllowTF32|setFloat32'
symbol_names+='|CUDACachingAllocator.*(emptyCache|beginAllocateToPool)'

stage_symbols() {
  step bridge 8 90 python3 "$scripts/check_symbols.py" --bridge "$bridge" --libtorch "$libtorch"
  step dump 5 60 bash -c 'set -o pipefail
    for library in libc10 libc10_cuda libtorch_cpu libtorch_cuda; do
      [ ! -f "$1/$library.so" ] || nm -D --defined-only "$1/$library.so" | awk -v library="$library" "{ print library, \$NF }"
    done | grep -E "$2" >"$3" && wc -l "$3"' dump "$libtorch" "$symbol_names" "$work/symbols.txt"
}

stage_doctor() {
  step doctor 5 60 bash -c '"$@" || echo "doctor: exit code $?"' doctor "${airbench[@]}" doctor
  # PyTorch's libraries have to be found without this variable too.
  step without_path 5 60 env -u LD_LIBRARY_PATH bash -c '"$@" || echo "doctor: exit code $?"' doctor dotnet "$app/airbench.dll" doctor
}

stage_data() {
  step check 3 60 "${airbench[@]}" prepare --source synthetic --train-count 1024 --test-count 256 --name check
  step few 3 60 "${airbench[@]}" prepare --source synthetic --train-count 128 --test-count 64 --name few
  if $quick; then
    step quick 3 60 "${airbench[@]}" prepare --source synthetic --train-count 2048 --test-count 256 --name quick
  fi
  if [ -n "$archive" ]; then
    step archive 12 120 "${airbench[@]}" prepare --source archive --path "$archive" --name images
  elif [ ! -f "$data/dataset.json" ]; then
    skip "$data is no prepared data set; \`airbench prepare\` makes one, or give --archive"
  fi
}

# ---- numbers -----------------------------------------------------------------------------------------------------------------

stage_numbers() {
  has_data || { skip 'no data'; return; }
  step train 12 90 "${airbench[@]}" train --dataset "$work/data/check" --recipe airbench94 --precision fp32 --batch-size 1024 --epochs 5 --flip none \
    --translate 0 --runs 1 --validate-every 0 --name check --device "$device" "${narrow[@]}" || return
  $has_torch || { skip 'no torch: airbench trained, nothing is compared'; return; }
  step weights 8 60 "${py[@]}" "$scripts/check_weights.py" --model "$work/models/check" --data "$work/data/check" --device "$device"
  step training 12 90 "${py[@]}" "$scripts/check_training.py" --model "$work/models/check" --data "$work/data/check" --device "$device"
}

# ---- training ----------------------------------------------------------------------------------------------------------------

ours() {   # NAME RECIPE PRECISION SEED: a process of the program; its first run warms up
  step "$1" 22 90 "${airbench[@]}" train --dataset "$data" --recipe "$2" --precision "$3" --runs "$((runs + 1))" --seed "$4" --validate-every 0 \
    --checkpoint-every-seconds 0 --name "$2-$1" --device "$device" "${threads[@]}" "${narrow[@]}" "${short[@]}" &&
    results --add-model "$work/models/$2-$1" --block "$stage.$1" && results --out "$out"
}

theirs() {   # NAME RECIPE PRECISION SEED [OPTION...]: a process of PyTorch; a run on random labels warms up
  local name=$1 recipe=$2 kind=$3 seed=$4
  shift 4
  $has_torch || { skip "no torch in $python: only ours"; return; }
  step "$name" "${estimate:-22}" "${limit:-90}" "${py[@]}" "$scripts/airbench94.py" --data "$data" --recipe "$recipe" --precision "$kind" --seed "$seed" \
    --runs "$runs" --device "$device" --json "$work/logs/$stage.$name.json" "${threads[@]}" "${narrow_python[@]}" "${short[@]}" "${cpu_python[@]}" "$@" &&
    results --add-python "$work/logs/$stage.$name.json" --block "$stage.$name" && results --out "$out"
}

clocks() { ! $is_cuda || timeout 10 nvidia-smi --query-gpu=clocks.sm,temperature.gpu,power.draw,clocks_event_reasons.active --format=csv,noheader; }

in_turn() {   # RECIPE: ours, theirs, ours, theirs, so that drift of clocks and heat shows
  local round
  has_data || { skip 'no data'; return; }
  for ((round = 1; round <= rounds; round++)); do
    ours "ours$round" "$1" "$precision" $((100 * round))
    theirs "python$round" "$1" "$precision" $((100 * round + 50))
    clocks
  done
}

ours_alone() {   # RECIPE that the Python program does not know
  has_data || { skip 'no data'; return; }
  has_recipe "$1" || { skip "the program has no recipe $1"; return; }
  ours ours1 "$1" "$precision" 100
}

once() {   # RECIPE SECONDS [OPTION...]: does it train here, and in what time? One run warms up, one counts
  local recipe=$1 estimate=$2 sizes=("${narrow[@]}")
  shift 2
  if $quick; then
    set --
    [ "$recipe" != resnet18 ] || sizes=(--widths '[16, 16, 16, 16]')
  fi
  step "$recipe" "$estimate" $((3 * estimate)) "${airbench[@]}" benchmark train --dataset "$data" --recipe "$recipe" --precision "$precision" --runs 1 \
    --device "$device" "${threads[@]}" "${sizes[@]}" "${short[@]}" "$@"
}

stage_train94() {
  in_turn airbench94
  if $has_torch && [ -d "$work/models/airbench94-ours1" ]; then
    step weights 8 60 "${py[@]}" "$scripts/check_weights.py" --model "$work/models/airbench94-ours1" --data "$data" --device "$device"
  fi
}
stage_trainmuon() { in_turn airbench94_muon; }
stage_train2025() { ours_alone speedrun2025; }
stage_train2026() { ours_alone speedrun2026; }

stage_others() {
  has_data || { skip 'no data'; return; }
  once airbench95 15
  once resnet18 20 --epochs 2
  once airbench96 45
  once airbench96_faster 40
}

stage_precisions() {
  local kind
  has_data || { skip 'no data'; return; }
  $is_cuda && theirs python_fp16_weights airbench94 fp16_weights 150   # the public script's choice
  for kind in fp16_weights bf16_weights; do
    { $is_cuda || [ $kind = bf16_weights ]; } && has_precision $kind || continue
    ours "ours_$kind" airbench94 $kind 100
    ours "ours_muon_$kind" airbench94_muon $kind 100
  done
  $is_cuda && theirs python_muon_fp16_weights airbench94_muon fp16_weights 150
  if $is_cuda && compiles; then
    estimate=50 limit=120 theirs compiled_fp16_weights airbench94 fp16_weights 150 --compile default
  fi
}

stage_compile() {
  has_data || { skip 'no data'; return; }
  compiles || { skip "no torch.compile in $python"; return; }
  estimate=65 limit=150 theirs python1 airbench94 "$precision" 150 --compile default
  estimate=60 limit=150 theirs muon1 airbench94_muon "$precision" 150 --compile default
}

stage_autotune() {
  has_data || { skip 'no data'; return; }
  compiles || { skip "no torch.compile in $python"; return; }
  estimate=120 limit=240 theirs python1 airbench94 "$precision" 150 --compile max-autotune
}

traced() {   # RECIPE: two runs, and on CUDA one more that the profiler interface watches
  local trace=()
  if $is_cuda; then trace=(--trace true); fi
  step "$1" 20 60 "${airbench[@]}" benchmark train --dataset "$data" --recipe "$1" --precision "$precision" --runs 2 --device "$device" \
    "${threads[@]}" "${narrow[@]}" "${short[@]}" "${trace[@]}"
}

stage_profile() {
  has_data || { skip 'no data'; return; }
  $has_torch && step python 20 60 "${py[@]}" "$scripts/profile_steps.py" --data "$data" --precision "$precision" --device "$device" "${narrow_python[@]}" \
    "${few_steps[@]}"
  traced airbench94
  traced airbench94_muon
  if [ -f "$work/done/compile.python1" ]; then   # PyTorch keeps what it compiled
    step compiled 35 90 "${py[@]}" "$scripts/profile_steps.py" --data "$data" --precision "$precision" --device "$device" --compile default
  fi
}

# ---- ONNX Runtime ------------------------------------------------------------------------------------------------------------

stage_export() {
  local model
  has_data || { skip 'no data'; return; }
  $has_ort || { skip 'no ONNX Runtime here: unpack ort.tar.xz too'; return; }
  model=$work/models/airbench94-ours1
  if [ ! -d "$model" ]; then
    step model 15 90 "${airbench[@]}" train --dataset "$data" --recipe airbench94 --precision "$precision" --runs 1 --validate-every 0 --name airbench94-ours1 \
      --device "$device" "${threads[@]}" "${narrow[@]}" "${short[@]}" || return
  fi
  step export 20 120 "${airbench[@]}" export --dataset "$data" --trained-model "$model" --name airbench94 --variants '[fp32, fp16, int8]' \
    --max-drop '{ fp16: 1, int8: 1 }' --device cpu
}

evaluate() {   # NAME SECONDS OPTION...: evaluates, and links what came out to evaluations/NAME
  local name=$1 estimate=$2 folder
  shift 2
  step "$name" "$estimate" 90 "${airbench[@]}" evaluate --dataset "$data" --bundle "$work/exports/airbench94" --batch-size 1000 "$@" || return
  folder=$(sed -n 's/^evaluate -> //p' "$work/logs/$stage.$name.log" | tail -n 1)
  mkdir -p "$work/evaluations"
  [ -z "$folder" ] || ln -sfn "$work/$folder" "$work/evaluations/$name"
}

stage_evaluate() {
  has_model || { skip 'no exported model'; return; }
  evaluate cpu_fp32 25 --model fp32 --device cpu
  if $is_cuda; then
    evaluate cuda_fp32 10 --model fp32 --device "$device" --provider-options '{ use_tf32: "0" }'
    evaluate cuda_tf32 10 --model fp32 --device "$device" --provider-options '{ use_tf32: "1" }'
    evaluate cuda_fp16 10 --model fp16 --device "$device"
    # PyTorch's libraries have to be found without this variable too.
    step without_path 10 60 env -u LD_LIBRARY_PATH dotnet "$app/airbench.dll" evaluate --dataset "$data" --bundle "$work/exports/airbench94" --batch-size 1000 \
      --tta none --device "$device"
  else
    evaluate cpu_fp16 25 --model fp16 --device cpu
  fi
  step compare 1 20 python3 "$scripts/compare_devices.py" --evaluations "$work/evaluations" --first cpu_fp32 --strict cuda_fp32 --most 2
}

stage_bench() {
  local kind seconds=1
  has_model || { skip 'no exported model'; return; }
  if $quick; then seconds=0.2; fi
  for kind in fp32 fp16; do   # on CUDA inputs and outputs are bound to the device
    step "${device%%:*}_$kind" 15 60 "${airbench[@]}" benchmark model --bundle "$work/exports/airbench94" --model $kind --batch-sizes '[1, 16, 100, 1000]' \
      --min-seconds $seconds --min-calls 20 --device "$device"
  done
  if $is_cuda; then
    step cpu_fp32 12 60 "${airbench[@]}" benchmark model --bundle "$work/exports/airbench94" --batch-sizes '[1, 16, 100, 1000]' --min-seconds 0.5 --min-calls 5 \
      --warm-up-calls 2 --device cpu
  fi
}

stage_finetune() {
  local where
  has_model || { skip 'no exported model'; return; }
  for where in cpu "$device"; do   # a batch holds all training images, so that an epoch is a step and the curve has a row for each
    step "${where%%:*}" 10 60 "${airbench[@]}" finetune --model "$work/exports/airbench94" --weights "$work/models/airbench94-ours1" \
      --data "$work/data/few" --train head+bn --batch-size 128 --epochs 50 --variants '[fp32]' --name "finetuned-${where%%:*}" --device "$where"
  done
  if $is_cuda && [ -f "$work/models/finetuned-cpu/curve.csv" ] && [ -f "$work/models/finetuned-cuda/curve.csv" ]; then
    step compare 1 20 python3 "$scripts/compare_devices.py" --curves "$work/models/finetuned-cpu/curve.csv" "$work/models/finetuned-cuda/curve.csv" --most 1e-3
  fi
}

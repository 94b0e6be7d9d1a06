# Sourced by eng/gpu-benchmark.sh: the folder that travels to a machine without .NET and network.

# Of the .NET runtime, what no stage loads: debugging, tracing, other collectors, databases, servers and mail.
unused_runtime=(libmscordaccore.so libmscordbi.so libclrgc.so libclrgcexp.so libcoreclrtraceptprovider.so Microsoft.VisualBasic.Core.dll
  Microsoft.VisualBasic.dll System.Private.DataContractSerialization.dll System.Net.Mail.dll
  System.Net.Quic.dll System.Net.HttpListener.dll System.Net.WebSockets.dll System.Net.WebSockets.Client.dll System.Linq.Parallel.dll
  System.Threading.Tasks.Dataflow.dll System.Transactions.Local.dll System.Data.Common.dll System.Linq.AsyncEnumerable.dll System.Linq.Queryable.dll
  System.Net.Requests.dll System.Net.WebClient.dll System.Net.Ping.dll System.Net.ServerSentEvents.dll createdump)

pack_limit=$((62 * 1000 * 1000))   # 64 MiB are the most that one transfer to such a machine may have; some of it is the repository

compressed() { tar -C "$1" -cf - "${@:2}" | xz -T0 --x86 --lzma2=preset=9; }   # x86: most of it is machine code

pack_runtime() {   # TARGET
  local root runtime host framework
  root=$(dirname "$(readlink -f "$(command -v dotnet)")")
  runtime=$(dotnet --list-runtimes | sed -nE 's/^Microsoft\.NETCore\.App (10\.[0-9.]+) .*/\1/p' | tail -n 1)
  [ -n "$runtime" ] || fail 'no .NET 10 runtime is installed here (dotnet --list-runtimes)'
  host=$(find "$root/host/fxr" -mindepth 1 -maxdepth 1 -name '10.*' -printf '%f\n' | sort -V | tail -n 1)
  mkdir -p "$1/host/fxr" "$1/shared/Microsoft.NETCore.App"
  cp -L "$root/dotnet" "$1/"
  cp -rL "$root/host/fxr/$host" "$1/host/fxr/"
  cp -rL "$root/shared/Microsoft.NETCore.App/$runtime" "$1/shared/Microsoft.NETCore.App/"
  framework=$1/shared/Microsoft.NETCore.App/$runtime
  # The host looks for every file that the framework's manifest lists.
  python3 - "$framework" "${unused_runtime[@]}" <<'TEXT'
import json, sys
from pathlib import Path
folder, unused = Path(sys.argv[1]), set(sys.argv[2:])
manifest = folder / "Microsoft.NETCore.App.deps.json"
content = json.loads(manifest.read_text())
for package in (package for target in content["targets"].values() for package in target.values()):
    for kind in ("runtime", "native"):
        package[kind] = {path: facts for path, facts in package.get(kind, {}).items() if Path(path).name not in unused}
manifest.write_text(json.dumps(content))
for name in unused:
    (folder / name).unlink(missing_ok=True)
TEXT
}

pack_ort() {   # FOLDER OF THE PROGRAM'S NATIVE LIBRARIES, TARGET: ONNX Runtime for GPUs, made small
  local native=$1 source
  source=$native
  if [ ! -f "$native/libonnxruntime_providers_cuda.so" ]; then
    source=$(find "${NUGET_PACKAGES:-$HOME/.nuget/packages}/microsoft.ml.onnxruntime.gpu.linux" -path '*/linux-x64/native' -type d 2>/dev/null |
      sort -V | tail -n 1)
    [ -n "$source" ] || fail 'the program was published without libonnxruntime_providers_cuda.so, and NuGet has no Microsoft.ML.OnnxRuntime.Gpu.Linux here'
  fi
  mkdir -p "$2"
  python3 "$here/eng/gpu/shrink_provider.py" "$source/libonnxruntime_providers_cuda.so" "$2/libonnxruntime_providers_cuda.so"
  cp "$source/libonnxruntime.so" "$source/libonnxruntime_providers_shared.so" "$2/"
  rm -f "$native"/libonnxruntime*.so   # the GPU's libonnxruntime.so also has the CPU provider
}

pack_bundle() {
  local staging total ort_folder native
  [ ! -e "$pack" ] || [ -z "$(ls -A "$pack")" ] || fail "--pack: $pack is not empty"
  for tool in dotnet python3 xz zstd; do
    command -v $tool >/dev/null || fail "packing needs $tool, which is not on the PATH"
  done
  staging=$(mktemp -d)
  # An output folder of its own: the build in src/ keeps its backend.
  dotnet publish "$here/src/Airbench.Cli" -c Release -p:Backend=external --artifacts-path "$staging/artifacts" -o "$staging/app"
  find "$staging/app" -name '*.pdb' -delete
  find "$staging/app/runtimes" -mindepth 1 -maxdepth 1 -type d ! -name linux-x64 ! -name linux ! -name unix -exec rm -rf {} +
  native=$staging/app/runtimes/linux-x64/native
  rm -f "$native/libonnxruntime_providers_tensorrt.so"
  rm -rf "$staging/app/backbones"   # as large as a whole transfer, and no stage starts from one
  pack_ort "$native" "$staging/ort"
  pack_runtime "$staging/dotnet"

  mkdir -p "$pack/eng" "$pack/benchmarks"
  compressed "$staging" app dotnet >"$pack/programs.tar.xz" &
  compressed "$staging" ort >"$pack/ort.tar.xz"
  wait $!
  cp "$here/eng/gpu-benchmark.sh" "$pack/eng/"
  mkdir "$pack/eng/gpu" "$pack/benchmarks/python"
  cp "$here"/eng/gpu/stages.sh "$pack/eng/gpu/"
  cp "$here/eng/gpu/run.sh" "$pack/"
  cp "$here"/benchmarks/python/*.py "$pack/benchmarks/python/"
  if [ -n "$archive" ]; then
    case $archive in
      *.tar.gz | *.tgz) gzip -dc "$archive" | xz -T0 -6 >"$pack/$(basename "${archive%.t*}").tar.xz" ;;   # 5% smaller
      *) cp "$archive" "$pack/" ;;
    esac
  fi
  rm -rf "$staging"

  total=$(du -sb "$pack" | cut -f 1)
  ort_folder=''
  if [ "$total" -gt "$pack_limit" ]; then   # then ONNX Runtime goes with a later call
    ort_folder=$pack-ort
    mkdir -p "$ort_folder"
    mv "$pack/ort.tar.xz" "$ort_folder/"
    total=$(du -sb "$pack" | cut -f 1)
    [ "$total" -le "$pack_limit" ] || fail "$pack has $total bytes, more than $pack_limit; take a smaller archive of images"
  fi
  ls -l "$pack" ${ort_folder:+"$ort_folder"}
  echo
  echo "$pack: $((total / 1000000)) MB${ort_folder:+, and $ort_folder}. On the CUDA machine, with this folder beside you:"
  echo
  echo "  bash $(basename "$pack")/run.sh --minutes 6.5 --work /tmp/airbench-work --out results     # again with another --out: goes on"
  [ -z "$ort_folder" ] || echo "  The ort stages need $(basename "$ort_folder") beside it."
  echo
  echo 'libtorch is that of the machine'"'"'s Python; AIRBENCH_LIBTORCH=<folder of libtorch_cpu.so> names another, AIRBENCH_PROGRAMS=<folder> where to unpack.'
}

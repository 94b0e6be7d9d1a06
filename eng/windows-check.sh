#!/usr/bin/env bash
# The program for Windows under Wine, against the program for Linux: the same small pipeline, then kills, locks and names.
#
#   eng/windows-check.sh [FOLDER]     FOLDER: the published program for win-x64; without it, it is published first
#
# Needs Wine (apt-get install wine64) and a Release build of the command line, of the same commit. WINEPREFIX: a prefix of yours instead of a new one. The last line is "windows: N checks passed, N failed".
set -uo pipefail
cd "$(dirname "$0")/.."
repository=$PWD
work=$(mktemp -d)
wine=
trap 'if [ -n "$wine" ]; then "$(dirname "$wine")/wineserver64" -k 2>/dev/null; fi; rm -rf "$work"' EXIT   # its server would write to the prefix afterwards

wine=$(command -v /usr/lib/wine/wine64 wine64 wine | head -n 1)
[ -n "$wine" ] || { echo 'no Wine: apt-get install wine64' >&2; exit 2; }
# Wine 8 does not map memory twice, as .NET's protection of its code does; and OpenMP's look at the processor's topology ends the process.
export WINEDEBUG=-all WINEPREFIX=${WINEPREFIX:-$work/wine} DOTNET_EnableWriteXorExecute=0 KMP_TOPOLOGY_METHOD=flat OMP_NUM_THREADS=2 NO_COLOR=1

program=${1:-}
if [ -z "$program" ]; then
  program=$work/program
  dotnet publish src/Airbench.Cli -c Release -r win-x64 --self-contained --artifacts-path "$work/artifacts" -o "$program" || exit 1
fi
program=$(cd "$program" && pwd)
linux() { dotnet exec "$repository/src/Airbench.Cli/bin/Release/net10.0/airbench.dll" "$@"; }
windows() { "$wine" "$program/airbench.exe" "$@"; }
# The same for the background: the job is the program itself, not a shell that waits for it, so that a signal reaches it.
background() { exec "$wine" "$program/airbench.exe" "$@"; }

versions=("$(linux --version)" "$(windows --version | tr -d '\r')")
if [ "${versions[0]}" != "${versions[1]}" ]; then   # a data set names the version that prepared it
  echo "of different commits: the Release build is ${versions[0]}, the published program ${versions[1]}; build both, then run again" >&2
  exit 2
fi

passed=0
failed=0
log=$work/log
# check WHAT COMMAND...: one line for what was checked, and the command's output where it fails.
check() {
  local what=$1 start=$SECONDS
  shift
  if "$@" >"$log" 2>&1; then
    passed=$((passed + 1))
    echo "ok      $what ($((SECONDS - start)) s)"
  else
    failed=$((failed + 1))
    echo "FAILED  $what ($((SECONDS - start)) s)"
    tail -n 20 "$log" | sed 's/^/        /'
  fi
}
# exits CODE TEXT COMMAND...: the command ends with the code, and says the text.
exits() {
  local code=$1 text=$2 found
  shift 2
  "$@" >"$work/said" 2>&1
  found=$?
  cat "$work/said"
  echo "exit code $found, expected $code; expected the text: $text"
  [ "$found" -eq "$code" ] && grep -qF -- "$text" "$work/said"
}
# Line ends aside, which a console of Windows has its own of.
same_text() { diff <("${@:1:$#-1}" | tr -d '\r') "${!#}"; }
same_files() { diff <(cd "$1" && find . -type f ! -name manifest.json -exec sha256sum {} + | sort -k 2) <(cd "$2" && find . -type f ! -name manifest.json -exec sha256sum {} + | sort -k 2); }
# near FILE FILE: the same CSV but for numbers, which may differ by 1e-4.
near() {
  paste -d '\n' <(tr -d '\r' <"$1") <(tr -d '\r' <"$2") | awk -F, '
    NR % 2 { n = NF; for (i = 1; i <= NF; i++) a[i] = $i; next }
    { rows++
      if (NF != n) { print "columns in row " rows; bad = 1 }
      for (i = 1; i <= NF; i++) {
        number = a[i] ~ /^[0-9.eE+-]+$/ && $i ~ /^[0-9.eE+-]+$/
        if (number ? (a[i] - $i > 1e-4 || $i - a[i] > 1e-4) : a[i] != $i) { print "row " rows ", column " i ": " a[i] " and " $i; bad = 1 }
      } }
    END { print rows " rows"; exit bad || rows < 2 }'
}

mkdir "$work/linux" "$work/windows"
cat >"$work/linux/pipeline.yaml" <<'YAML'
name: small
device: cpu
stages:
  prepare:
    uses: prepare
    with: { source: synthetic, train_count: 512, test_count: 128 }
  train:
    uses: train
    needs: [prepare]
    with: { epochs: 1, batch_size: 64, widths: [4, 8, 8], precision: fp32 }
  export:
    uses: export
    needs: [prepare, train]
    with: { variants: [fp32, fp16, int8, tta], max_drop: { fp16: 0.2, int8: 0.2, tta: 0.2 } }
  evaluate:
    uses: evaluate
    needs: [prepare, export]
YAML
cp "$work/linux/pipeline.yaml" "$work/windows"

echo '== the published files'
for file in airbench.exe LibTorchSharp.dll c10.dll torch.dll torch_cpu.dll uv.dll libiomp5md.dll onnxruntime.dll libSkiaSharp.dll; do
  check "$file" test -s "$program/$file"
done

# Only listed, not built: what a publish for macOS would copy.
lists_for_macos() {
  local files file options=(-p:RuntimeIdentifier=osx-arm64 -p:SelfContained=true -p:Configuration=Release)
  dotnet restore "$repository/src/Airbench.Cli" "${options[@]}" --artifacts-path "$work/macos" || return
  files=$(dotnet msbuild "$repository/src/Airbench.Cli" "${options[@]}" "-p:ArtifactsPath=$work/macos" -p:BuildProjectReferences=false \
    -t:ComputeResolvedFilesToPublishList -getItem:ResolvedFileToPublish) || return
  for file in libLibTorchSharp libc10 libtorch libtorch_cpu libomp libonnxruntime libSkiaSharp; do
    grep -q "\"RelativePath\": \"$file.dylib\"" <<<"$files" || { echo "not published for osx-arm64: $file.dylib"; return 1; }
  done
}
check 'osx-arm64 has its native libraries' lists_for_macos

echo '== the same run on both'
cd "$work/linux"
check 'Linux: run' linux run
cd "$work/windows"
check 'Windows: --help' exits 0 'prepare' windows --help
check 'Windows: doctor' exits 0 'libtorch' windows doctor
check 'the schema is the same' same_text windows schema "$repository/pipeline.schema.json"
check 'Windows: run' windows run
check 'the data set is the same, byte for byte' same_files "$work/linux/data" "$work/windows/data"
check 'the labels are the same' cmp "$work/linux/exports/small/labels.txt" "$work/windows/exports/small/labels.txt"
check 'Windows: a second run takes everything from the first' exits 0 'unchanged' windows run
check 'Windows: verify' windows verify exports/small
check 'Windows: report' windows report
check 'Linux: verify of the bundle from Windows' linux verify "$work/windows/exports/small"
check 'Windows: verify of the bundle from Linux' windows verify "$work/linux/exports/small"
images=../linux/exports/small/samples/images
for variant in fp32 int8; do
  check "$variant answers the same on both" eval "
    (cd ../linux && linux predict $images --bundle ../linux/exports/small --model $variant --device cpu --probabilities --out $variant.csv) &&
    windows predict $images --bundle ../linux/exports/small --model $variant --device cpu --probabilities --out $variant.csv &&
    near ../linux/$variant.csv $variant.csv"
done
check 'a gate that is missed ends the run, on Linux' exits 1 'accuracy_min' linux run ../linux/pipeline.yaml --set 'evaluate.with.gates={ accuracy_min: 0.99 }'
check 'and on Windows' exits 1 'accuracy_min' windows run --set 'evaluate.with.gates={ accuracy_min: 0.99 }'
check 'a gate that is met does not' windows run --set 'evaluate.with.gates={ accuracy_min: 0.01 }'

echo '== kills and locks'
train=(train --dataset data/synthetic --epochs 40 --batch-size 64 --widths 4,8,8 --threads 1 --device cpu --precision fp32 --checkpoint-every-seconds 1)
killed() {
  background "${train[@]}" --name killed >"$work/killed" 2>&1 &
  local pid=$!
  for _ in $(seq 600); do
    [ -e models/killed.checkpoint/checkpoint.json ] && break
    kill -0 $pid || break
    sleep 0.1
  done
  kill -KILL $pid
  wait $pid
  cat "$work/killed"
  [ -e models/killed.checkpoint/checkpoint.json ] && [ ! -e models/killed ]
}
check 'a training is killed after its first checkpoint' killed
check 'the next one goes on there' exits 0 'resuming from the checkpoint' windows "${train[@]}" --name killed
busy() {
  background run --force --set train.with.epochs=400 >"$work/first" 2>&1 &
  local pid=$! code interrupted
  for _ in $(seq 600); do
    grep -q 'train' "$work/first" && break
    sleep 0.1
  done
  exits 1 'is in use by' windows run --no-wait
  code=$?
  kill -INT $pid
  wait $pid
  interrupted=$?
  echo "the first run ended with $interrupted, expected 130"
  cat "$work/first"
  [ $code -eq 0 ] && [ $interrupted -eq 130 ]
}
check 'a second run is kept out by the first, which Ctrl-C ends' busy
check 'after the interrupted run the next one is whole' windows run

echo '== names and places'
for name in aux con.x 'photos.' 'photos ' 'a:b' 'a?' COM1; do
  check "a data set is not named '$name'" exits 2 'name: found' windows prepare --source synthetic --train-count 64 --test-count 64 --name "$name"
done
# The same images under any name, which only dataset.json holds; the name is printed as it is.
same_set() {
  exits 0 "data\\$1" windows prepare --source synthetic --train-count 512 --test-count 128 --name "$1" || return
  for split in train test; do
    cmp "../linux/data/synthetic/$split.safetensors" "data/$1/$split.safetensors" || return
  done
}
check 'a data set in Japanese' same_set 写真と猫
check 'a data set whose name differs in case alone takes the place of the other' eval "same_set SYNTHETIC && [ \$(ls data | grep -ci '^synthetic\$') -eq 1 ]"
# Z: is the root of Linux. Wine finds \\server\share under its prefix.
drive() { echo "Z:${1//\//\\}"; }
deep=$work/windows/$(printf "$(printf 'x%.0s' $(seq 100))/%.0s" 1 2 3)
deep() {
  mkdir -p "$deep" && cp ../linux/pipeline.yaml "$deep" && windows run "$(drive "$deep")\\pipeline.yaml" --only prepare && same_files ../linux/data/synthetic "$deep/data/synthetic"
}
check 'a pipeline in a folder of over 260 characters' deep
photos() {
  mkdir -p photos/{train,test}/{auto,猫}
  local images split class n=0
  images=(../linux/exports/small/samples/images/*)
  for split in train test; do
    for class in auto 猫; do
      cp "${images[n++]}" "photos/$split/$class" || return
    done
  done
  (cd ../linux && linux prepare --source folder --path ../windows/photos)
}
check 'Linux: class folders' photos
class_folders() { rm -rf data/photos && windows prepare --source folder --path "$1" --name photos && same_files ../linux/data/photos data/photos; }
check 'class folders, by a path with a drive' class_folders "$(drive "$PWD/photos")"
check 'by one with the slashes of Linux' class_folders "Z:$PWD/photos"
check 'by one that is relative, of another case' class_folders '.\PHOTOS'
mkdir -p "$WINEPREFIX/dosdevices/unc/server"
ln -sfn "$PWD" "$WINEPREFIX/dosdevices/unc/server/share"
check 'by the name of a server and its share' class_folders '\\server\share\photos'

echo "windows: $passed checks passed, $failed failed"
[ "$failed" -eq 0 ]

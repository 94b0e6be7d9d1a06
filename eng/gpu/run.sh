#!/usr/bin/env bash
# Unpacks what is beside this file, once, then measures; options are those of eng/gpu-benchmark.sh. Needs Python with torch, and nothing else.
set -euo pipefail
bundle=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
programs=${AIRBENCH_PROGRAMS:-/tmp/airbench-programs}
mkdir -p "$programs"

unpack() {   # an archive, and what it leaves behind when complete
  [ -f "$1" ] && [ ! -f "$programs/$2" ] || return 0
  python3 -c 'import sys, tarfile; tarfile.open(sys.argv[1]).extractall(sys.argv[2])' "$1" "$programs"
  touch "$programs/$2"
}

archives=("$bundle"/*.tar.xz "$bundle"-ort/*.tar.xz "$bundle"/*.tar.gz "$bundle"/*.zip)
images=()
for archive in "${archives[@]}"; do
  case $(basename "$archive") in
    programs.tar.xz) unpack "$archive" complete & ;;
    ort.tar.xz) unpack "$archive" complete-ort & ;;
    '*.'*) ;;   # no such archive
    *.tar.xz)   # prepare reads .tar, not .tar.xz
      name=$(basename "$archive" .xz)
      images=(--archive "$programs/$name")
      [ -f "$programs/$name" ] || { python3 -c 'import lzma, shutil, sys; shutil.copyfileobj(lzma.open(sys.argv[1]), open(sys.argv[2], "wb"))' \
        "$archive" "$programs/$name.part" && mv "$programs/$name.part" "$programs/$name"; } & ;;
    *) images=(--archive "$archive") ;;
  esac
done
wait
[ -f "$programs/complete" ] || { echo "run.sh: programs.tar.xz could not be unpacked to $programs" >&2; exit 1; }
if [ -d "$programs/ort" ] && [ ! -f "$programs/app/runtimes/linux-x64/native/libonnxruntime.so" ]; then
  mv "$programs"/ort/*.so "$programs/app/runtimes/linux-x64/native/"
fi
export DOTNET_ROOT=$programs/dotnet DOTNET_SYSTEM_GLOBALIZATION_INVARIANT=1 AIRBENCH_SPENT=$SECONDS PATH=$programs/dotnet:$PATH
exec bash "$bundle/eng/gpu-benchmark.sh" --app "$programs/app" "${images[@]}" "$@"

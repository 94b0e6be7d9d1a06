#!/usr/bin/env bash
# Fine-tuning in ONNX Runtime beside TorchSharp; prints Markdown for docs/results.md. See README.md here. On an otherwise idle machine.
# Usage: benchmarks/adaptation.sh speed [recipe] [rounds] [batch,...] [threads]
#        benchmarks/adaptation.sh adapt data/<name> <work folder> [epochs] [images per class,...] [test images per class] [widths,...]
#        benchmarks/adaptation.sh rates data/<name> <work folder> [epochs] [images per class,...] [test images per class] [widths,...] [learns,...] [lr,...]
#                                       [rehearsed,kept,dropped] [seeds] [patience]
#        benchmarks/adaptation.sh shifts data/<name> <work folder> [epochs] [test images per class] [widths,...]
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
program=$root/benchmarks/Airbench.Adaptation/bin/Release/net10.0/Airbench.Adaptation.dll
[ -f "$program" ] || { echo "build first: dotnet build -c Release" >&2; exit 2; }
grep -m 1 'model name' /proc/cpuinfo | sed 's/.*: //'
exec dotnet exec "$program" "$@"

# Sourced by the scripts that time training steps: seconds of a step of `airbench train` on a CPU, without its start and its evaluation.
# shellcheck shell=bash
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
airbench=$root/src/Airbench.Cli/bin/Release/net10.0/airbench.dll
[ -f "$airbench" ] || { echo "build first: dotnet build -c Release" >&2; exit 2; }
cores=$(nproc)
threads=${THREADS:-$cores}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# Training seconds by the airbench protocol, and steps, of so many epochs; the model stays in $work/models/NAME.
train() {   # name, data, epochs, options of train and VARIABLE=VALUE for its environment, in any order
  local name=$1 data=$2 epochs=$3 options=() environment=()
  shift 3
  while [ $# -gt 0 ]; do
    case $1 in
      [A-Z_]*=*) environment+=("$1") ;;
      *) options+=("$1") ;;
    esac
    shift
  done
  (cd "$work" && env "${environment[@]}" dotnet exec "$airbench" train --dataset "$data" --epochs "$epochs" --validate-every 0 --threads "$threads" \
    --name "$name" "${options[@]}" >/dev/null)
  awk -F, 'NR == 2 { print $4, $5 }' "$work/models/$name/runs.csv"
}

# Seconds of a step: the difference of two lengths leaves the steps between them.
step() {   # name, data, epochs of the short training, of the long one, what else train takes
  local name=$1 data=$2 short=$3 long=$4
  shift 4
  { train "$name" "$data" "$short" "$@"; train "$name" "$data" "$long" "$@"; } | awk '{ s[NR] = $1; n[NR] = $2 } END { printf "%.4f", (s[2] - s[1]) / (n[2] - n[1]) }'
}

#!/usr/bin/env bash
# Whether two builds of airbench make the same things: the proof that a restructuring of the code did not change behaviour.
#   eng/compare-artifacts.sh make before/airbench.dll before-out     both on the same machine
#   eng/compare-artifacts.sh make after/airbench.dll after-out
#   eng/compare-artifacts.sh compare before-out after-out            a table; exit code 1 where anything differs
# make trains a small network of every kind, and exports, evaluates and adapts them with the options that shape files: some minutes on two
# cores. Build both programs with a source commit (a clone, or -p:SourceRevisionId=x). Python is used without packages.
set -euo pipefail

usage() { sed -n '2,7s/^# \{0,1\}//p' "$0" >&2; exit 2; }
fail() { printf 'compare-artifacts: %s\n' "$*" >&2; exit 1; }

python=/usr/bin/python3
[ -x "$python" ] || python=python3

# ---- make --------------------------------------------------------------------------------------------------------------------

# PNGs of known bytes and many sizes, so that resizing shows; a broken file; classes that the networks know, and a new one (zigzag).
draw_images() {
  "$python" - <<'PY'
import os, random, struct, zipfile, zlib

def png(seed, tile):
    r = random.Random(seed)
    width, height, base = r.randrange(26, 50), r.randrange(26, 50), [r.randrange(256) for _ in range(3)]
    rows = bytearray()
    for y in range(height):
        rows.append(0)   # no filter
        for x in range(width):
            ink = 120 if (x // 5 + tile * (y // 4)) % 3 == 0 else 0
            rows += bytes((c + ink + r.randrange(30)) % 256 for c in base)
    chunk = lambda tag, body: struct.pack('>I', len(body)) + tag + body + struct.pack('>I', zlib.crc32(tag + body))
    header = struct.pack('>IIBBBBB', width, height, 8, 2, 0, 0, 0)
    return b'\x89PNG\r\n\x1a\n' + chunk(b'IHDR', header) + chunk(b'IDAT', zlib.compress(bytes(rows))) + chunk(b'IEND', b'')

def write(path, data):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, 'wb') as file:
        file.write(data)

for tile, name in enumerate(['disc', 'ring', 'dots']):
    for i in range(24):
        write(f'photos/{"test" if i % 4 == 0 else "train"}/{name}/{i}.png', png(100 * tile + i, tile))
write('photos/train/ring/broken.png', b'not an image')
with open('photos.csv', 'w') as csv:
    csv.write('path,label\n' + ''.join(f'photos/test/{name}/{i}.png,{name}\n' for name in ['ring', 'disc'] for i in range(0, 24, 4)))
    csv.write('photos/train/ring/broken.png,ring\n')
with zipfile.ZipFile('photos.zip', 'w') as archive:   # its entries are of 1980: the same bytes at any time
    for tile, name in enumerate(['disc', 'dots', 'zigzag']):
        for i in range(24):
            archive.writestr(zipfile.ZipInfo(f'{name}/{i}.png'), png(1000 + 100 * tile + i, tile))
PY
}

write_pipeline() {
  cat <<'YAML'
name: compare
seed: 5
device: cpu
tracking: [tensorboard]
stages:
  synthetic: { uses: prepare, with: { source: synthetic, train_count: 1200, test_count: 200 } }
  photos: { uses: prepare, with: { source: folder, path: photos, name: photos, max_bad_fraction: 0.1 } }
  packed: { uses: prepare, with: { source: archive, path: photos.zip, name: packed, image_size: 24, test_fraction: 0.3 } }

  # Every architecture, optimizer and precision of CPUs.
  train94:
    uses: train
    needs: [synthetic]
    with: { recipe: airbench94, name: net94, widths: [16, 32, 32], epochs: 3, batch_size: 200, runs: 2, precision: bf16, threads: 2 }
  trainmuon:
    uses: train
    needs: [synthetic]
    with: { recipe: airbench94_muon, name: muon, widths: [8, 16, 16], epochs: 2, batch_size: 200, precision: fp32, threads: 2 }
  train96:
    uses: train
    needs: [synthetic]
    with: { recipe: airbench96, name: net96, widths: [8, 16, 16], epochs: 2, batch_size: 200, precision: bf16, threads: 2 }
  trainfaster:
    uses: train
    needs: [synthetic]
    with:
      { recipe: airbench96_faster, name: faster, widths: [8, 16, 16], proxy_widths: [4, 8, 8], epochs: 2, batch_size: 200, precision: fp32, threads: 2 }
  trainspeedrun:
    uses: train
    needs: [synthetic]
    with: { recipe: speedrun2025, name: speedrun, widths: [8, 16, 16], epochs: 2, batch_size: 200, precision: bf16_weights, threads: 2 }
  trainresnet:
    uses: train
    needs: [synthetic]
    with: { recipe: resnet18, name: resnet, widths: [16, 16, 16, 16], epochs: 1, batch_size: 100, precision: fp32, threads: 2 }
  trainplain:   # what no recipe has
    uses: train
    needs: [packed]
    with:
      recipe: airbench94
      name: plain
      widths: [8, 8, 16]
      depth: 3
      activation: relu
      whiten: false
      init: default
      normalize_head: true
      flip: random
      translate: 0
      cutout: 4
      color_jitter: [0.1, 0.2]
      lookahead: false
      label_smoothing: 0
      bias_scaler: 1
      tta: none
      epochs: 4.5
      batch_size: 16
      validate_every: 0
      precision: fp32
      threads: 2

  # Bounds of 1: such small networks are poor ones, and every file shall be written.
  export94:
    uses: export
    needs: [synthetic, train94]
    with:
      name: full
      variants: [fp32, fp16, int8, tta, adaptive, fp16_tta, fp16_adaptive, int8_tta, int8_adaptive]
      max_drop: { fp16: 1, int8: 1, tta: 1, adaptive: 1, fp16_tta: 1, fp16_adaptive: 1, int8_tta: 1, int8_adaptive: 1 }
      training: [head, head+bn, last_group, all]
      on_device: true
  exportnhwc:
    uses: export
    needs: [synthetic, train94]
    with:
      name: nhwc
      input: uint8_nhwc
      opset: 13
      variants: [fp32, int8, tta]
      max_drop: { int8: 1, tta: 1 }
      calibration: { method: minmax, images: 64 }
      float_layers: [first, last]
      training: [head]
  exportfloat:
    uses: export
    needs: [synthetic, train94]
    with: { name: float, input: float_nchw, opset: 22, variants: [fp32, fp16, adaptive], max_drop: { fp16: 1, adaptive: 1 }, adaptive_share: 0.3 }
  exportanynchw:
    uses: export
    needs: [synthetic, train94]
    with:
      name: any_nchw
      accept_any_size: true
      variants: [fp32, int8, int8_tta]
      max_drop: { int8: 1, int8_tta: 1 }
      calibration: { method: entropy, images: 64 }
  exportanynhwc: { uses: export, needs: [train94], with: { name: any_nhwc, input: uint8_nhwc, accept_any_size: true, opset: 13 } }
  exportanyfloat: { uses: export, needs: [train94], with: { name: any_float, input: float_nchw, accept_any_size: true, opset: 22 } }
  exportmuon: { uses: export, needs: [trainmuon], with: { name: muon } }
  exportfaster: { uses: export, needs: [trainfaster], with: { name: faster } }
  export96:
    uses: export
    needs: [synthetic, train96]
    with: { name: net96, variants: [fp32, int8, adaptive], max_drop: { int8: 1, adaptive: 1 }, training: [head+bn, last_group, all], on_device: true }
  exportspeedrun:
    uses: export
    needs: [synthetic, trainspeedrun]
    with: { name: speedrun, variants: [fp32, int8, tta], max_drop: { int8: 1, tta: 1 }, training: [head+bn, last_group, all], on_device: true }
  exportresnet:
    uses: export
    needs: [synthetic, trainresnet]
    with: { name: resnet, variants: [fp32, fp16, int8], max_drop: { fp16: 1, int8: 1 }, training: [head+bn, last_group, all], on_device: true }
  exportplain:
    uses: export
    needs: [packed, trainplain]
    with: { name: plain, variants: [fp32, int8, adaptive], max_drop: { int8: 1, adaptive: 1 }, training: [head+bn, all], on_device: true }

  # Two of the four parts; the verb adapts the others, see make.
  finetunehead:
    uses: finetune
    needs: [exportnhwc]
    with: { name: ft_head, data: photos.zip, train: head, epochs: 2, batch_size: 16, max_drop: { int8: 1, tta: 1 }, threads: 2 }
  finetuneheadbn:
    uses: finetune
    needs: [exportfloat, photos]
    with:
      { name: ft_head_bn, weights: models/net94, train: head+bn, epochs: 3, batch_size: 8, held_out: 0.3, patience: 1, variants: [fp32], threads: 2 }

  evaluate:
    uses: evaluate
    needs: [synthetic, export94]
    with: { model: [fp32, fp16, int8, tta, adaptive, fp16_tta, fp16_adaptive, int8_tta, int8_adaptive], threads: 2 }
YAML
}

# Options of every verb by name; their defaults and values are in the schema.
flags() {
  local verb
  for verb in init run plan validate prepare train export finetune evaluate 'benchmark train' 'benchmark model' report merge predict verify \
    recipes doctor gc; do
    # shellcheck disable=SC2086 # a verb may be two words
    airbench $verb --help | grep -oE '^ +(-[a-z?], )?--[a-z0-9-]+' | sed "s/^ */$verb /"
  done
}

# Names that hold a time become numbers in the order of time, so that both sides have the same.
name_alike() {
  local pipeline run n
  for pipeline in runs/*/; do
    n=0
    for run in "$pipeline"*/; do mv "$run" "$pipeline$((n += 1))"; done
  done
  find runs -name 'events.out.tfevents.*' | while read -r run; do mv "$run" "$(dirname "$run")/events"; done
}

make_artifacts() {
  local program model shard bundle alike train stopped
  program=$(realpath "$1") && [ -f "$program" ] || fail "$1 does not exist"
  airbench() { dotnet exec "$program" "$@"; }
  [ ! -e "$2" ] || [ -z "$(ls -A "$2")" ] || fail "$2 is not empty: earlier results would be taken for new ones"
  [[ $(airbench --version) == *+* ]] || fail "$1 was built without a source commit; clone with git, or build with -p:SourceRevisionId=x"
  mkdir -p "$2/text" && cd "$2"
  # Nothing of the caller's may decide; threads that wait must not spin, or another program on the machine makes training ten times slower.
  unset AIRBENCH_DATA AIRBENCH_LIBTORCH AIRBENCH_ON_DEVICE_TRAINING AIRBENCH_CACHE_LIMIT OMP_NUM_THREADS
  export OMP_WAIT_POLICY=passive DOTNET_CLI_TELEMETRY_OPTOUT=1
  draw_images
  write_pipeline >pipeline.yaml

  airbench schema >text/schema.json
  airbench recipes --json >text/recipes.json
  flags | sort >text/flags.txt
  airbench validate >text/validate.txt
  airbench plan >text/plan-before.txt
  (mkdir init && cp photos.zip init/ && cd init && airbench init photos.zip)
  airbench run
  airbench plan >text/plan-after.txt

  alike=(--seed 5 --device cpu --threads 2)
  airbench finetune --name ft_last_group --model exports/any_nchw --weights models/net94 --data photos.zip --old-data data/synthetic \
    --keep-classes true --train last_group --epochs 1 --batch-size 16 --variants fp32,int8 --max-drop '{ int8: 1 }' "${alike[@]}"
  airbench finetune --name ft_all --model exports/resnet --data data/photos --train all --epochs 2 --lr 0.02 --momentum 0.8 --weight-decay 0 \
    --frozen-statistics true --flip false --translate 0 --label-smoothing 0 --variants fp32 "${alike[@]}"

  # A training that is stopped and goes on ends with the weights of one that was not.
  train=(train --dataset data/synthetic --recipe airbench94 --name stopped --widths 16,32,32 --epochs 3 --batch-size 200 --runs 2 --precision bf16
    --checkpoint-every-seconds 1 --seed 5 --device cpu --threads 2)
  dotnet exec "$program" "${train[@]}" >/dev/null 2>&1 &
  while [ ! -e models/stopped.checkpoint/checkpoint.json ]; do sleep 0.1; kill -0 $! || fail 'the training to be stopped ended before'; done
  kill -TERM $!
  stopped=0
  wait $! || stopped=$?
  [ $stopped -eq 130 ] || fail "a training that was stopped ended with exit code $stopped; expected 130"
  cp -r models/stopped.checkpoint stopped
  airbench "${train[@]}"
  cmp models/net94/weights.safetensors models/stopped/weights.safetensors

  airbench evaluate --dataset data/synthetic --model exports/muon --model exports/faster --model exports/net96 --model exports/net96:int8 \
    --model exports/speedrun --model exports/speedrun:tta --model exports/resnet --model exports/resnet:fp16 \
    --tta adaptive --adaptive-threshold 0.4 --device cpu --threads 2
  airbench evaluate --data photos/test --model exports/nhwc --model exports/nhwc:int8 --model exports/float --model exports/any_nchw \
    --model exports/any_nhwc --model exports/any_float --tta mirror --device cpu --threads 2
  airbench evaluate --data photos.csv --model exports/full/model.onnx --tta none --max-bad-fraction 0.5 --graph-optimization basic --device cpu --threads 2
  for shard in 1/2 2/2; do
    airbench evaluate --data photos/test --bundle exports/ft_head_bn --batch-size 4 --shard $shard --device cpu --threads 2
  done
  airbench merge runs/ft_head_bn/*/evaluate --out merged
  mkdir predictions
  for model in full:fp32 full:int8 full:adaptive nhwc:tta any_nhwc:fp32 any_float:fp32 ft_last_group:int8; do
    airbench predict --bundle "exports/${model%:*}" --model "${model#*:}" --probabilities --threads 2 --device cpu --out "predictions/${model/:/-}.csv" \
      photos/test photos.zip
  done
  for bundle in exports/*; do   # its verdict on int8 of such poor networks may be bad, but has to be the same
    airbench verify "$bundle" >"text/verify-${bundle#*/}.txt" 2>&1 || echo "exit code $?" >>"text/verify-${bundle#*/}.txt"
  done
  airbench report --compare runs/ft_head_bn/*/

  rm -rf .airbench   # of the caching: its folders are named by hashes of the code
  name_alike
}

# ---- compare -----------------------------------------------------------------------------------------------------------------

compare_artifacts() {
  [ -d "$1" ] && [ -d "$2" ] || fail "found $1 and $2; expected two folders that make has filled"
  "$python" - "$1" "$2" <<'PY'
import collections, csv, io, json, os, re, struct, sys

# ---- what may differ, and why; everything else has to be equal ----

FREE_FILES = [   # only that they are there counts: path, reason
    (r'^text/verify-|(^|/)README\.md$|/samples/.*/(classify\.\w+|package\.json|requirements\.txt)$|/web/[^/]+\.(mjs|html|css)$', 'texts and pages for people'),
    (r'(^|/)(report|comparison)\.html$|(^|/)log\.txt$|/tensorboard/', 'times and texts of a run'),
    (r'(^|/)(SHA256SUMS|sbom\.cdx\.json)$', 'sums of files that name the version; versions of packages'),
]
VERSIONED = 'sum or size of a file that names the version; the file itself is compared'
FREE_VALUES = [   # of JSON and lock files, only that they are there: file, path of the value, reason
    (r'', r'(^|\.)((train|wall|session|work)_seconds|images_per_second|p50_ms)$', 'time'),
    (r'', r'(^|\.)(product_version|commit|versions\.Airbench\.Onnx)$', 'version'),
    (r'/metadata\.json$', r'^(variants|training)\.[^.]+\.(sha256|bytes)$', VERSIONED),
    (r'/(metadata|model)\.json$', r'^finetuned\.parent\.model_sha256$', VERSIONED),
    (r'/metrics\.json$', r'^model_sha256$', VERSIONED),
    (r'/run\.json$', r'^run_id$|^machine\.memory_gb$', 'time; memory left to the machine'),
    (r'^text/recipes\.json$', r'\.description$', 'texts and pages for people'),
    (r'(/run\.json|\.lock\.yaml)$', r'\.(summary|why|error)$', 'texts and pages for people'),
    (r'\.lock\.yaml$', r'\.key$|\.(inputs|outputs|reads)\.', 'hashes of code and of files that are compared themselves'),
    (r'\.lock\.yaml$', r'\.recipe\.description$', 'texts and pages for people'),
]
ABSENT_VALUES = [   # may be there or not
    (r'\.lock\.yaml$', r'\.versions\.', 'builds of the assemblies, which a restructuring may cut anew'),
]
FREE_COLUMNS = {   # of CSV files
    'curve.csv': (['seconds'], 'time'),
    'runs.csv': (['train_seconds'], 'time'),
    'comparison.csv': (['images_per_second'], 'time'),
    'timings.csv': (['run_id', 'started_utc', 'wall_seconds', 'work_seconds', 'items_per_second', 'peak_rss_mb'], 'time and memory'),
}
FREE_TEXT = [   # inside of values: file, value, reason
    (r'(/run\.json|\.lock\.yaml)$', r'[\d.]+ s/step', 'time'),
    (r'/run\.json$', r'\d{8}-\d{6}', 'time'),   # a run's folder
]
FREE_OF_SCHEMA = ['title', 'description', 'markdownDescription', 'minimum', 'maximum', 'exclusiveMinimum', 'exclusiveMaximum']   # texts, bounds
FREE_OF_MODEL = [2, 3]   # fields of ModelProto: producer_name, producer_version
FREE_METADATA = [b'product_version']   # keys of its metadata_props

# ---- readers ----

left_out = collections.Counter()   # by reason


def read(side, name):
    with open(os.path.join(side, name), 'rb') as file:
        return file.read()


def matches(rules, name, key):
    return next((reason for file, pattern, reason in rules if re.search(file, name) and re.search(pattern, key)), None)


def leaves(value, path=''):
    """Every value with its path; an empty list or object counts as one."""
    if isinstance(value, (dict, list)) and value:
        for key, item in value.items() if isinstance(value, dict) else enumerate(value):
            yield from leaves(item, f'{path}.{key}' if path else str(key))
    else:
        yield path, value


def numbers_as_written(data):   # every digit counts
    return json.loads(data, parse_float=lambda text: f'number {text}', parse_int=lambda text: f'number {text}')


def lock(data):
    """The lock file: mappings by indentation, values of one line."""
    at, result = [], {}
    for line in data.decode().splitlines():
        if line and not line.startswith('#'):
            indent, key, value = re.match(r'( *)([^:]+):(.*)$', line).groups()
            at[len(indent) // 2:] = [key]
            result['.'.join(at)] = value.strip()
    return result


def schema(node, names=False):
    """A schema without what may differ; under `properties` and `$defs` the keys are names."""
    if isinstance(node, dict):
        return {key: schema(item, key in ('properties', '$defs') and not names) for key, item in node.items() if names or key not in FREE_OF_SCHEMA}
    return [schema(item) for item in node] if isinstance(node, list) else node


def protobuf(data):
    """Fields of a message as (number, value): bytes where it has a length, else the number as bytes."""
    at, result = 0, []

    def varint():
        nonlocal at
        value = shift = 0
        while True:
            byte = data[at]
            at += 1
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value

    while at < len(data):
        key = varint()
        start, wire = at, key & 7
        if wire == 0:
            varint()
        else:
            length = varint() if wire == 2 else {1: 8, 5: 4}[wire]
            start, at = at, at + length
        if at > len(data):
            raise ValueError('the message ends inside of a field')
        result.append((key >> 3, data[start:at]))
    return result


def model(data):
    def free(number, value):
        return number in FREE_OF_MODEL or number == 14 and dict(protobuf(value)).get(1) in FREE_METADATA
    fields = protobuf(data)
    kept = [field for field in fields if not free(*field)]
    left_out['producer and version in ONNX files'] += len(fields) - len(kept)
    return kept


# ---- comparers: None, or the first difference ----

def by_bytes(name, before, after):
    at = next((i for i, (a, b) in enumerate(zip(before, after)) if a != b), min(len(before), len(after)))
    return f'byte {at}; {len(before)} and {len(after)} bytes' if before != after else None


def by_value(name, before, after):
    before, after = dict(leaves(before)), dict(leaves(after))
    for key in [*before, *(key for key in after if key not in before)]:
        if reason := matches(ABSENT_VALUES, name, key):
            left_out[reason] += 1
        elif key not in before or key not in after:
            return f'{key}: only {"after" if key in after else "before"}'
        elif type(before[key]) is type(after[key]) and (reason := matches(FREE_VALUES, name, key)):
            left_out[reason] += 1
        elif before[key] != after[key]:
            a, b = str(before[key]), str(after[key])
            for file, pattern, reason in FREE_TEXT:
                if re.search(file, name) and re.search(pattern, a):
                    a, b = re.sub(pattern, '', a), re.sub(pattern, '', b)
                    left_out[reason] += 1
            if a != b or type(before[key]) is not type(after[key]):
                return f'{key}: {before[key]!r:.80} and {after[key]!r:.80}'
    return None


def by_cell(name, before, after):
    free, reason = FREE_COLUMNS.get(os.path.basename(name), ([], ''))
    before, after = (list(csv.reader(io.StringIO(data.decode()))) for data in (before, after))
    if before[:1] != after[:1]:
        return f'header: {before[:1]} and {after[:1]}'
    for row, (a, b) in enumerate(zip(before[1:], after[1:]), 1):
        for column, *cells in zip(before[0], a, b):
            if column in free:
                left_out[reason] += 1
            elif cells[0] != cells[1]:
                return f'row {row}, {column}: {cells[0]!r} and {cells[1]!r}'
        if len(a) != len(b):
            return f'row {row}: {len(a)} and {len(b)} cells'
    return None if len(before) == len(after) else f'{len(before)} and {len(after)} rows'


def by_line(name, before, after, cut, reason):
    """Lines without what the pattern takes."""
    before, after = ([re.sub(cut, '', line) for line in data.decode().splitlines()] for data in (before, after))
    before, after = ([line for line in lines if line.strip()] for lines in (before, after))
    left_out[reason] += 1
    for number, (a, b) in enumerate(zip(before, after), 1):
        if a != b:
            return f'line {number}: {a!r} and {b!r}'
    return None if len(before) == len(after) else f'{len(before)} and {len(after)} lines'


# Messages of ONNX that a difference is followed into, with the field that holds a name.
MESSAGES = {'model': {7: 'graph', 8: 'opset', 14: 'metadata'}, 'graph': {1: 'node', 5: 'initializer', 11: 'input', 12: 'output'}, 'node': {5: 'attribute'},
            'initializer': {}, 'metadata': {}, 'attribute': {}, 'input': {}, 'output': {}, 'opset': {}}
NAMES = {'node': 3, 'initializer': 8, 'metadata': 1, 'attribute': 1, 'input': 1, 'output': 1}


def by_field(kind, before, after):
    for i, (a, b) in enumerate(zip(before, after)):
        if a != b:
            inner = MESSAGES[kind].get(a[0]) if a[0] == b[0] else None
            if inner is None:
                return f'field {a[0]} (the {i + 1}. of {kind}), {by_bytes("", a[1], b[1]) or f"field {b[0]} after"}'
            (a, b) = protobuf(a[1]), protobuf(b[1])
            return f'{inner} {dict(a).get(NAMES.get(inner), b"").decode()!r}: {by_field(inner, a, b)}'
    return None if len(before) == len(after) else f'{len(before)} and {len(after)} fields of {kind}'


def tensors(data):
    """Header of a safetensors file: names, types and shapes."""
    header = json.loads(data[8:8 + struct.unpack('<Q', data[:8])[0]])
    return {name: [tensor['dtype'], tensor['shape']] for name, tensor in header.items() if name != '__metadata__'}


def compare(name, before, after):
    """Kind of the file and its first difference."""
    extension = name.rsplit('.', 1)[-1] if '.' in os.path.basename(name) else ''
    if name.startswith('stopped/'):   # the stop falls where it falls: only names, types and shapes can be compared
        left_out['values of a checkpoint: where the stop fell'] += 1
        shape = tensors if extension == 'safetensors' else lambda data: list(json.loads(data))
        return 'stopped training', by_value(name, shape(before), shape(after))
    if extension == 'onnx':
        return 'ONNX', by_field('model', model(before), model(after)) if before != after else None
    if name.endswith('schema.json'):
        return 'schema', by_value(name, *(schema(numbers_as_written(data)) for data in (before, after)))
    if extension == 'json':
        return 'JSON', by_value(name, *(numbers_as_written(data) for data in (before, after)))
    if extension == 'csv':
        return 'CSV', by_cell(name, before, after)
    if name.endswith('.lock.yaml'):
        return 'lock file', by_value(name, lock(before), lock(after))
    if extension == 'yaml':
        # The keys of a mapping have no order.
        return 'YAML', by_line(name, *(b'\n'.join(sorted(side.splitlines())) for side in (before, after)), r'(^|\s)#.*', 'comments')
    kinds = {'safetensors': 'safetensors', 'png': 'images', 'pb': 'tensors of ONNX', 'txt': 'text', 'svg': 'images', 'pbtxt': 'text'}
    kind = kinds.get(extension) or {'checkpoint': 'on-device checkpoint'}.get(os.path.basename(name), 'other')
    return kind, by_bytes(name, before, after)


def files(side):
    return {os.path.relpath(os.path.join(folder, name), side) for folder, _, names in os.walk(side) for name in names}


# ---- the table ----

sides = sys.argv[1:]
names = [files(side) for side in sides]
table, differences = collections.defaultdict(collections.Counter), []
for name in sorted(names[0] | names[1]):
    reason = next((reason for pattern, reason in FREE_FILES if re.search(pattern, name)), None)
    kind, difference = 'presence only', None
    if name not in names[0] or name not in names[1]:
        kind, difference = 'missing', f'only {"after" if name in names[1] else "before"}'
    elif reason:
        left_out[reason] += 1
        table[kind]['ignored'] += 1
    else:
        before, after = (read(side, name) for side in sides)
        try:
            kind, difference = compare(name, before, after)
        except (ValueError, LookupError, AttributeError, struct.error) as error:
            kind, difference = 'unreadable', f'{type(error).__name__}: {error}'
        if difference is None:
            table[kind]['same bytes' if before == after else 'alike'] += 1
    table[kind]['files'] += 1
    if difference:
        table[kind]['differing'] += 1
        differences.append(f'{name}: {difference}')

total = sum(table.values(), collections.Counter())
print(f'{"kind":22}{"files":>8}{"same bytes":>12}{"alike":>8}{"differing":>11}{"ignored":>9}')
for kind, row in [*sorted(table.items()), ('all', total)]:
    print(f'{kind:22}{row["files"]:8}{row["same bytes"]:12}{row["alike"]:8}{row["differing"]:11}{row["ignored"]:9}')
print('\nalike: the same but for values that may differ. Left out:')
for reason, count in sorted(left_out.items()):
    print(f'{count:8}  {reason}')
for difference in differences:
    print(f'DIFFERS  {difference}')
print('same' if not differences else f'{len(differences)} files differ')
sys.exit(1 if differences else 0)
PY
}

[ $# -eq 3 ] || usage
case $1 in
  make) make_artifacts "$2" "$3" ;;
  compare) compare_artifacts "$2" "$3" ;;
  *) usage ;;
esac

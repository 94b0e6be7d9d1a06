// The work of `airbench evaluate` with mirror_translate in onnxruntime-node: node evaluate.mjs MODEL SPLIT.safetensors THREADS BATCH
// Prints a JSON object: images, right answers, seconds of all batches (views drawn, session run, votes added), seconds inside of session.run.
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import path from 'node:path';
import process from 'node:process';

const [modelFile, splitFile, threads, batchSize] = process.argv.slice(2);
if (!batchSize) {
  console.error('usage: evaluate.mjs MODEL SPLIT.safetensors THREADS BATCH');
  process.exit(2);
}
// The same installation as the clients of tests/clients, whose lock file names its version.
const require = createRequire(path.join(import.meta.dirname, '../../tests/clients/package.json'));
const ort = require('onnxruntime-node');

const file = await readFile(splitFile);
const headerLength = Number(file.readBigUInt64LE(0));
const header = JSON.parse(file.toString('utf8', 8, 8 + headerLength));
const bytes = (name) => file.subarray(8 + headerLength + header[name].data_offsets[0], 8 + headerLength + header[name].data_offsets[1]);
const [images, labels] = [bytes('images'), bytes('labels')];
const [count, , size] = header.images.shape;
const pixels = 3 * size * size;

const views = [[0, false, 0.25], [0, true, 0.25], [-1, false, 0.125], [-1, true, 0.125], [1, false, 0.125], [1, true, 0.125]];
const reflect = (i) => (i < 0 ? -i : i >= size ? 2 * (size - 1) - i : i);

/** The view of every plane: both coordinates read `shift` further on, then mirrored. */
function draw(source, shift, mirror, target) {
  if (shift === 0 && !mirror) return source;
  for (let row = 0; row * size < source.length; row++) {
    const plane = Math.floor(row / size);
    const from = (plane * size + reflect((row % size) + shift)) * size;
    for (let x = 0; x < size; x++) target[row * size + x] = source[from + reflect((mirror ? size - 1 - x : x) + shift)];
  }
  return target;
}

const session = await ort.InferenceSession.create(modelFile, { intraOpNumThreads: Number(threads), interOpNumThreads: 1 });
const buffer = new Uint8Array(batchSize * pixels);
let [correct, inSession] = [0, 0];
const start = performance.now();
for (let first = 0; first < count; first += Number(batchSize)) {
  const n = Math.min(batchSize, count - first);
  const batch = new Uint8Array(images.buffer, images.byteOffset + first * pixels, n * pixels);
  let votes;
  for (const [shift, mirror, weight] of views) {
    const tensor = new ort.Tensor('uint8', draw(batch, shift, mirror, buffer.subarray(0, n * pixels)), [n, 3, size, size]);
    const before = performance.now();
    const { logits } = await session.run({ images: tensor }, ['logits']);
    inSession += performance.now() - before;
    votes ??= new Float32Array(logits.data.length);
    for (let i = 0; i < votes.length; i++) votes[i] += weight * logits.data[i];
  }
  const classes = votes.length / n;
  for (let i = 0; i < n; i++) {
    let best = 0;
    for (let k = 1; k < classes; k++) if (votes[i * classes + k] > votes[i * classes + best]) best = k;
    if (best === Number(labels.readBigInt64LE((first + i) * 8))) correct++;
  }
}
console.log(JSON.stringify({ images: count, correct, seconds: (performance.now() - start) / 1000, session_seconds: inSession / 1000 }));

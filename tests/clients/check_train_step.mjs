// Five steps of a bundle's train_step.onnx on its own test images, in onnxruntime-node and in onnxruntime-web's WebAssembly:
// node check_train_step.mjs BUNDLE WHAT_LEARNS. Prints the losses of both as JSON.
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import process from 'node:process';
import * as node from 'onnxruntime-node';
import * as web from 'onnxruntime-web';
import { readBundle } from './bundle.mjs';

const [folder, part] = process.argv.slice(2);
if (!part) {
  console.error('usage: check_train_step.mjs BUNDLE WHAT_LEARNS');
  process.exit(2);
}
web.env.wasm.numThreads = 1;
const { metadata, input } = await readBundle(folder);
const training = metadata.training.find((entry) => entry.train === part);
const model = new Uint8Array(await readFile(path.join(folder, training.file)));
const bytes = await readFile(path.join(folder, 'training', 'state.safetensors'));
const headerLength = Number(bytes.readBigUInt64LE(0));
const header = JSON.parse(bytes.toString('utf8', 8, 8 + headerLength));
const labels = BigInt64Array.from({ length: input.dims[0] }, (_, i) => BigInt(i % metadata.classes.length));

function initial(name) {
  const { shape, data_offsets: [begin, end] } = header[name.replace(/\.velocity$/, '')];
  const data = new Float32Array(bytes.buffer.slice(bytes.byteOffset + 8 + headerLength + begin, bytes.byteOffset + 8 + headerLength + end));
  return { data: name.endsWith('.velocity') ? new Float32Array(data.length) : data, shape };
}

async function train(ort) {
  const session = await ort.InferenceSession.create(model);
  const scalar = (value) => new ort.Tensor('float32', Float32Array.of(value), []);
  const feeds = {
    images: new ort.Tensor('uint8', input.bytes, input.dims),
    labels: new ort.Tensor('int64', labels, [labels.length]),
    lr: scalar(0.1),
    momentum: scalar(0.9),
    weight_decay: scalar(0.0005),
  };
  const state = session.inputNames.filter((name) => !(name in feeds));
  for (const name of state) {
    const { data, shape } = initial(name);
    feeds[name] = new ort.Tensor('float32', data, shape);
  }
  const losses = [];
  for (let step = 0; step < 5; step++) {
    const found = await session.run(feeds);
    losses.push(found.loss.data[0]);
    for (const name of state) feeds[name] = found[`${name}.next`];
  }
  return losses;
}

console.log(JSON.stringify({ node: await train(node), web: await train(web) }));

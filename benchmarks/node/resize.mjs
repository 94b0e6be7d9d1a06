// What becomes of enlarged test images: prepare's resampling before the model, the model that resizes itself, and the operator Resize before the model.
// node resize.mjs BUNDLE ANY_SIZE_BUNDLE SPLIT.safetensors RESIZE_FOLDER [IMAGES] [FACTOR]
// The bundles: of the same network, the second exported with --accept-any-size true. RESIZE_FOLDER: see ../python/resize_models.py.
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import path from 'node:path';
import process from 'node:process';
import { pathToFileURL } from 'node:url';

const [bundle, anyBundle, splitFile, resizeFolder, images = '300', factor = '3'] = process.argv.slice(2);
if (!resizeFolder) {
  console.error('usage: resize.mjs BUNDLE ANY_SIZE_BUNDLE SPLIT.safetensors RESIZE_FOLDER [IMAGES] [FACTOR]');
  process.exit(2);
}
const require = createRequire(path.join(import.meta.dirname, '../../tests/clients/package.json'));
const ort = require('onnxruntime-node');
const { fit } = await import(pathToFileURL(path.resolve(anyBundle, 'web/preprocess.mjs')));

const file = await readFile(splitFile);
const headerLength = Number(file.readBigUInt64LE(0));
const header = JSON.parse(file.toString('utf8', 8, 8 + headerLength));
const bytes = (name) => file.subarray(8 + headerLength + header[name].data_offsets[0], 8 + headerLength + header[name].data_offsets[1]);
const [pixels, labels] = [bytes('images'), bytes('labels')];
const [count, , size] = header.images.shape;
const side = Number(factor) * size;

let state = 1;
const random = () => (state = (state * 1103515245 + 12345) % 2147483648) / 2147483648;

/** Image `index` enlarged bilinearly, with a photograph's noise of up to 8 levels. */
function enlarge(index) {
  const [rgba, planes] = [new Uint8Array(4 * side * side), new Uint8Array(3 * side * side)];
  const tap = (i) => {
    const at = Math.min(size - 1, Math.max(0, (i + 0.5) / factor - 0.5));
    return [Math.floor(at), Math.min(size - 1, Math.floor(at) + 1), at - Math.floor(at)];
  };
  for (let y = 0; y < side; y++) {
    for (let x = 0; x < side; x++) {
      const [[top, bottom, down], [left, right, across]] = [tap(y), tap(x)];
      for (let c = 0; c < 3; c++) {
        const at = (row, column) => pixels[((index * 3 + c) * size + row) * size + column];
        const value = (1 - down) * ((1 - across) * at(top, left) + across * at(top, right)) + down * ((1 - across) * at(bottom, left) + across * at(bottom, right));
        const noisy = Math.min(255, Math.max(0, Math.round(value + 16 * (random() - 0.5))));
        rgba[4 * (y * side + x) + c] = planes[(c * side + y) * side + x] = noisy;
      }
    }
  }
  return [rgba, planes];
}

const open = (name) => ort.InferenceSession.create(name);
const [model, anyModel] = [await open(path.join(bundle, 'model.onnx')), await open(path.join(anyBundle, 'model.onnx'))];
const resizers = { 'Resize, opset 17': await open(path.join(resizeFolder, 'resize17.onnx')), 'Resize, opset 18, antialias': await open(path.join(resizeFolder, 'resize18.onnx')) };
const best = async (session, data, length) => {
  const { logits } = await session.run({ images: new ort.Tensor('uint8', data, [1, 3, length, length]) });
  return logits.data.indexOf(Math.max(...logits.data));
};
const results = {};
const add = (name, ours, label, reference, difference) => {
  results[name] ??= { right: 0, same: 0, difference: 0 };
  results[name].right += ours === label;
  results[name].same += ours === reference;
  results[name].difference += difference / images;
};
for (let i = 0; i < images; i++) {
  const index = Math.floor((i * count) / images);
  const label = Number(labels.readBigInt64LE(8 * index));
  const [rgba, planes] = enlarge(index);
  const prepared = fit(rgba, side, side, size, 'crop');
  const reference = await best(model, prepared, size);
  add("prepare's, before the model", reference, label, reference, 0);
  add('inside the model', await best(anyModel, planes, side), label, reference, NaN);
  for (const [name, session] of Object.entries(resizers)) {
    const { y } = await session.run({ x: new ort.Tensor('float32', Float32Array.from(planes), [1, 3, side, side]) });
    const resized = Uint8Array.from(y.data, (value) => Math.min(255, Math.max(0, Math.floor(value + 0.5))));
    add(name, await best(model, resized, size), label, reference, resized.reduce((sum, value, k) => sum + Math.abs(value - prepared[k]), 0) / resized.length);
  }
}
console.log(`| resampling, ${side} to ${size} pixels | right of ${images} | same class as with prepare's | mean difference of a pixel, of 255 |`);
console.log('|---|---:|---:|---:|');
for (const [name, { right, same, difference }] of Object.entries(results)) {
  console.log(`| ${name} | ${right} | ${same} | ${Number.isNaN(difference) ? '' : difference.toFixed(2)} |`);
}

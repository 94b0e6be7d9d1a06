// Classifies images: npm install && node classify.mjs [MODEL.onnx] IMAGE...   (JPEG, PNG, WebP, BMP, GIF, ICO or TIFF)
import { readFile } from 'node:fs/promises';
import process from 'node:process';
import * as ort from 'onnxruntime-node';
import { toInput } from '../../web/preprocess.mjs';
import { decode } from './images.mjs';

const paths = process.argv.slice(2);
const model = paths[0]?.endsWith('.onnx') ? paths.shift() : 'model.onnx'; // another file of the bundle, such as model.tta.onnx
const bundle = new URL('../../', import.meta.url);
const metadata = JSON.parse(await readFile(new URL('metadata.json', bundle), 'utf8'));
const session = await ort.InferenceSession.create(await readFile(new URL(model, bundle)));

for (const path of paths) {
  let image;
  try {
    image = await decode(await readFile(path));
  } catch (error) {
    console.error(`${path}: ${error.message}`);
    process.exitCode = 1;
    continue;
  }
  const { name, type, data, dims } = toInput(metadata, image.data, image.width, image.height);
  const { probabilities } = await session.run({ [name]: new ort.Tensor(type, data, dims) });
  console.log(path);
  [...probabilities.data.entries()].sort((a, b) => b[1] - a[1]).slice(0, 3)
    .forEach(([k, p]) => console.log(`  ${p.toFixed(4)}  ${metadata.classes[k]}`));
}

// Classifies images: npm install && node classify.mjs IMAGE...   (JPEG or PNG; EXIF rotation is not applied: pass upright images)
import { readFile } from 'node:fs/promises';
import process from 'node:process';
import jpeg from 'jpeg-js';
import * as ort from 'onnxruntime-node';
import { PNG } from 'pngjs';
import { fit } from '../../web/preprocess.mjs';

const bundle = new URL('../../', import.meta.url);
const { classes, image_size: size } = JSON.parse(await readFile(new URL('metadata.json', bundle), 'utf8'));
const session = await ort.InferenceSession.create(await readFile(new URL('model.onnx', bundle)));

for (const path of process.argv.slice(2)) {
  const file = await readFile(path);
  const image = file[0] === 0xff ? jpeg.decode(file, { useTArray: true }) : PNG.sync.read(file);
  const pixels = fit(image.data, image.width, image.height, size); // uint8 RGB planes; the model normalizes
  const { probabilities } = await session.run({ images: new ort.Tensor('uint8', pixels, [1, 3, size, size]) });
  console.log(path);
  [...probabilities.data.entries()].sort((a, b) => b[1] - a[1]).slice(0, 3)
    .forEach(([k, p]) => console.log(`  ${p.toFixed(4)}  ${classes[k]}`));
}

// Runs a bundle's models in onnxruntime-node on its own test data: node check_node.mjs BUNDLE
// Full precision against the answers in the data; models with views inside against the same views, one by one, through the model that they were
// made of; int8 and fp16 have to choose the same class on nine of ten images.
import path from 'node:path';
import process from 'node:process';
import * as ort from 'onnxruntime-node';
import { compare, inputOf, readBundle, vote } from './bundle.mjs';

const [folder] = process.argv.slice(2);
if (!folder) {
  console.error('usage: check_node.mjs BUNDLE');
  process.exit(2);
}

/** Best class of each row. */
function best(values, rows) {
  const classes = values.length / rows;
  return Array.from({ length: rows }, (_, i) => {
    const row = values.subarray(i * classes, (i + 1) * classes);
    return row.indexOf(Math.max(...row));
  });
}

function agree(name, found, expected, rows) {
  const [ours, theirs] = [best(found, rows), best(expected, rows)];
  const same = ours.filter((k, i) => k === theirs[i]).length;
  if (same < 0.9 * rows) throw new Error(`${name}: the same class on ${same} of ${rows} images`);
  return `the same class on ${same}`;
}

try {
  const { metadata, input, outputs } = await readBundle(folder);
  const sessions = {};
  const run = async (variant, tensor, name = 'logits') => {
    sessions[variant] ??= await ort.InferenceSession.create(path.join(folder, metadata.variants[variant].file));
    return (await sessions[variant].run({ [input.name]: new ort.Tensor(...tensor) }))[name].data;
  };
  const [images] = input.dims;
  for (const [name, variant] of Object.entries(metadata.variants)) {
    const results = [];
    if (variant.tta !== 'none') {
      const expected = await vote(input, variant, (tensor) => run(variant.votes_of, tensor));
      const found = await run(name, inputOf(input));
      results.push(variant.votes_of === 'fp32' ? `logits within ${compare(`${name}: logits`, found, expected).toExponential(1)}` : agree(name, found, expected, images));
      // One image at a time, so that all of them or none are in doubt.
      const one = input.bytes.length / images;
      for (let i = 0; i < Math.min(images, 8); i++) {
        const bytes = input.bytes.slice(i * one, (i + 1) * one);
        const alone = { ...input, bytes, data: input.type === 1 ? new Float32Array(bytes.buffer) : undefined, dims: [1, ...input.dims.slice(1)] };
        const classes = expected.length / images;
        const row = await run(name, inputOf(alone));
        if (variant.votes_of === 'fp32') compare(`${name}: image ${i} alone`, row, expected.subarray(i * classes, (i + 1) * classes));
      }
    } else {
      for (const output of outputs) {
        const found = await run(name, inputOf(input), output.name);
        results.push(`${output.name} ${name === 'fp32' ? `within ${compare(output.name, found, output.data).toExponential(1)}` : agree(name, found, output.data, images)}`);
      }
    }
    console.log(`onnxruntime-node: ${variant.file}: ${images} images, ${results.join(', ')}`);
  }
} catch (error) {
  console.error(`onnxruntime-node: ${error.message}`);
  process.exit(1);
}

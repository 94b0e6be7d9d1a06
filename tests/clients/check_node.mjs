// Runs a bundle's model in onnxruntime-node on its own test data: node check_node.mjs BUNDLE
import path from 'node:path';
import process from 'node:process';
import * as ort from 'onnxruntime-node';
import { compare, readBundle } from './bundle.mjs';

const [folder] = process.argv.slice(2);
if (!folder) {
  console.error('usage: check_node.mjs BUNDLE');
  process.exit(2);
}
const { input, outputs } = await readBundle(folder);
const session = await ort.InferenceSession.create(path.join(folder, 'model.onnx'));
const found = await session.run({ [input.name]: new ort.Tensor('uint8', input.bytes, input.dims) });
try {
  const differences = outputs.map((output) => `${output.name} within ${compare(output.name, found[output.name].data, output.data).toExponential(1)}`);
  console.log(`onnxruntime-node: ${input.dims[0]} images, ${differences.join(', ')}`);
} catch (error) {
  console.error(`onnxruntime-node: ${error.message}`);
  process.exit(1);
}

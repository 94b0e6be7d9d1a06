// Runs models in onnxruntime-node and in onnxruntime-web's WebAssembly: node check_variants.mjs INPUTS.json ANSWERS.json
// INPUTS: { images, classes, models: [{ file, type, dims, data }] } with data as numbers.
// ANSWERS: { versions, answers: { runtime: { file: { values } or { error } } } }.
import { readFile, writeFile } from 'node:fs/promises';
import process from 'node:process';

const [inputs, answers] = process.argv.slice(2);
if (!answers) {
  console.error('usage: check_variants.mjs INPUTS.json ANSWERS.json');
  process.exit(2);
}

const { models } = JSON.parse(await readFile(inputs, 'utf8'));
const results = { versions: {}, answers: {} };
for (const runtime of ['onnxruntime-node', 'onnxruntime-web']) {
  const ort = await import(runtime);
  const isWeb = runtime === 'onnxruntime-web';
  if (isWeb) ort.env.wasm.numThreads = 1;
  results.versions[runtime] = isWeb ? ort.env.versions.web : ort.env.versions.node;
  results.answers[runtime] = {};
  for (const { file, type, dims, data } of models) {
    const values = type === 'uint8' ? Uint8Array.from(data) : Float32Array.from(data);
    try {
      const session = await ort.InferenceSession.create(await readFile(file), { executionProviders: [isWeb ? 'wasm' : 'cpu'] });
      const { probabilities } = await session.run({ images: new ort.Tensor(type, values, dims) }, ['probabilities']);
      results.answers[runtime][file] = { values: Array.from(probabilities.data) };
      await session.release();
    } catch (error) {
      results.answers[runtime][file] = { error: error.message };
    }
  }
}
await writeFile(answers, JSON.stringify(results));

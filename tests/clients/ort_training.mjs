// Trains with the on-device-training artifacts of a folder, in the runtime that they are for:
//   node ort_training.mjs ARTIFACTS BATCHES.safetensors
// BATCHES holds for each step i and each input of the training model a tensor 'i/<input>'. The runtime's learning rate stays as it
// starts, 0.001: its JavaScript API cannot set it. Prints one JSON object: the training model's loss of every step, and the evaluation
// model's outputs on the last batch after the last step. The tensors themselves cannot be had: getContiguousParameters of that version
// frees a pointer of the stack, and may end in "memory access out of bounds".
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import process from 'node:process';
import { explain } from './wasm_errors.mjs';   // before the runtime makes its memory
import * as ort from './node_modules/onnxruntime-web-training/dist/ort.training.wasm.min.mjs';
import { readSafetensors } from './safetensors.mjs';

const [folder, batchFile] = process.argv.slice(2);
if (!batchFile) {
  console.error('usage: ort_training.mjs ARTIFACTS BATCHES.safetensors');
  process.exit(2);
}
process.on('uncaughtException', (error) => {
  console.error(explain(error));
  process.exit(1);
});
ort.env.wasm.numThreads = 1;

const [trainModel, evalModel, optimizerModel, checkpointState] = await Promise.all(
  ['training_model.onnx', 'eval_model.onnx', 'optimizer_model.onnx', 'checkpoint'].map(async (name) => new Uint8Array(await readFile(path.join(folder, name)))));
const session = await ort.TrainingSession.create({ checkpointState, trainModel, evalModel, optimizerModel });
const tensors = readSafetensors(await readFile(batchFile));
const steps = new Set(Object.keys(tensors).map((name) => name.split('/', 1)[0])).size;
const feeds = (step, names) => Object.fromEntries(names.map((name) => {
  const tensor = tensors[`${step}/${name}`];
  if (!tensor) throw new Error(`${batchFile} has no tensor '${step}/${name}'`);
  return [name, new ort.Tensor(tensor.type, tensor.data, tensor.dims)];
}));

const losses = [];
const seconds = [];
for (let step = 0; step < steps; step++) {
  const began = performance.now();
  const outputs = await session.runTrainStep(feeds(step, session.trainingInputNames));
  losses.push(outputs[session.trainingOutputNames[0]].data[0]);
  await session.runOptimizerStep();
  await session.lazyResetGrad();
  seconds.push((performance.now() - began) / 1000);
}
const evaluated = await session.runEvalStep(feeds(steps - 1, session.evalInputNames));
console.log(JSON.stringify({
  version: ort.env.versions.web,
  inputs: session.trainingInputNames,
  outputs: session.trainingOutputNames,
  losses,
  seconds,
  evaluated: Object.fromEntries(Object.entries(evaluated).map(([name, tensor]) => [name, [...tensor.data]])),
}));
process.exit(0);   // the runtime keeps the process alive

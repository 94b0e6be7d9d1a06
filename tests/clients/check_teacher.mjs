// Lets a bundle's teacher.mjs learn two classes of drawn features in Node: node check_teacher.mjs BUNDLE COUNT COUNT
// The classes lie on either side of a plane through zero, and overlap. Prints the share of unseen features that are told right, of the class
// that comes off worse, in the mean over some draws of so many features to learn from.
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import process from 'node:process';
import { pathToFileURL } from 'node:url';
import * as ort from 'onnxruntime-node';

const [folder, ...counts] = process.argv.slice(2);
if (counts.length !== 2) {
  console.error('usage: check_teacher.mjs BUNDLE COUNT COUNT');
  process.exit(2);
}
const WIDTH = 64;
const DRAWS = 50;
const TESTS = 500; // features of each class
const NOISE = 0.4;

let state = 1;
/** Uniform in [0, 1), the same in every run: Numerical Recipes' linear congruential generator. */
function uniform() {
  state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
  return state / 2 ** 32;
}
const normal = () => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform());

/** Features of a class: 1 in its own place, 1 in a place that both share, and noise. */
const draw = (label) => Float32Array.from({ length: WIDTH }, (_, i) => (i === label || i === 2 ? 1 : 0) + NOISE * normal());
const list = (label, count) => Array.from({ length: count }, () => draw(label));

const { Teacher } = await import(pathToFileURL(path.resolve(folder, 'web', 'teacher.mjs')));
const step = await ort.InferenceSession.create(path.join(folder, 'web', 'train_step.onnx'));
const teacher = Object.assign(new Teacher(), { ort, step, head: { width: WIDTH } });
const tests = [0, 1].map((label) => list(label, TESTS));
let worse = 0;
for (let i = 0; i < DRAWS; i++) {
  const training = teacher.train(counts.map((count, label) => list(label, Number(count))), () => false);
  let head;
  for (let done = false; !done;) ({ done, value: head } = await training.next());
  const logit = (features, k) => features.reduce((sum, v, j) => sum + v * head.weight[k * WIDTH + j], head.bias[k]);
  worse += Math.min(...tests.map((of, label) => of.filter((features) => logit(features, label) > logit(features, 1 - label)).length / TESTS)) / DRAWS;
}
console.log(worse);

// Trains a new head in the browser. Below the head the network stays as it is, so every image goes through it once, and the steps of
// the training, train_step.onnx, take what came out: hundreds of them in a moment.
import { Model } from './model.mjs';

const STEPS = 300;
const MOMENTUM = 0.9;
const KEPT_ASIDE = 5; // one image in five of a class only tests
const REPORT = 5; // steps between two reports

/** Where tests get their images: the last of every five. Fewer than five are all learned from. */
export const isKeptAside = (i) => i % KEPT_ASIDE === KEPT_ASIDE - 1;

export class Teacher {
  /**
   * @param ort onnxruntime-web
   * @param {Model} model the model to adapt; its head must be known
   * @param {Uint8Array} step train_step.onnx
   */
  static async open(ort, model, step) {
    const teacher = new Teacher();
    [teacher.network, teacher.step] = await Promise.all([ort.InferenceSession.create(model.withFeatures()), ort.InferenceSession.create(step)]);
    return Object.assign(teacher, { ort, model, head: model.head });
  }

  /** What the network makes of an image, width of the head numbers. */
  async features(pixels, size) {
    const { features } = this.head;
    const answer = await this.network.run({ images: new this.ort.Tensor('uint8', pixels, [1, 3, size, size]) }, [features]);
    return answer[features].data;
  }

  /**
   * Trains a head from zero and yields { step, steps, losses, learned, keptAside } as it goes: the loss of every step so far, and
   * { right, count } of both kinds of images.
   * @param {Float32Array[][]} classes features of the images of each class
   * @returns the head, { weight, bias }
   */
  async *train(classes) {
    const { width, bias } = this.head;
    const images = classes.flatMap((list, label) => list.map((features, i) => ({ features, label, test: isKeptAside(i) })));
    const learned = images.filter((image) => !image.test);
    const energy = learned.reduce((sum, { features }) => sum + features.reduce((s, v) => s + v * v, 0), 0) / learned.length;
    if (!(energy > 0)) throw new Error('The network sees nothing in these images: all its features are zero.');
    const tensor = (data, ...dims) => new this.ort.Tensor('float32', data, dims);
    const constant = {
      features: tensor(Float32Array.from(learned.flatMap(({ features }) => [...features])), learned.length, width),
      labels: new this.ort.Tensor('int64', BigInt64Array.from(learned.map(({ label }) => BigInt(label))), [learned.length]),
      momentum: tensor(Float32Array.of(MOMENTUM)),
      weight_decay: tensor(Float32Array.of(1e-3 * energy)),
    };
    // The curvature of the loss is at most half the features' energy: with this momentum, 2.7 over the energy would be too far.
    const rate = 1 / energy;
    let state = {
      'head.weight': tensor(new Float32Array(classes.length * width), classes.length, width),
      'head.weight.velocity': tensor(new Float32Array(classes.length * width), classes.length, width),
    };
    if (bias) {
      for (const name of ['head.bias', 'head.bias.velocity']) state[name] = tensor(new Float32Array(classes.length), classes.length);
    }
    const losses = [];
    for (let step = 1; step <= STEPS; step++) {
      const lr = tensor(Float32Array.of(rate * (1 - (step - 1) / STEPS)));
      const outputs = await this.step.run({ ...constant, lr, ...state });
      state = Object.fromEntries(Object.keys(state).map((name) => [name, outputs[`${name}.next`]]));
      losses.push(outputs.loss.data[0]);
      if (step % REPORT === 0) {
        const head = { weight: state['head.weight'].data, bias: state['head.bias']?.data };
        const count = (list) => ({ right: list.filter(({ features, label }) => answer(head, features) === label).length, count: list.length });
        yield { step, steps: STEPS, losses, learned: count(learned), keptAside: count(images.filter((image) => image.test)) };
      }
    }
    return { weight: state['head.weight'].data, bias: state['head.bias']?.data };
  }

  /** The adapted model as a file. `report` is the last one of its training. */
  adapt(head, names, { learned, keptAside }) {
    const { properties } = this.model;
    const kept = [...properties].filter(([key]) => !/^(accuracy_|tta|dataset|seed|weights_sha256)/.test(key));
    const parent = [...properties].filter(([key]) => /^(classes|dataset|weights_sha256)/.test(key)).map(([key, value]) => [`parent_${key}`, value]);
    const what = `last layer trained in a browser on ${learned.count} images of ${names.length} classes; of ${keptAside.count} images kept aside, `
      + `${keptAside.right} right; its accuracy was not measured on a test set`;
    const all = new Map([...kept, ...parent, ['classes', JSON.stringify(names)], ['adapted', what]]);
    return this.model.withHead(head, `An adapted model: ${what}.`, all);
  }
}

/** The class with the largest logit. */
function answer({ weight, bias }, features) {
  const width = features.length;
  let best = 0;
  let largest = -Infinity;
  for (let k = 0; k * width < weight.length; k++) {
    let logit = bias ? bias[k] : 0;
    for (let i = 0; i < width; i++) logit += weight[k * width + i] * features[i];
    if (logit > largest) [best, largest] = [k, logit];
  }
  return best;
}

// Trains a new head in the browser. Below the head the network stays as it is, so every image goes through it once, and the steps of
// the training, train_step.onnx, take what came out: hundreds of them in a moment.
import { Model } from './model.mjs';

const STEPS = 300;
const MOMENTUM = 0.9;
const BIAS = 0.5; // the bias as a feature, in spreads: few images say little of where the border between classes is
const RATE = 0.2; // features have mean square 2 / BIAS², so the loss's curvature is at most 4.5, and 5.5 with weight decay; 0.25 would be too far
const DOUBT = 8; // weight decay times images: few images say little, so their head stays small (docs/results.md)
const MOST_DECAY = 1;
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

  /** What the network makes of an image, { name, type, data, dims }: as many numbers as the head is wide. */
  async features(image) {
    const { features } = this.head;
    const answer = await this.network.run({ [image.name]: new this.ort.Tensor(image.type, image.data, image.dims) }, [features]);
    return answer[features].data;
  }

  /**
   * Trains a head from zero and yields { step, steps, losses, learned, keptAside } as it goes: the loss of every step so far, and
   * { right, count } of both kinds of images. Every class has the same say, however many images it has.
   * @param {Float32Array[][]} classes features of the images of each class
   * @param {(i: number) => boolean} keep whether the image i of a class is held out
   * @returns the head, { weight, bias }
   */
  async *train(classes, keep) {
    const { width } = this.head;
    const images = classes.flatMap((list, label) => list.map((features, i) => ({ features, label, test: keep(i) })));
    const learned = images.filter((image) => !image.test);
    const { origin, scale } = frame(learned.map(({ features }) => features));
    const batch = balance(learned, classes.length);
    const tensor = (data, ...dims) => new this.ort.Tensor('float32', data, dims);
    const fixed = {
      features: tensor(Float32Array.from(batch.flatMap(({ features }) => Array.from(features, (v, i) => (v - origin[i]) / scale))), batch.length, width),
      labels: new this.ort.Tensor('int64', BigInt64Array.from(batch.map(({ label }) => BigInt(label))), [batch.length]),
      momentum: tensor(Float32Array.of(MOMENTUM)),
      weight_decay: tensor(Float32Array.of(Math.min(DOUBT / learned.length, MOST_DECAY))),
    };
    const zeros = (name, ...dims) => [name, tensor(new Float32Array(dims.reduce((a, b) => a * b)), ...dims)];
    let state = Object.fromEntries(['', '.velocity'].flatMap((suffix) => [
      zeros(`head.weight${suffix}`, classes.length, width), zeros(`head.bias${suffix}`, classes.length),
    ]));
    const losses = [];
    for (let step = 1; step <= STEPS; step++) {
      const lr = tensor(Float32Array.of(RATE * (1 - (step - 1) / STEPS)));
      const outputs = await this.step.run({ ...fixed, lr, ...state });
      state = Object.fromEntries(Object.keys(state).map((name) => [name, outputs[`${name}.next`]]));
      losses.push(outputs.loss.data[0]);
      if (step % REPORT === 0) {
        const head = unframe(state['head.weight'].data, state['head.bias'].data, origin, scale);
        const count = (list) => ({ right: list.filter(({ features, label }) => answer(head, features) === label).length, count: list.length });
        yield { step, steps: STEPS, losses, learned: count(learned), keptAside: count(images.filter((image) => image.test)) };
      }
    }
    return unframe(state['head.weight'].data, state['head.bias'].data, origin, scale);
  }

  /**
   * The adapted model as a file.
   * @param {{ weight, bias }} head
   * @param {string[]} names of the classes
   * @param {number} count images that it learned from
   * @param {{ right, count }} keptAside of a training before, without them
   */
  adapt(head, names, count, keptAside) {
    const { properties } = this.model;
    const kept = [...properties].filter(([key]) => !/^(accuracy_|tta|dataset|seed|weights_sha256)/.test(key));
    const parent = [...properties].filter(([key]) => /^(classes|dataset|weights_sha256)/.test(key)).map(([key, value]) => [`parent_${key}`, value]);
    const what = `last layer trained in a browser on ${count} images of ${names.length} classes; trained without ${keptAside.count} of them, `
      + `it classified ${keptAside.right} of those correctly; its accuracy was not measured on a test set`;
    const all = new Map([...kept, ...parent, ['classes', JSON.stringify(names)], ['adapted', what]]);
    return this.model.withHead(head, `An adapted model: ${what}.`, all);
  }
}

/**
 * Where and at what scale features are learned, so that the pace is the same for every network. Their mean is one spread (their root mean
 * square distance from it) from the origin, in the direction that it has from zero: in trained networks zero itself is about there, and
 * borders between classes go close by; where images are much alike it is many spreads away, and says nothing.
 */
function frame(list) {
  const mean = list[0].map((_, i) => list.reduce((sum, features) => sum + features[i], 0) / list.length);
  const square = list.reduce((sum, features) => sum + features.reduce((s, v, i) => s + (v - mean[i]) ** 2, 0), 0) / list.length;
  if (!(square > 0)) throw new Error('The network sees no difference between these images.');
  const spread = Math.sqrt(square);
  const length = Math.hypot(...mean) || 1;
  return { origin: mean.map((m) => m - (spread * m) / length), scale: BIAS * spread };
}

/** The head for features as they are of one for features in a frame. */
function unframe(weight, bias, origin, scale) {
  const width = origin.length;
  const plain = weight.map((w) => w / scale);
  return { weight: plain, bias: bias.map((b, k) => b - origin.reduce((sum, v, i) => sum + plain[k * width + i] * v, 0)) };
}

/** As many images of each class as the largest has: those of smaller ones come around again. */
function balance(images, classes) {
  const groups = Array.from({ length: classes }, (_, label) => images.filter((image) => image.label === label));
  const most = Math.max(...groups.map((group) => group.length));
  return groups.flatMap((group) => Array.from({ length: most }, (_, i) => group[i % group.length]));
}

/** The class with the largest logit. */
function answer({ weight, bias }, features) {
  const width = features.length;
  let best = 0;
  let largest = -Infinity;
  for (let k = 0; k * width < weight.length; k++) {
    let logit = bias[k];
    for (let i = 0; i < width; i++) logit += weight[k * width + i] * features[i];
    if (logit > largest) [best, largest] = [k, logit];
  }
  return best;
}

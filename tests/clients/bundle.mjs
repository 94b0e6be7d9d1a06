// What every client here compares with: test_data_set_0 of a bundle.
import { readFile } from 'node:fs/promises';
import path from 'node:path';

const LARGEST_DIFFERENCE = 1e-3;

/** A TensorProto of the ONNX standard: dims = 1, data_type = 2, name = 8, raw_data = 9. */
export async function readTensor(file) {
  const bytes = await readFile(file);
  const tensor = { dims: [] };
  let at = 0;
  const varint = () => {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = bytes[at++];
      value += (byte & 127) * scale;
      if (byte < 128) return value;
    }
  };
  while (at < bytes.length) {
    const tag = varint();
    const [field, wire] = [tag >> 3, tag & 7];
    if (wire === 0) {
      const value = varint();
      if (field === 1) tensor.dims.push(value);
      else if (field === 2) tensor.type = value;
    } else if (wire === 2) {
      const end = varint() + at;
      if (field === 1) while (at < end) tensor.dims.push(varint());
      else if (field === 8) tensor.name = bytes.toString('utf8', at, end);
      else if (field === 9) tensor.bytes = new Uint8Array(bytes.subarray(at, end));
      at = end;
    } else throw new Error(`${file}: a field of wire type ${wire}, which no tensor has`);
  }
  if (tensor.type === 1) tensor.data = new Float32Array(tensor.bytes.buffer, 0, tensor.bytes.length / 4);
  return tensor;
}

/** Metadata, input and outputs of a bundle's test data. */
export async function readBundle(folder) {
  const metadata = JSON.parse(await readFile(path.join(folder, 'metadata.json'), 'utf8'));
  const data = (name) => readTensor(path.join(folder, 'test_data_set_0', name));
  return {
    metadata,
    input: await data('input_0.pb'),
    outputs: await Promise.all(metadata.signature.outputs.map((_, i) => data(`output_${i}.pb`))),
  };
}

/** An ort.Tensor's type, data and dims of a tensor from the test data. */
export const inputOf = ({ type, data, bytes, dims }) => (type === 1 ? ['float32', data, dims] : ['uint8', bytes, dims]);

// Views: pixels by which rows and columns are read further on (reflected at the edge), then mirrored; and their weights.
const VIEWS = [[0, false, 0.25], [0, true, 0.25], [-1, false, 0.125], [-1, true, 0.125], [1, false, 0.125], [1, true, 0.125]];

/** The view of all images of a test data input. */
function draw({ type, data, bytes, dims }, shift, mirror) {
  const source = type === 1 ? data : bytes;
  const isPlanar = dims[1] === 3;
  const [size, step] = isPlanar ? [dims[3], 1] : [dims[2], 3];
  const reflect = (i) => (i < 0 ? -i : i >= size ? 2 * (size - 1) - i : i);
  const target = source.slice();
  for (let i = 0; i < source.length; i++) {
    const channel = i % step;
    const pixel = (i - channel) / step;
    const [x, y] = [pixel % size, Math.floor(pixel / size) % size];
    const first = pixel - x - y * size;
    target[i] = source[(first + reflect(y + shift) * size + reflect((mirror ? size - 1 - x : x) + shift)) * step + channel];
  }
  return [type === 1 ? 'float32' : 'uint8', target, dims];
}

/** Logits that a model with views inside has to give: the vote of `run`, which gives the logits of [type, data, dims]. */
export async function vote(input, variant, run) {
  const [images] = input.dims;
  const untouched = await run(inputOf(input));
  const classes = untouched.length / images;
  const votes = new Float32Array(untouched.length);
  for (const [shift, mirror, weight] of VIEWS) {
    const logits = await run(draw(input, shift, mirror));
    for (let i = 0; i < votes.length; i++) votes[i] += weight * logits[i];
  }
  for (let row = 0; variant.doubt && row < images; row++) {
    const own = untouched.subarray(row * classes, (row + 1) * classes);
    const top = Math.max(...own);
    const confidence = 1 / own.reduce((sum, logit) => sum + Math.exp(logit - top), 0);
    if (confidence >= variant.doubt.threshold) votes.set(own, row * classes);
  }
  return votes;
}

/** Throws unless every value is near the expected one. Returns the largest difference. */
export function compare(name, found, expected) {
  if (found.length !== expected.length) throw new Error(`${name}: ${found.length} values; expected ${expected.length}`);
  let largest = 0;
  for (let i = 0; i < found.length; i++) {
    const difference = Math.abs(found[i] - expected[i]);
    if (!(difference <= LARGEST_DIFFERENCE)) throw new Error(`${name}: value ${i} is ${found[i]}; expected ${expected[i]}`);
    largest = Math.max(largest, difference);
  }
  return largest;
}

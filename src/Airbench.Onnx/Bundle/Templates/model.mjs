// Reads and changes a model file in the browser: features as an output, and another head. Everything else is copied byte by byte.
// A protocol-buffer message is a list of fields; the numbers below are those of the ONNX format (onnx.proto).

const MODEL = { docString: 6, graph: 7, property: 14 };
const GRAPH = { node: 1, initializer: 5, input: 11, output: 12 };
const NODE = { input: 1, output: 2, opType: 4 };
const TENSOR = { dims: 1, dataType: 2, name: 8, rawData: 9 };
const ENTRY = { key: 1, value: 2 };
const VALUE = { name: 1, type: 2 };
const FLOAT = 1;
const LOGITS = 'logits';
const PROBABILITIES = 'probabilities';

const utf8 = new TextEncoder();
const text = new TextDecoder('utf-8', { fatal: true });

/** Fields of a message: number, value (a number, or the bytes of a text or message), and raw, the field as it is stored. */
export function fields(bytes) {
  const list = [];
  let at = 0;
  const varint = () => {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      if (at >= bytes.length) throw new Error('not an ONNX file: it ends inside a field');
      const byte = bytes[at++];
      value += (byte & 127) * scale;
      if (byte < 128) return value;
    }
  };
  while (at < bytes.length) {
    const start = at;
    const tag = varint();
    const [number, wire] = [Math.floor(tag / 8), tag % 8];
    let value;
    if (wire === 0) value = varint();
    else {
      if (wire !== 1 && wire !== 2 && wire !== 5) throw new Error(`not an ONNX file: a field of wire type ${wire}`);
      const length = wire === 2 ? varint() : wire === 1 ? 8 : 4;
      value = bytes.subarray(at, at + length);
      at += length;
      if (at > bytes.length) throw new Error('not an ONNX file: a field reaches beyond its end');
    }
    list.push({ number, value, raw: bytes.subarray(start, at) });
  }
  return list;
}

function concat(parts) {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

function varint(value) {
  const bytes = [];
  for (; value >= 128; value = Math.floor(value / 128)) bytes.push((value % 128) + 128);
  return Uint8Array.of(...bytes, value);
}

/** A field: a number as varint, a text or bytes with their length. */
function field(number, value) {
  if (typeof value === 'number') return concat([varint(8 * number), varint(value)]);
  const bytes = typeof value === 'string' ? utf8.encode(value) : value;
  return concat([varint(8 * number + 2), varint(bytes.length), bytes]);
}

const all = (message, number) => message.filter((f) => f.number === number);
const one = (message, number) => message.find((f) => f.number === number)?.value;

function name(bytes) {
  try {
    return bytes ? text.decode(bytes) : '';
  } catch {
    throw new Error('not an ONNX file: a name is not a text');
  }
}

/** The description of a float32 value of shape (N, columns). */
function value(valueName, columns) {
  const dims = [field(1, field(2, 'N')), field(1, field(1, columns))];
  return concat([field(VALUE.name, valueName), field(VALUE.type, field(1, concat([field(1, FLOAT), field(2, concat(dims))])))]);
}

function tensor(tensorName, dims, values) {
  const raw = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  return concat([...dims.map((d) => field(TENSOR.dims, d)), field(TENSOR.dataType, FLOAT), field(TENSOR.name, tensorName), field(TENSOR.rawData, raw)]);
}

/** A model whose logits are a linear layer of features. */
export class Model {
  /** @param {Uint8Array} bytes an .onnx file; throws where it is not a model that this page could show */
  constructor(bytes) {
    this.bytes = bytes;
    this.fields = fields(bytes);
    const graph = one(this.fields, MODEL.graph);
    if (!(graph instanceof Uint8Array)) throw new Error('not an ONNX file: it has no graph');
    this.graph = fields(graph);
    this.outputs = all(this.graph, GRAPH.output).map((f) => name(one(fields(f.value), VALUE.name)));
    this.properties = new Map(all(this.fields, MODEL.property).map((f) => {
      const entry = fields(f.value);
      return [name(one(entry, ENTRY.key)), name(one(entry, ENTRY.value))];
    }));
    this.head = this.findHead();
  }

  /** Class names in label order; null where the file does not say. */
  get classes() {
    const json = this.properties.get('classes');
    return json ? JSON.parse(json) : null;
  }

  /** Whether both are given images in the same form. */
  takesInputOf(other) {
    const inputs = (model) => all(model.graph, GRAPH.input).map((f) => f.raw.join()).join(';');
    return inputs(this) === inputs(other);
  }

  /** The linear layer that gives the logits: its input, its tensors and their extents; null where there is none of that form. */
  findHead() {
    const node = all(this.graph, GRAPH.node).find((f) => {
      const parts = fields(f.value);
      return name(one(parts, NODE.opType)) === 'Gemm' && name(one(parts, NODE.output)) === LOGITS;
    });
    if (!node) return null;
    const [features, weight, bias] = all(fields(node.value), NODE.input).map((f) => name(f.value));
    const held = all(this.graph, GRAPH.initializer).map((f) => fields(f.value)).find((t) => name(one(t, TENSOR.name)) === weight);
    if (!held || one(held, TENSOR.dataType) !== FLOAT) return null;
    const [classes, width] = all(held, TENSOR.dims).map((f) => f.value);
    return { node, features, weight, bias: bias ?? 'head.bias', hasBias: bias !== undefined, classes, width };
  }

  /** The file with the head's input as one more output, named as it is in the graph. */
  withFeatures() {
    const { features, width } = this.head;
    return this.rebuild([...this.graph.map((f) => f.raw), field(GRAPH.output, value(features, width))], this.fields.map((f) => f.raw));
  }

  /**
   * The file with another head; one without a bias gets one.
   * @param {{ weight: Float32Array, bias: Float32Array }} head row-major, as many rows as classes
   * @param {string} docString what the model is now
   * @param {Map<string, string>} properties all metadata properties of the new file
   */
  withHead({ weight, bias }, docString, properties) {
    const { head } = this;
    const classes = weight.length / head.width;
    const graph = this.graph.map((f) => {
      if (f === head.node && !head.hasBias) return field(f.number, concat([f.value, field(NODE.input, head.bias)]));
      if (f.number === GRAPH.initializer) {
        const tensorName = name(one(fields(f.value), TENSOR.name));
        if (tensorName === head.weight) return field(f.number, tensor(head.weight, [classes, head.width], weight));
        if (tensorName === head.bias) return field(f.number, tensor(head.bias, [classes], bias));
      }
      if (f.number === GRAPH.output) {
        const outputName = name(one(fields(f.value), VALUE.name));
        if (outputName === LOGITS || outputName === PROBABILITIES) return field(f.number, value(outputName, classes));
      }
      return f.raw;
    });
    if (!head.hasBias) graph.push(field(GRAPH.initializer, tensor(head.bias, [classes], bias)));
    const rest = this.fields.filter((f) => f.number !== MODEL.docString && f.number !== MODEL.property).map((f) => f.raw);
    const entries = [...properties].map(([key, entry]) => field(MODEL.property, concat([field(ENTRY.key, key), field(ENTRY.value, entry)])));
    return this.rebuild(graph, [...rest, field(MODEL.docString, docString), ...entries]);
  }

  rebuild(graph, model) {
    const old = this.fields.find((f) => f.number === MODEL.graph).raw;
    return concat(model.map((raw) => (raw === old ? field(MODEL.graph, concat(graph)) : raw)));
  }
}

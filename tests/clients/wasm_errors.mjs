// A C++ exception leaves WebAssembly as a bare number: its address. The text of ONNX Runtime's exceptions lies behind it.
const OBJECT_BYTES = 160;
const SHORTEST = 12;
const memories = [];
WebAssembly.Memory = class extends WebAssembly.Memory {
  constructor(...options) {
    super(...options);
    memories.push(this);
  }
};

/** The error as text; for an address, the strings that the object there holds. */
export function explain(error) {
  if (typeof error !== 'number') return error.stack ?? String(error);
  const texts = new Set();
  for (const { buffer } of memories) {
    const bytes = new Uint8Array(buffer);
    const words = new DataView(buffer);
    for (let at = error; at < error + OBJECT_BYTES; at += 4) {
      let text = '';
      for (let i = words.getUint32(at, true); bytes[i] >= 10 && bytes[i] < 127; i++) text += String.fromCharCode(bytes[i]);
      if (text.length >= SHORTEST) texts.add(text);
    }
  }
  return `C++ exception at ${error}:\n${[...texts].join('\n')}`;
}

// The first frame of a GIF, by the colours that are stored: decoders put nothing in the place of a transparent one, and pass over damage.
import { checkSize, cutOff, damaged } from './formats.mjs';

const [EXTENSION, IMAGE] = [0x21, 0x2c];
const MOST_CODES = 4096;

/** @returns { data, width, height }: 4 bytes a pixel, the last without meaning */
export function decodeGif(bytes) {
  const byte = (at) => {
    if (at >= bytes.length) throw cutOff('GIF');
    return bytes[at];
  };
  const short = (at) => byte(at) + 256 * byte(at + 1);
  const colours = (flags) => (flags & 0x80 ? 2 << (flags & 7) : 0);
  const [width, height] = [short(6), short(8)];
  checkSize(width, height, 'GIF');
  let at = 13 + 3 * colours(byte(10));
  const blocks = (start) => {
    const parts = [];
    for (at = start; byte(at) > 0; at += byte(at) + 1) parts.push(bytes.subarray(at + 1, at + 1 + byte(at)));
    at++;
    return parts;
  };
  while (byte(at) === EXTENSION) blocks(at + 2);
  if (byte(at) !== IMAGE) throw damaged('GIF', 'it holds no image');

  const [left, top, columns, rows, flags] = [short(at + 1), short(at + 3), short(at + 5), short(at + 7), byte(at + 9)];
  checkSize(columns, rows, 'GIF');
  const own = colours(flags);
  const [table, size] = own ? [at + 10, own] : [13, colours(bytes[10])];
  const start = at + 10 + 3 * own;
  const indices = expand(blocks(start + 1), byte(start), columns * rows);
  const data = new Uint8ClampedArray(4 * width * height);
  const order = flags & 0x40 ? [[0, 8], [4, 8], [2, 4], [1, 2]] : [[0, 1]]; // first row and step of each pass
  let i = 0;
  for (const [first, step] of order) {
    for (let y = first; y < rows; y += step) {
      for (let x = 0; x < columns; x++, i++) {
        if (left + x >= width || top + y >= height) continue;
        const to = 4 * ((top + y) * width + left + x);
        for (let c = 0; indices[i] < size && c < 3; c++) data[to + c] = bytes[table + 3 * indices[i] + c];
      }
    }
  }
  return { data, width, height };
}

/** The first `count` values of LZW codes, whose length grows with the dictionary. */
function expand(parts, bits, count) {
  if (bits < 1 || bits > 11) throw damaged('GIF', `codes of ${bits} bits`);
  const [clear, end] = [1 << bits, (1 << bits) + 1];
  const [prefix, suffix, lengths] = [new Uint16Array(MOST_CODES), new Uint8Array(MOST_CODES), new Uint16Array(MOST_CODES).fill(1)];
  for (let k = 0; k < clear; k++) suffix[k] = k;
  const values = new Uint8Array(count);
  let [next, size, before, at, held, have] = [end + 1, bits + 1, -1, 0, 0, 0];
  for (const part of parts) {
    for (const byte of part) {
      held |= byte << have;
      have += 8;
      while (have >= size && at < count) {
        const code = held & ((1 << size) - 1);
        held >>>= size;
        have -= size;
        if (code === end) throw cutOff('GIF');
        if (code === clear) {
          [next, size, before] = [end + 1, bits + 1, -1];
          continue;
        }
        if (code > next || (code >= clear && before < 0)) throw damaged('GIF', `code ${code}`);
        const isNew = code === next; // what came before, and its first value again
        const length = isNew ? lengths[before] + 1 : lengths[code];
        let first = isNew ? before : code;
        while (first >= clear) first = prefix[first];
        if (before >= 0 && next < MOST_CODES) {
          [prefix[next], suffix[next], lengths[next]] = [before, first, lengths[before] + 1];
          if (++next === 1 << size && size < 12) size++;
        }
        for (let k = code, place = at + length - 1; place >= at; place--, k = prefix[k]) if (place < count) values[place] = suffix[k];
        before = code;
        at += length;
      }
    }
  }
  if (at < count) throw cutOff('GIF');
  return values;
}

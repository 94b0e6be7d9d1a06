// PNG files to the values that are stored in them: no gamma, no profile, no blending with transparency. Browsers do not give these.
import { checkSize, cutOff, damaged } from './formats.mjs';

const CHANNELS = { 0: 1, 2: 3, 3: 1, 4: 2, 6: 4 }; // by colour type: grey, RGB, palette, grey with alpha, RGB with alpha
const DEPTHS = { 0: [1, 2, 4, 8, 16], 2: [8, 16], 3: [1, 2, 4, 8], 4: [8, 16], 6: [8, 16] };
const PASSES = [[0, 0, 8, 8], [4, 0, 8, 8], [0, 4, 4, 8], [2, 0, 4, 4], [0, 2, 2, 4], [1, 0, 2, 2], [0, 1, 1, 2]]; // Adam7: x, y, and steps
const SUMS = Uint32Array.from({ length: 256 }, (_, n) => {
  for (let k = 0; k < 8; k++) n = n & 1 ? 0xedb88320 ^ (n >>> 1) : n >>> 1;
  return n;
});

function crc(bytes) {
  let sum = 0xffffffff;
  for (const byte of bytes) sum = SUMS[(sum ^ byte) & 255] ^ (sum >>> 8);
  return ~sum >>> 0;
}

/** The chunks that the picture needs; throws where the sum of one is wrong. */
function chunks(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const found = { data: [] };
  for (let at = 8; at + 8 <= bytes.length;) {
    const length = view.getUint32(at);
    const name = String.fromCharCode(...bytes.subarray(at + 4, at + 8));
    const data = bytes.subarray(at + 8, at + 8 + length);
    const isWhole = at + 12 + length <= bytes.length;
    const isCritical = (bytes[at + 4] & 0x20) === 0; // an upper-case letter
    if (isCritical && isWhole && crc(bytes.subarray(at + 4, at + 8 + length)) !== view.getUint32(at + 8 + length)) {
      throw damaged('PNG', `wrong checksum of ${name}`);
    }
    if (name === 'IDAT') found.data.push(data);
    else if (isWhole) found[name] ??= data;
    if (name === 'IEND') break;
    at += 12 + length;
  }
  return found;
}

/** The first `length` bytes of what was compressed. */
async function inflate(parts, length) {
  const whole = new Uint8Array(length);
  let at = 0;
  try {
    for await (const part of read(new Blob(parts).stream().pipeThrough(new DecompressionStream('deflate')))) {
      whole.set(part.subarray(0, length - at), at);
      at += part.length;
      if (at >= length) return whole;
    }
  } catch (error) {
    if (at === 0) throw damaged('PNG', error.message);
  }
  throw cutOff('PNG');
}

async function* read(stream) { // Safari's streams cannot be iterated
  const reader = stream.getReader();
  try {
    for (let part = await reader.read(); !part.done; part = await reader.read()) yield part.value;
  } finally {
    reader.cancel().catch(() => {}); // what is behind the picture may be anything
  }
}

/** Undoes the filter of each row in place. */
function unfilter(rows, count, stride, step) {
  for (let y = 0; y < count; y++) {
    const at = y * (stride + 1) + 1;
    const kind = rows[at - 1];
    if (kind > 4) throw damaged('PNG', `row filter ${kind}`);
    for (let i = 0; kind > 0 && i < stride; i++) {
      const left = i >= step ? rows[at + i - step] : 0;
      const up = y > 0 ? rows[at + i - stride - 1] : 0;
      const corner = y > 0 && i >= step ? rows[at + i - stride - 1 - step] : 0;
      rows[at + i] += kind === 1 ? left : kind === 2 ? up : kind === 3 ? (left + up) >> 1 : nearest(left, up, corner);
    }
  }
}

function nearest(left, up, corner) { // Paeth
  const [a, b, c] = [Math.abs(up - corner), Math.abs(left - corner), Math.abs(left + up - 2 * corner)];
  return a <= b && a <= c ? left : b <= c ? up : corner;
}

/** @returns { data, width, height, exif }: 4 bytes a pixel, the last without meaning; and its EXIF data, if any */
export async function decodePng(bytes) {
  const { IHDR, PLTE, eXIf: exif, data: parts } = chunks(bytes);
  if (!IHDR || IHDR.length < 13) throw cutOff('PNG');
  const view = new DataView(IHDR.buffer, IHDR.byteOffset, 13);
  const [width, height, depth, colour, interlaced] = [view.getUint32(0), view.getUint32(4), IHDR[8], IHDR[9], IHDR[12]];
  if (!DEPTHS[colour]?.includes(depth) || interlaced > 1) throw damaged('PNG', 'its header is damaged');
  checkSize(width, height, 'PNG');
  if (colour === 3 && !PLTE) throw damaged('PNG', 'it has no palette');

  const bits = CHANNELS[colour] * depth;
  const passes = (interlaced ? PASSES : [[0, 0, 1, 1]]).map(([x, y, dx, dy]) => {
    const [columns, count] = [Math.ceil((width - x) / dx), Math.ceil((height - y) / dy)];
    return { x, y, dx, dy, columns, count: columns > 0 ? Math.max(0, count) : 0, stride: Math.ceil((columns * bits) / 8) };
  });
  const all = await inflate(parts, passes.reduce((sum, { count, stride }) => sum + count * (stride + 1), 0));
  const rgba = new Uint8ClampedArray(4 * width * height).fill(255);
  const scale = colour === 3 ? 1 : 255 / (2 ** Math.min(depth, 8) - 1); // of 16 bits, the high byte
  let at = 0;
  for (const { x, y, dx, dy, columns, count, stride } of passes) {
    const rows = all.subarray(at, at += count * (stride + 1));
    unfilter(rows, count, stride, Math.max(1, bits / 8));
    for (let row = 0; row < count; row++) {
      const start = row * (stride + 1) + 1;
      const sample = (k) => (depth >= 8 ? rows[start + (k * depth) / 8] : (rows[start + ((k * depth) >> 3)] >> (8 - depth - ((k * depth) & 7))) & (2 ** depth - 1));
      for (let column = 0; column < columns; column++) {
        const to = 4 * ((y + row * dy) * width + x + column * dx);
        const first = CHANNELS[colour] * column;
        for (let c = 0; c < 3; c++) {
          if (colour === 3) rgba[to + c] = PLTE[3 * sample(first) + c] ?? 0;
          else rgba[to + c] = scale * sample(first + (colour & 2 ? c : 0));
        }
      }
    }
  }
  return { data: rgba, width, height, exif };
}

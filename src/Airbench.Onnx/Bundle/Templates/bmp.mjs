// BMP and ICO files to the values that are stored in them.
import { checkSize, cutOff, damaged } from './formats.mjs';
import { decodePng } from './png.mjs';

/** @returns { data, width, height }: 4 bytes a pixel, the last without meaning */
export function decodeBmp(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return decodeBitmap('BMP', bytes, 14, view.getUint32(10, true));
}

/** The largest image of an icon, of equals the one with most bits. */
export async function decodeIco(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const count = bytes.length < 6 ? 0 : view.getUint16(4, true);
  if (bytes.length < 6 || 6 + 16 * count > bytes.length) throw cutOff('ICO');
  const entries = Array.from({ length: count }, (_, i) => {
    const at = 6 + 16 * i;
    const [size, start] = [view.getUint32(at + 8, true), view.getUint32(at + 12, true)];
    const isPng = bytes[start] === 0x89 && start + 26 <= bytes.length;
    return {
      size, start, isPng,
      area: isPng ? view.getUint32(start + 16) * view.getUint32(start + 20) : (bytes[at] || 256) * (bytes[at + 1] || 256),
      bits: isPng ? bytes[start + 24] * ({ 2: 3, 4: 2, 6: 4 }[bytes[start + 25]] ?? 1) : (bytes[start + 14] ?? 0),
    };
  });
  const [best] = entries.sort((a, b) => b.area - a.area || b.bits - a.bits);
  if (!best) throw damaged('ICO', 'it holds no image');
  if (best.start + best.size > bytes.length) throw cutOff('ICO');
  const image = bytes.subarray(best.start, best.start + best.size);
  return best.isPng ? decodePng(image) : decodeBitmap('ICO', image, 0);
}

/** A bitmap whose header is at `at` and whose pixels are at `start`, by default behind the palette. An icon's has its mask below. */
function decodeBitmap(format, bytes, at, start) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  try {
    return readBitmap(format, bytes, view, at, start);
  } catch (error) {
    throw error instanceof RangeError ? cutOff(format) : error; // it read beyond the end
  }
}

function readBitmap(format, bytes, view, at, start) {
  const headerSize = view.getUint32(at, true);
  const isOld = headerSize === 12; // OS/2: 16 bits for extents, 3 bytes a colour
  const [width, signedHeight] = isOld ? [view.getUint16(at + 4, true), view.getInt16(at + 6, true)] : [view.getInt32(at + 4, true), view.getInt32(at + 8, true)];
  const bits = view.getUint16(at + (isOld ? 10 : 14), true);
  const compression = isOld ? 0 : view.getUint32(at + 16, true);
  const height = Math.abs(signedHeight) / (format === 'ICO' ? 2 : 1);
  checkSize(width, height, format);
  const isRunLength = (compression === 1 && bits === 8) || (compression === 2 && bits === 4);
  const hasMasks = (compression === 3 || compression === 6) && (bits === 16 || bits === 32);
  if (![1, 2, 4, 8, 16, 24, 32].includes(bits) || !(compression === 0 || isRunLength || hasMasks)) {
    throw damaged(format, `${bits} bits a pixel, compression ${compression}`);
  }
  const colours = at + headerSize + (hasMasks && headerSize === 40 ? (compression === 6 ? 16 : 12) : 0);
  const colourSize = isOld ? 3 : 4;
  const used = bits > 8 ? 0 : (isOld ? 0 : view.getUint32(at + 32, true)) || 2 ** bits;
  start ??= colours + colourSize * used;
  const palette = (k) => (k < used ? [2, 1, 0].map((c) => view.getUint8(colours + colourSize * k + c)) : [0, 0, 0]);
  const masks = hasMasks ? [0, 4, 8].map((k) => view.getUint32(at + 40 + k, true)) : bits === 16 ? [0x7c00, 0x3e0, 0x1f] : [0xff0000, 0xff00, 0xff];
  const channels = masks.map((mask) => {
    const shift = mask ? 31 - Math.clz32(mask & -mask) : 0;
    const most = mask >>> shift;
    return (pixel) => (most ? (255 * ((pixel & mask) >>> shift)) / most : 0);
  });

  const stride = 4 * Math.ceil((width * bits) / 32);
  if (!isRunLength && start + stride * height > bytes.length) throw cutOff(format);

  const data = new Uint8ClampedArray(4 * width * height);
  const put = (x, y, rgb) => { if (x < width && y < height) data.set(rgb, 4 * ((signedHeight < 0 ? y : height - 1 - y) * width + x)); };
  if (isRunLength) {
    expand(bytes.subarray(start), bits, (x, y, k) => put(x, y, palette(k)), width, height);
    return { data, width, height };
  }
  const table = bits <= 8 ? Array.from({ length: 2 ** bits }, (_, k) => palette(k)) : null;
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const byte = start + y * stride + ((x * bits) >> 3);
      if (table) put(x, y, table[(view.getUint8(byte) >> (8 - bits - ((x * bits) & 7))) & (2 ** bits - 1)]);
      else if (bits === 24) put(x, y, [view.getUint8(byte + 2), view.getUint8(byte + 1), view.getUint8(byte)]);
      else {
        const pixel = bits === 16 ? view.getUint16(byte, true) : view.getUint32(byte, true);
        put(x, y, channels.map((channel) => channel(pixel)));
      }
    }
  }
  return { data, width, height };
}

/** Runs of 8 or 4 bits: a count and a colour, or a zero and what it stands for. */
function expand(bytes, bits, put, width, height) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const perByte = 8 / bits;
  const index = (byte, i) => (bits === 8 ? byte : i % 2 ? byte & 15 : byte >> 4);
  for (let at = 0, x = 0, y = 0; y < height;) {
    if (at + 2 > bytes.length && y === height - 1 && x >= width) return; // only the mark of the end is missing
    const [count, code] = [view.getUint8(at++), view.getUint8(at++)];
    if (count > 0) for (let i = 0; i < count; i++) put(x++, y, index(code, i));
    else if (code > 2) {
      for (let i = 0; i < code; i++) put(x++, y, index(view.getUint8(at + Math.floor(i / perByte)), i));
      const used = Math.ceil(code / perByte);
      at += used + (used % 2);
    } else if (code === 2 || x < width || (code === 1 && y < height - 1)) throw damaged('BMP', 'its runs leave pixels out');
    else [x, y] = [0, y + 1];
    if (x >= width + perByte) throw damaged('BMP', 'its runs go beyond the image');
  }
}

// What the segments of a JPEG say that its pixels do not: which kind it is, and whether it is all there.
import { checkSize, cutOff, damaged } from './formats.mjs';

const END = [0xff, 0xd9];
const OTHER_BYTES = Array.from({ length: 64 }, () => 0xb6);
const LOSSLESS = [0xc3, 0xc5, 0xc6, 0xc7, 0xcb, 0xcd, 0xce, 0xcf, 0xf7]; // or hierarchical, or JPEG-LS
const PROGRESSIVE = [0xc2, 0xca];
const FRAME = [0xc0, 0xc1, 0xc9, ...PROGRESSIVE];
const SCAN = 0xda;

/**
 * Decodes a JPEG if it is all there. Of one that lacks its last marker all scans have to be there, and whether the last of them is whole shows
 * when it is decoded with one end and with another: what follows a whole picture changes none of it.
 * @param {Uint8Array} file
 * @param decode of a file to { data, width, height }
 */
export async function decodeJpeg(file, decode) {
  if (hasEnd(file)) return decode(file);
  const trimmed = file.subarray(0, file.findLastIndex((byte) => byte !== 0xff) + 1); // without half of a marker
  const decodeWith = async (end) => {
    const whole = new Uint8Array(trimmed.length + end.length);
    whole.set(trimmed);
    whole.set(end, trimmed.length);
    try {
      return await decode(whole);
    } catch {
      throw cutOff('JPEG');
    }
  };
  const image = await decodeWith(END);
  const other = await decodeWith([...OTHER_BYTES, ...END]);
  if (image.data.some((value, i) => value !== other.data[i])) throw cutOff('JPEG');
  return image;
}

/** Whether the last marker is there; throws where the file is of a kind that is not read, or lacks more than that marker. */
function hasEnd(file) {
  const missing = new Map(); // bits still to come of each component's 64 coefficients
  let isProgressive = false;
  for (let at = 2; ;) {
    at = file.indexOf(0xff, at) + 1;
    if (at === 0 || at >= file.length) break;
    const marker = file[at];
    if (marker === 0xd9) return true;
    if (marker === 0xff) continue; // a fill byte
    at++;
    if (marker <= 0x01 || (marker >= 0xd0 && marker <= 0xd8)) continue; // coded data, or a marker without a segment
    const length = file[at] * 256 + file[at + 1];
    if (!(at + length <= file.length)) throw cutOff('JPEG');
    const segment = file.subarray(at + 2, at + length);
    if (LOSSLESS.includes(marker)) throw damaged('JPEG', 'lossless or hierarchical, which is not read');
    if (FRAME.includes(marker)) {
      if (segment[0] !== 8) throw damaged('JPEG', `${segment[0]} bits a sample, of which only 8 are read`);
      checkSize(segment[3] * 256 + segment[4], segment[1] * 256 + segment[2], 'JPEG');
      isProgressive = PROGRESSIVE.includes(marker);
      for (let i = 6; i < segment.length; i += 3) missing.set(segment[i], new Array(64).fill(-1));
    } else if (marker === SCAN) {
      const behind = 1 + 2 * segment[0]; // the first and last coefficient, and how many of their bits come later
      const [first, last, left] = isProgressive ? [segment[behind], segment[behind + 1], segment[behind + 2] & 15] : [0, 63, 0];
      for (let i = 1; i < behind; i += 2) missing.get(segment[i])?.fill(left, first, last + 1);
    }
    at += length;
  }
  if (missing.size === 0 || [...missing.values()].flat().some((left) => left !== 0)) throw cutOff('JPEG');
  return false;
}

// What decoders of WebP do not look at, or not all alike: whether the file is all there, and its orientation.
import { orientationOf } from './exif.mjs';
import { checkSize, cutOff } from './formats.mjs';

/** @returns { file, orientation }: the file without its EXIF data, and how it is turned; throws where it is shorter than it says */
export function readWebP(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < 30 || view.getUint32(4, true) + 8 > bytes.length) throw cutOff('WebP');
  const name = (at) => String.fromCharCode(...bytes.subarray(at, at + 4));
  if (name(12) === 'VP8X') checkSize((view.getUint32(24, true) & 0xffffff) + 1, (view.getUint32(26, true) >>> 8) + 1, 'WebP');
  for (let at = 12; at + 8 <= bytes.length; at += 8 + view.getUint32(at + 4, true) + (view.getUint32(at + 4, true) & 1)) {
    if (name(at) !== 'EXIF') continue;
    const file = bytes.slice();
    file.set([0x78, 0x78, 0x78, 0x78], at); // a chunk that nobody knows
    return { file, orientation: orientationOf(bytes.subarray(at + 8, at + 8 + view.getUint32(at + 4, true))) };
  }
  return { file: bytes, orientation: 1 };
}

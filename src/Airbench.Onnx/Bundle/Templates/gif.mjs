// The first frame of a GIF.
import { checkSize, cutOff, damaged } from './formats.mjs';

const [EXTENSION, GRAPHIC_CONTROL, IMAGE, TRAILER] = [0x21, 0xf9, 0x2c, 0x3b];

/** A GIF of the first frame alone, without transparency: decoders would put nothing in the place of the colour that is stored. */
export function firstFrame(bytes) {
  const byte = (at) => {
    if (at >= bytes.length) throw cutOff('GIF');
    return bytes[at];
  };
  const tableBytes = (flags) => (flags & 0x80 ? 3 * (2 << (flags & 7)) : 0);
  const endOfBlocks = (at) => {
    while (byte(at) > 0) at += byte(at) + 1;
    return at + 1;
  };
  const transparent = []; // where frames are declared so
  let at = 13 + tableBytes(byte(10));
  checkSize(bytes[6] + 256 * bytes[7], bytes[8] + 256 * bytes[9], 'GIF');
  for (;;) {
    if (byte(at) === EXTENSION) {
      if (byte(at + 1) === GRAPHIC_CONTROL && byte(at + 2) === 4) transparent.push(at + 3);
      at = endOfBlocks(at + 2);
    } else if (byte(at) === IMAGE) {
      const end = endOfBlocks(at + 11 + tableBytes(byte(at + 9)));
      const frame = new Uint8Array(end + 1);
      frame.set(bytes.subarray(0, end));
      frame[end] = TRAILER;
      for (const flag of transparent) frame[flag] &= 0xfe;
      return frame;
    } else throw damaged('GIF', 'it holds no image');
  }
}

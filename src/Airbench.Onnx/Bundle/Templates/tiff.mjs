// Which TIFF files are read: those of whole numbers in plain colours, by the first directory; and whether what that names lies within the file.
import { directory } from '../../web/exif.mjs';
import { cutOff } from '../../web/formats.mjs';

const COMPRESSIONS = [1, 2, 3, 4, 5, 6, 7, 8, 32773, 32946]; // none, fax, LZW, JPEG, deflate, PackBits
const COLOURS = [0, 1, 2, 3, 5, 6]; // grey, RGB, palette, CMYK, YCbCr

const SIZES = { 1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8 }; // bytes of a value by type
const PLACES = { 273: 279, 324: 325 }; // of strips and tiles: where they are, and how long

/** Throws where the file is of another kind, or ends before its pixels do. */
export function checkTiff(file) {
  const refuse = (kind) => { throw new Error(`is a TIFF file ${kind}, which is not read: convert it to PNG`); };
  if (file.length < 8) throw cutOff('TIFF');
  if (file[2] === 43 || file[3] === 43) refuse('of the kind BigTIFF');
  const tag = directory(file);
  if (tag(50706) !== undefined || (tag(254, 0) & 1) === 1 || tag(255, 1) === 2) refuse('that is a raw photo, or whose first page is only a preview');
  if (!COMPRESSIONS.includes(tag(259, 1))) refuse(`compressed by method ${tag(259)}`);
  if (!COLOURS.includes(tag(262, 1))) refuse(`in colour space ${tag(262)}`);
  if (![1, 2, 4, 8, 16].includes(tag(258, 1))) refuse(`of ${tag(258)} bits a sample`);
  if (![1, 4].includes(tag(339, 1))) refuse('of signed or floating-point numbers');

  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const little = file[0] === 0x49;
  const start = view.getUint32(4, little);
  if (start + 2 > file.length || start + 2 + 12 * view.getUint16(start, little) > file.length) throw cutOff('TIFF');
  const values = new Map(); // of the tags above
  for (let at = start + 2, left = view.getUint16(start, little); left > 0; left--, at += 12) {
    const [name, type, count] = [view.getUint16(at, little), view.getUint16(at + 2, little), view.getUint32(at + 4, little)];
    const size = SIZES[type] ?? 0;
    const place = size * count <= 4 ? at + 8 : view.getUint32(at + 8, little);
    if (place + size * count > file.length) throw cutOff('TIFF');
    if (Object.entries(PLACES).flat().some((known) => Number(known) === name)) {
      values.set(name, Array.from({ length: count }, (_, i) => (size === 2 ? view.getUint16(place + 2 * i, little) : view.getUint32(place + 4 * i, little))));
    }
  }
  for (const [places, lengths] of Object.entries(PLACES)) {
    if (values.get(Number(places))?.some((place, i) => place + (values.get(lengths)?.[i] ?? 0) > file.length)) throw cutOff('TIFF');
  }
}

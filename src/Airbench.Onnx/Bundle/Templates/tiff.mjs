// Which TIFF files are read: those of whole numbers in plain colours, by the first directory.
import { directory } from '../../web/exif.mjs';

const COMPRESSIONS = [1, 2, 3, 4, 5, 6, 7, 8, 32773, 32946]; // none, fax, LZW, JPEG, deflate, PackBits
const COLOURS = [0, 1, 2, 3, 5, 6]; // grey, RGB, palette, CMYK, YCbCr

/** Throws where the file is of another kind. */
export function checkTiff(file) {
  const refuse = (kind) => { throw new Error(`is a TIFF file ${kind}, which is not read: convert it to PNG`); };
  if (file[2] === 43 || file[3] === 43) refuse('of the kind BigTIFF');
  const tag = directory(file);
  if (tag(50706) !== undefined || (tag(254, 0) & 1) === 1 || tag(255, 1) === 2) refuse('that is a raw photo, or whose first page is only a preview');
  if (!COMPRESSIONS.includes(tag(259, 1))) refuse(`compressed by method ${tag(259)}`);
  if (!COLOURS.includes(tag(262, 1))) refuse(`in colour space ${tag(262)}`);
  if (![1, 2, 4, 8, 16].includes(tag(258, 1))) refuse(`of ${tag(258)} bits a sample`);
  if (![1, 4].includes(tag(339, 1))) refuse('of signed or floating-point numbers');
}

// Image files to upright pixels as they are stored, in Node: no colour profile, no gamma, alpha dropped. JPEG, WebP and TIFF by sharp
// (libjpeg-turbo, libwebp, libtiff), PNG, BMP, GIF and ICO by the modules of the page.
import sharp from 'sharp';
import { decodeBmp, decodeIco } from '../../web/bmp.mjs';
import { orientationOf, turn } from '../../web/exif.mjs';
import { checkSize, cutOff, damaged, formatOf } from '../../web/formats.mjs';
import { decodeGif } from '../../web/gif.mjs';
import { decodeJpeg } from '../../web/jpeg.mjs';
import { decodePng } from '../../web/png.mjs';
import { readWebP } from '../../web/webp.mjs';
import { checkTiff } from './tiff.mjs';

// What sharp has to refuse besides errors: pixels that are missing. What libjpeg warns of besides, training decodes.
const FAIL_ON = { JPEG: 'truncated', WebP: 'error', TIFF: 'warning' };

/**
 * @param {Uint8Array} file
 * @returns { data, width, height }: 4 bytes a pixel, of which the last has no meaning; throws where the file is not read, damaged or not whole
 */
export async function decode(file) {
  const format = formatOf(file);
  if (format === 'BMP') return decodeBmp(file);
  if (format === 'GIF') return decodeGif(file);
  if (format === 'ICO') return decodeIco(file);
  if (format === 'PNG') {
    const image = await decodePng(file);
    return turn(image, orientationOf(image.exif));
  }
  if (format === 'JPEG') return decodeJpeg(file, (whole) => decodeBySharp(whole, format));
  if (format === 'WebP') {
    const { file: webp, orientation } = readWebP(file);
    return turn(await decodeBySharp(webp, format), orientation);
  }
  if (format === 'TIFF') checkTiff(file);
  return decodeBySharp(file, format);
}

async function decodeBySharp(file, format, failOn = FAIL_ON[format]) {
  try {
    const image = sharp(file, { failOn, ignoreIcc: true, limitInputPixels: false });
    const { space, width, height } = await image.metadata();
    checkSize(width, height, format);
    const isCmyk = space === 'cmyk';
    const pixels = isCmyk ? image.autoOrient().pipelineColourspace('cmyk').toColourspace('cmyk') : image.autoOrient().toColourspace('srgb').removeAlpha();
    const { data, info } = await pixels.raw({ depth: 'uchar' }).toBuffer({ resolveWithObject: true });
    return { data: spread(data, info.channels, info.width * info.height, isCmyk), width: info.width, height: info.height };
  } catch (error) {
    if (/Warning treated as error/.test(error.message)) return decodeBySharp(file, format, 'error'); // of a tag, on which no pixel depends
    if (/premature|truncated|out of order|expected|not enough data/i.test(error.message)) throw cutOff(format);
    throw /^is /.test(error.message) ? error : damaged(format, error.message.replace(/\s+/g, ' '));
  }
}

/** 1, 3 or 4 values of each pixel as 4 bytes: grey repeated, CMYK by the plain product. */
function spread(values, channels, count, isCmyk) {
  const rgba = new Uint8ClampedArray(4 * count);
  for (let i = 0; i < count; i++) {
    for (let c = 0; c < 3; c++) {
      const value = values[channels * i + (channels < 3 ? 0 : c)];
      rgba[4 * i + c] = isCmyk ? ((255 - value) * (255 - values[4 * i + 3])) / 255 : value;
    }
  }
  return rgba;
}

// Image files to upright pixels as they are stored, in Node: no colour profile, no gamma, alpha dropped. JPEG, WebP and TIFF by sharp
// (libjpeg-turbo, libwebp, libtiff), PNG, BMP, GIF and ICO by the modules of the page.
import sharp from 'sharp';
import { checkSize, cutOff, damaged } from '../../web/formats.mjs';
import { decodeWith } from '../../web/images.mjs';
import { checkTiff } from './tiff.mjs';

// What sharp has to refuse besides errors: pixels that are missing. What libjpeg warns of besides, training decodes.
const FAIL_ON = { JPEG: 'truncated', WebP: 'error', TIFF: 'warning' };

/** { data, width, height } of a file's bytes, as the page's decodeWith says. */
export const decode = (file) => decodeWith(file, (coded, format) => {
  if (format === 'TIFF') checkTiff(coded);
  return decodeBySharp(coded, format);
});

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

// Images between files, the camera, the screen and the model.
import { decodeBmp, decodeIco } from './bmp.mjs';
import { orientationOf, turn } from './exif.mjs';
import { damaged, formatOf } from './formats.mjs';
import { decodeGif } from './gif.mjs';
import { decodeJpeg } from './jpeg.mjs';
import { decodePng } from './png.mjs';
import { fit, toInput } from './preprocess.mjs';
import { readWebP } from './webp.mjs';

/**
 * An image file as upright pixels: the values that are stored in it, without colour profile or gamma, alpha dropped.
 * @param {Uint8Array} file
 * @param decodeCoded (file, format) => { data, width, height } of a whole JPEG, WebP or TIFF; a JPEG turned upright, a WebP as stored
 * @returns { data, width, height }, 4 bytes a pixel, the last without meaning; throws where the file is not read, damaged or not whole
 */
export async function decodeWith(file, decodeCoded) {
  const format = formatOf(file);
  if (format === 'BMP') return decodeBmp(file);
  if (format === 'GIF') return decodeGif(file);
  if (format === 'ICO') return decodeIco(file);
  if (format === 'PNG') {
    const image = await decodePng(file);
    return turn(image, orientationOf(image.exif));
  }
  if (format === 'JPEG') return decodeJpeg(file, (whole) => decodeCoded(whole, format));
  if (format === 'WebP') {
    const { file: webp, orientation } = readWebP(file);
    return turn(await decodeCoded(webp, format), orientation);
  }
  return decodeCoded(file, format);
}

/** The same in a browser, which decodes JPEG and WebP; of the others it does not give what is stored. */
export const decode = (file) => decodeWith(file, decodeByBrowser);

async function decodeByBrowser(file, format) {
  if (format === 'TIFF') throw new Error('is a TIFF file, which browsers do not read: convert it to JPEG or PNG');
  try {
    return await pixelsOf(new Blob([file]), format === 'WebP');
  } catch (error) {
    throw error.name === 'InvalidStateError' ? damaged(format) : error;
  }
}

/** Pixels of what a browser can show. */
async function pixelsOf(source, mayHaveAlpha) {
  const bitmap = await createImageBitmap(source, { imageOrientation: 'from-image', colorSpaceConversion: 'none', premultiplyAlpha: 'none' });
  const { width, height } = bitmap;
  const context = new OffscreenCanvas(width, height).getContext('2d', { willReadFrequently: true });
  context.drawImage(bitmap, 0, 0);
  const { data } = context.getImageData(0, 0, width, height);
  // A canvas multiplies colours by alpha; WebGL does not.
  const isLossy = mayHaveAlpha && data.some((value, i) => i % 4 === 3 && value < 255);
  const image = { data: isLossy ? readByWebGl(bitmap) : data, width, height };
  bitmap.close();
  return image;
}

function readByWebGl(bitmap) {
  const gl = new OffscreenCanvas(1, 1).getContext('webgl');
  if (!gl || Math.max(bitmap.width, bitmap.height) > gl.getParameter(gl.MAX_TEXTURE_SIZE)) {
    throw new Error('is transparent in part, and this browser does not give the colours there: convert it to JPEG or PNG');
  }
  gl.bindTexture(gl.TEXTURE_2D, gl.createTexture());
  gl.pixelStorei(gl.UNPACK_PREMULTIPLY_ALPHA_WEBGL, false);
  gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA, gl.RGBA, gl.UNSIGNED_BYTE, bitmap);
  gl.bindFramebuffer(gl.FRAMEBUFFER, gl.createFramebuffer());
  gl.framebufferTexture2D(gl.FRAMEBUFFER, gl.COLOR_ATTACHMENT0, gl.TEXTURE_2D, gl.getParameter(gl.TEXTURE_BINDING_2D), 0);
  const pixels = new Uint8Array(4 * bitmap.width * bitmap.height);
  gl.readPixels(0, 0, bitmap.width, bitmap.height, gl.RGBA, gl.UNSIGNED_BYTE, pixels);
  gl.getExtension('WEBGL_lose_context')?.loseContext(); // browsers keep few of them
  return pixels;
}

/**
 * An image as the model takes it, and the pixels of it that the model sees, planar RGB, uint8 [3, image_size, image_size].
 * @param source a file, or a video
 * @param metadata the bundle's metadata.json
 * @returns { input: { name, type, data, dims }, pixels }; throws an error that names the file and says what is wrong with it
 */
export async function look(source, metadata) {
  const { data, width, height } = await (source instanceof Blob ? decodeFile(source) : pixelsOf(source, false));
  return { input: toInput(metadata, data, width, height), pixels: fit(data, width, height, metadata.image_size, metadata.fit) };
}

async function decodeFile(file) {
  try {
    return await decode(new Uint8Array(await file.arrayBuffer()));
  } catch (error) {
    throw new Error(`${file.name ?? 'The image'} ${error.message}`);
  }
}

/** Paints planar pixels on a canvas of their size. */
export function paint(canvas, pixels, size) {
  canvas.width = canvas.height = size;
  const view = new ImageData(size, size);
  for (let i = 0; i < size * size; i++) {
    view.data.set([pixels[i], pixels[size * size + i], pixels[2 * size * size + i], 255], 4 * i);
  }
  canvas.getContext('2d').putImageData(view, 0, 0);
}

/** The camera in a video element; returns what stops it. */
export async function openCamera(video) {
  let stream;
  try {
    stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: 'environment' } });
  } catch (error) {
    throw new Error(`The camera cannot be used: ${error.message}`);
  }
  video.srcObject = stream;
  video.hidden = false;
  await video.play();
  return () => {
    stream.getTracks().forEach((track) => track.stop());
    video.srcObject = null;
    video.hidden = true;
  };
}

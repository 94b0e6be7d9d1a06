// Images between files, the camera, the screen and the model.
import { fit, toInput } from './preprocess.mjs';

/** Pixels of an image or video frame as stored: upright, no colour conversion, no premultiplied alpha. */
async function pixelsOf(source) {
  const bitmap = await createImageBitmap(source, { imageOrientation: 'from-image', colorSpaceConversion: 'none', premultiplyAlpha: 'none' });
  const canvas = new OffscreenCanvas(bitmap.width, bitmap.height);
  const context = canvas.getContext('2d', { willReadFrequently: true });
  context.drawImage(bitmap, 0, 0);
  bitmap.close();
  return context.getImageData(0, 0, canvas.width, canvas.height);
}

/**
 * An image as the model takes it, and the pixels of it that the model sees, planar RGB, uint8 [3, image_size, image_size].
 * @param metadata the bundle's metadata.json
 * @returns { input: { name, type, data, dims }, pixels }; throws a readable error where the browser cannot read a file
 */
export async function look(source, metadata) {
  try {
    const { data, width, height } = await pixelsOf(source);
    return { input: toInput(metadata, data, width, height), pixels: fit(data, width, height, metadata.image_size) };
  } catch (error) {
    throw error.name === 'InvalidStateError' ? new Error(`${source.name ?? 'The image'}: not an image that this browser can read.`) : error;
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

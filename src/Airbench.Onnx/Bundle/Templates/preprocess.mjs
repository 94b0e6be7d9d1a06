// An image as the model was trained to see it: S pixels square, triangle filter with antialiasing.
// The same arithmetic as in training, for the browser and for Node.

/** First sample and weights of each of `size` outputs along one axis of `length` samples; none where the output is padding. */
function taps(length, scaled, size) {
  const half = (scaled - size) / 2;
  let margin = Math.round(half);
  if (Math.abs(half % 1) === 0.5 && margin % 2 !== 0) margin -= 1; // half to even
  const step = length / scaled;
  const support = Math.max(step, 1);
  return Array.from({ length: size }, (_, i) => {
    if (margin + i < 0 || margin + i >= scaled) return { first: 0, weights: [] };
    const centre = (margin + i + 0.5) * step;
    const first = Math.max(0, Math.trunc(centre - support + 0.5));
    const end = Math.min(length, Math.trunc(centre + support + 0.5));
    const weights = [];
    for (let k = first; k < end; k++) weights.push(Math.max(0, 1 - Math.abs((k + 0.5 - centre) / support)));
    const total = weights.reduce((a, b) => a + b, 0);
    return { first, weights: weights.map((w) => Math.fround(w / total)) };
  });
}

function separate(rgba, area) {
  const planes = new Uint8Array(3 * area);
  for (let i = 0; i < area; i++) for (let c = 0; c < 3; c++) planes[c * area + i] = rgba[4 * i + c];
  return planes;
}

/**
 * What a model takes of an image, as the bundle's metadata.json says: name, type, data and dims of its input.
 * @param {Uint8Array | Uint8ClampedArray} rgba 4 bytes a pixel, row by row
 */
export function toInput({ image_size: size, fit: how, preprocessing_steps: steps, signature }, rgba, width, height) {
  const { name, type } = signature.inputs[0];
  const [w, h] = steps.resized_inside ? [width, height] : [size, size];
  const planes = steps.resized_inside ? separate(rgba, w * h) : fit(rgba, width, height, size, how);
  const [isBytes, isPlanar] = [type === 'uint8', steps.layout === 'nchw'];
  const data = isBytes ? new Uint8Array(planes.length) : new Float32Array(planes.length);
  for (let i = 0; i < planes.length; i++) {
    data[isPlanar ? i : 3 * (i % (w * h)) + Math.floor(i / (w * h))] = isBytes ? planes[i] : planes[i] / 255;
  }
  return { name, type: isBytes ? 'uint8' : 'float32', data, dims: isPlanar ? [1, 3, h, w] : [1, h, w, 3] };
}

/**
 * Planar RGB, uint8 [3, size, size].
 * @param {Uint8Array | Uint8ClampedArray} rgba 4 bytes a pixel, row by row
 * @param {'crop' | 'pad' | 'stretch'} how short side to size, the centre kept; long side to size, the rest black; or both sides to size
 */
export function fit(rgba, width, height, size, how) {
  if (width === size && height === size) return separate(rgba, size * size);
  const planes = new Uint8Array(3 * size * size);
  const side = how === 'pad' ? Math.max(width, height) : Math.min(width, height);
  const scaled = (length) => (how === 'stretch' ? size : Math.max(1, Math.floor((size * length) / side)));
  const columns = taps(width, scaled(width), size);
  const rows = taps(height, scaled(height), size);
  const top = Math.min(...rows.map((r) => r.first));
  const bottom = Math.max(...rows.map((r) => r.first + r.weights.length));
  const narrow = new Float32Array((bottom - top) * size);
  for (let c = 0; c < 3; c++) {
    for (let y = top; y < bottom; y++) {
      for (let x = 0; x < size; x++) {
        const { first, weights } = columns[x];
        let sum = 0;
        for (let k = 0; k < weights.length; k++) sum = Math.fround(sum + weights[k] * rgba[4 * (y * width + first + k) + c]);
        narrow[(y - top) * size + x] = sum;
      }
    }
    for (let y = 0; y < size; y++) {
      const { first, weights } = rows[y];
      for (let x = 0; x < size; x++) {
        let sum = 0;
        for (let k = 0; k < weights.length; k++) sum = Math.fround(sum + weights[k] * narrow[(first - top + k) * size + x]);
        planes[(c * size + y) * size + x] = Math.min(255, Math.max(0, Math.trunc(sum + 0.5)));
      }
    }
  }
  return planes;
}

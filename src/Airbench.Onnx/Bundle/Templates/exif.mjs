// Images that are stored turned or mirrored, upright.

/** Reads a TIFF directory, the first of a file: (tag, missing) => its first value, or `missing`. EXIF data are a TIFF file without pixels. */
export function directory(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const little = bytes[0] === 0x49;
  const start = bytes.length < 8 ? bytes.length : view.getUint32(4, little);
  const count = start + 2 <= bytes.length ? view.getUint16(start, little) : 0;
  return (tag, missing) => {
    for (let at = start + 2; at + 12 <= bytes.length && at < start + 2 + 12 * count; at += 12) {
      if (view.getUint16(at, little) !== tag) continue;
      const isShort = view.getUint16(at + 2, little) === 3;
      const place = view.getUint32(at + 4, little) * (isShort ? 2 : 4) <= 4 ? at + 8 : view.getUint32(at + 8, little);
      if (place + 4 > bytes.length) return missing;
      return isShort ? view.getUint16(place, little) : view.getUint32(place, little);
    }
    return missing;
  };
}

/** The orientation, 1 to 8, of EXIF data in a PNG or WebP; 1 where they do not say. */
export function orientationOf(exif) {
  if (!exif) return 1;
  const hasMark = String.fromCharCode(...exif.subarray(0, 4)) === 'Exif'; // as in a JPEG
  const value = directory(hasMark ? exif.subarray(6) : exif)(0x0112, 1);
  return value >= 1 && value <= 8 ? value : 1;
}

/** The image of { data, width, height }, 4 bytes a pixel, as it is to be seen. */
export function turn({ data, width, height }, orientation) {
  if (orientation === 1) return { data, width, height };
  const [isTransposed, right, down] = [orientation >= 5, [2, 3, 7, 8].includes(orientation), [3, 4, 6, 7].includes(orientation)];
  const [from, to] = [new Uint32Array(data.buffer, data.byteOffset, width * height), new Uint32Array(width * height)];
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const [u, v] = [right ? width - 1 - x : x, down ? height - 1 - y : y];
      to[isTransposed ? u * height + v : v * width + u] = from[y * width + x];
    }
  }
  const turned = new Uint8ClampedArray(to.buffer);
  return isTransposed ? { data: turned, width: height, height: width } : { data: turned, width, height };
}

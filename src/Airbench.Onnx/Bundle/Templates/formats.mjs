// What an image file is, and whether it is one that is read: by its first bytes and its header, never by its name. For the page and for Node.

const MOST_PIXELS = 100e6;

/** Formats by how files of them begin, as text of one character a byte. */
const READ = {
  JPEG: /^\xff\xd8\xff/, PNG: /^\x89PNG\r\n\x1a\n/, WebP: /^RIFF[^]{4}WEBP/, BMP: /^BM[^]{12}[\x0c-\x7c]\0\0\0/, GIF: /^GIF8[79]a/, ICO: /^\0\0\x01\0/,
  TIFF: /^(II[*+]\0|MM\0[*+])/,
};
const NOT_READ = {
  AVIF: /^[^]{4}ftyp([^]{4}){0,16}?avi[fs]/, HEIC: /^[^]{4}ftyp([^]{4}){0,16}?(hei|hev|mif1|msf1)/, 'JPEG XL': /^(\xff\x0a|\0\0\0\x0cJXL )/,
  'JPEG 2000': /^(\xff\x4f\xff\x51|\0\0\0\x0cjP {2})/, SVG: /^(\xef\xbb\xbf)?\s*(<svg|<\?xml[^]*<svg|<![^]*<svg)/, PDF: /^%PDF/, PSD: /^8BPS/,
  'raw photo': /^(II\*\0[^]{4}CR|IIR[OS]|IIU\0|MMOR|FOVb|FUJIFILM)/, MP4: /^[^]{4}ftyp/,
};
const an = (format) => `${/^[AEIMOSX]/.test(format) ? 'an' : 'a'} ${format} file`;

/** The format of a file, for example 'JPEG'; throws where it is none that is read. */
export function formatOf(bytes) {
  const head = String.fromCharCode(...bytes.subarray(0, 1024));
  const find = (formats) => Object.keys(formats).find((format) => formats[format].test(head));
  const other = find(NOT_READ);
  if (other) throw new Error(`is ${an(other)}, which is not read: convert it to JPEG or PNG`);
  const format = find(READ);
  if (format) return format;
  if (!head) throw new Error('is empty');
  const first = [...bytes.subarray(0, 8)].map((b) => b.toString(16).padStart(2, '0').toUpperCase()).join('');
  throw new Error(`is no image that is read (its first bytes are ${first}; expected ${Object.keys(READ).join(', ')})`);
}

/** Says why a file of a format cannot be decoded. */
export const cutOff = (format) => new Error(`is ${an(format)} that ends too early`);
export const damaged = (format, why) => new Error(`is ${an(format)} that cannot be decoded${why ? ` (${why})` : ''}`);

/** Throws where an image is larger than any that is read, before memory is taken for it. */
export function checkSize(width, height, format) {
  if (!(width > 0 && height > 0)) throw damaged(format, `${width} x ${height} pixels`);
  if (width * height > MOST_PIXELS) throw new Error(`is ${width} x ${height} pixels; at most ${MOST_PIXELS / 1e6} megapixels are decoded`);
}

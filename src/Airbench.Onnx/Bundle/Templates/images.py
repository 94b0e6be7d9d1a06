"""Image files to upright RGB pixels as they are stored: no colour profile, no gamma, alpha dropped. Whole files only."""

import io
import re
import struct
import warnings
import zlib

import numpy as np
from PIL import Image

MOST_PIXELS = 100_000_000
READ = {
    "JPEG": rb"\xff\xd8\xff", "PNG": rb"\x89PNG\r\n\x1a\n", "WebP": rb"RIFF.{4}WEBP", "BMP": rb"BM.{12}[\x0c-\x7c]\0\0\0", "GIF": rb"GIF8[79]a",
    "ICO": rb"\0\0\x01\0", "TIFF": rb"II[*+]\0|MM\0[*+]",
}
NOT_READ = {
    "AVIF": rb".{4}ftyp(.{4}){0,16}?avi[fs]", "HEIC": rb".{4}ftyp(.{4}){0,16}?(hei|hev|mif1|msf1)", "JPEG XL": rb"\xff\x0a|\0\0\0\x0cJXL ",
    "JPEG 2000": rb"\xff\x4f\xff\x51|\0\0\0\x0cjP  ", "SVG": rb"(\xef\xbb\xbf)?\s*(<svg|<\?xml.*<svg|<!.*<svg)", "PDF": rb"%PDF", "PSD": rb"8BPS",
    "raw photo": rb"II\*\0.{4}CR|IIR[OS]|IIU\0|MMOR|FOVb|FUJIFILM", "MP4": rb".{4}ftyp",
}
TURNS = {
    2: [Image.Transpose.FLIP_LEFT_RIGHT], 3: [Image.Transpose.ROTATE_180], 4: [Image.Transpose.FLIP_TOP_BOTTOM], 5: [Image.Transpose.TRANSPOSE],
    6: [Image.Transpose.ROTATE_270], 7: [Image.Transpose.TRANSVERSE], 8: [Image.Transpose.ROTATE_90],
}
Image.MAX_IMAGE_PIXELS = None  # checked here
warnings.filterwarnings("ignore", module="PIL")


class NotRead(Exception):
    """What is wrong with a file; the message goes on after its name."""


def decode(file):
    """The image of a file's bytes, mode RGB; NotRead where it is not one that is read, damaged, or not whole."""
    name = format_of(file)
    try:
        if name == "PNG":
            file = checked_png(file)
        if name == "JPEG" and not has_end(file):
            return decode_without_end(file)
        if name == "WebP" and struct.unpack_from("<I", file, 4)[0] + 8 > len(file):
            break_off(name)
        if name == "BMP" and file[14] >= 40:
            compression = struct.unpack_from("<I", file, 30)[0]
            if compression in (1, 2):
                check_runs(file)
            if compression in (3, 6):
                return decode_masked_bmp(file)
        return decode_whole(file, name)
    except NotRead:
        raise
    except Exception as error:  # the readers of Pillow fail in many ways on damaged files
        early = re.search("truncated|unrecognized data stream|buffer is not large enough|EOF", str(error)) or isinstance(error, (EOFError, struct.error))
        raise NotRead(f"is {an(name)} that {'ends too early' if early else f'cannot be decoded ({error})'}") from None


def fit(image, size, how):
    """As the model was trained to see it: size pixels square; the filter is a triangle that widens where it reduces.

    crop: the short side becomes size, and the centre is kept; pad: the long side does, and the rest is black; stretch: both do.
    """
    if image.size == (size, size):
        return image
    if how == "stretch":
        return resize(image, (size, size))
    whole = max(image.size) if how == "pad" else min(image.size)
    width, height = (max(1, size * side // whole) for side in image.size)
    left, top = round((width - size) / 2), round((height - size) / 2)
    if how == "pad":
        square = Image.new("RGB", (size, size))
        square.paste(resize(image, (width, height)), (-left, -top))
        return square
    across, down = image.width / width, image.height / height
    return resize(image, (size, size), box=(left * across, top * down, (left + size) * across, (top + size) * down))


def resize(image, size, box=None):
    """In floats, rounded once: of bytes Pillow rounds what it has made of the rows before it goes on to the columns."""
    planes = [np.asarray(image.getchannel(c).convert("F").resize(size, Image.BILINEAR, box)) for c in range(3)]
    return Image.fromarray(np.clip(np.stack(planes, -1) + 0.5, 0, 255).astype(np.uint8))


def an(name):
    return f"{'an' if name[0] in 'AEIMOSX' else 'a'} {name} file"


def format_of(file):
    """The format, by the first bytes."""
    for name, start in NOT_READ.items():
        if re.match(start, file[:1024], re.DOTALL):
            raise NotRead(f"is {an(name)}, which is not read: convert it to JPEG or PNG")
    for name, start in READ.items():
        if re.match(start, file[:1024], re.DOTALL):
            return name
    raise NotRead(f"is no image that is read (its first bytes are {file[:8].hex().upper()}; expected {', '.join(READ)})" if file else "is empty")


def check_size(width, height):
    if width * height > MOST_PIXELS:
        raise NotRead(f"is {width} x {height} pixels; at most {MOST_PIXELS // 1_000_000} megapixels are decoded")


def decode_whole(file, name):
    with Image.open(io.BytesIO(file), formats=[name.upper()]) as image:
        width, height = image.size
        check_size(width, height)
        if name == "TIFF":
            check_tiff(file, image)
        image.load()
        if name != "TIFF":  # which Pillow turns itself
            for turn in TURNS.get(exif_orientation(image.info.get("exif")), []):
                image = image.transpose(turn)
        return to_rgb(image)


def to_rgb(image):
    if image.mode.startswith("I"):  # 16-bit grey, which convert() clips
        return Image.fromarray(np.clip(np.asarray(image) // 256, 0, 255).astype(np.uint8)).convert("RGB")
    if image.mode == "CMYK" and image.format == "TIFF":  # the plain product, rounded down as training's decoder does
        left = 255 - np.asarray(image).astype(np.uint16)
        return Image.fromarray((left[..., :3] * left[..., 3:] // 255).astype(np.uint8), "RGB")
    image.info.pop("transparency", None)
    return image.convert("RGB")


def exif_orientation(exif):
    """Of EXIF data alone: Pillow's getexif() would also take what XMP says."""
    try:
        data = Image.Exif()
        mark = b"Exif\0\0"
        data.load(mark + (exif or b"").removeprefix(mark).removeprefix(mark))
        return data.get(0x0112, 1)
    except (OSError, SyntaxError, ValueError, struct.error):
        return 1


def checked_png(file):
    """The chunks that pixels and orientation depend on. Pillow does not look at the checksums of the picture, but at those of all others."""
    kept, at = [file[:8]], 8
    while at + 12 <= len(file):
        length, kind = struct.unpack_from(">I4s", file, at)
        end = at + 12 + length
        checksum = struct.pack(">I", zlib.crc32(file[at + 4 : end - 4]))
        if kind[0] & 0x20 == 0:  # an upper-case letter: the picture depends on it
            if end <= len(file) and checksum != file[end - 4 : end]:
                raise NotRead(f"is a PNG file that cannot be decoded (wrong checksum of {kind.decode('latin-1')})")
            kept.append(file[at:end])
        elif kind == b"eXIf" and end <= len(file):
            kept.append(file[at : end - 4] + checksum)
        at = end
        if kind == b"IEND":
            break
    return b"".join(kept)


def has_end(file):
    """Whether the last marker of a JPEG is there; NotRead where the file is of a kind that is not read, or lacks more than that marker."""
    missing, progressive, at = {}, False, 2  # bits still to come of each component's 64 coefficients
    while at := file.find(b"\xff", at) + 1:
        if at >= len(file):
            break
        marker = file[at]
        if marker == 0xD9:
            return True
        if marker == 0xFF:
            continue  # a fill byte
        at += 1
        if marker <= 0x01 or 0xD0 <= marker <= 0xD8:
            continue  # coded data, or a marker without a segment
        length = int.from_bytes(file[at : at + 2], "big")
        segment = file[at + 2 : at + length]
        if at + max(2, length) > len(file):
            break_off("JPEG")
        at += length
        if marker in (0xC3, 0xC5, 0xC6, 0xC7, 0xCB, 0xCD, 0xCE, 0xCF, 0xF7):
            raise NotRead("is a JPEG file that cannot be decoded (lossless or hierarchical, which is not read)")
        if marker in (0xC0, 0xC1, 0xC2, 0xC9, 0xCA):
            if segment[0] != 8:
                raise NotRead(f"is a JPEG file that cannot be decoded ({segment[0]} bits a sample, of which only 8 are read)")
            progressive = marker in (0xC2, 0xCA)
            missing = {component: [-1] * 64 for component in segment[6::3]}
        elif marker == 0xDA:  # a scan
            behind = 1 + 2 * segment[0]
            first, last, left = (segment[behind], segment[behind + 1], segment[behind + 2] & 15) if progressive else (0, 63, 0)
            for component in segment[1:behind:2]:
                if component in missing:
                    missing[component][first : last + 1] = [left] * (last + 1 - first)
    if not missing or any(left != 0 for bits in missing.values() for left in bits):
        break_off("JPEG")
    return False


def break_off(name):
    raise NotRead(f"is {an(name)} that ends too early")


def decode_without_end(file):
    """Decodes a JPEG with one end and with another: what follows a whole picture changes none of it."""
    try:
        image, other = (decode_whole(file.rstrip(b"\xff") + more + b"\xff\xd9", "JPEG") for more in (b"", b"\xb6" * 64))
    except (OSError, SyntaxError):
        break_off("JPEG")
    if image.tobytes() != other.tobytes():
        break_off("JPEG")
    return image


def check_tiff(file, image):
    """The kinds that every client reads, whole numbers in plain colours; and that what the directory names lies within the file."""
    tag = image.tag_v2.get
    order = "<" if file[:1] == b"I" else ">"
    (directory,) = struct.unpack_from(f"{order}I", file, 4)
    (count,) = struct.unpack_from(f"{order}H", file, directory)
    for at in range(directory + 2, directory + 2 + 12 * count, 12):
        _, kind, number, place = struct.unpack_from(f"{order}HHII", file, at)
        size = number * {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8}.get(kind, 0)
        if size > 4 and place + size > len(file):
            break_off("TIFF")
    if any(place + size > len(file) for place, size in zip(tag(273) or tag(324) or (), tag(279) or tag(325) or ())):
        break_off("TIFF")
    if tag(50706) or tag(254, 0) & 1 or tag(255, 1) == 2:
        raise NotRead("is a TIFF file that is a raw photo, or whose first page is only a preview, which is not read: convert it to PNG")
    bits, kinds = tag(258, (1,)), tag(339, (1,))
    if tag(259, 1) not in (1, 2, 3, 4, 5, 6, 7, 8, 32773, 32946) or tag(262, 1) not in (0, 1, 2, 3, 5, 6):
        raise NotRead(f"is a TIFF file compressed by method {tag(259, 1)} in colour space {tag(262, 1)}, which is not read: convert it to PNG")
    if len(set(bits)) > 1 or bits[0] not in (1, 2, 4, 8, 16) or kinds[0] not in (1, 4):
        raise NotRead(f"is a TIFF file of samples of {bits} bits and kind {kinds}, which is not read: convert it to PNG")


def check_runs(file):
    """Pillow makes up what the runs of a compressed BMP leave out."""
    (start, width, height, bits) = struct.unpack_from("<10xI4xii2xH", file)
    x, y, at, per_byte = 0, 0, start, 8 // bits
    while y < height:
        if at + 2 > len(file):
            if y == height - 1 and x >= width:
                return  # only the mark of the end is missing
            break_off("BMP")
        count, value = file[at : at + 2]
        at += 2
        if count:
            x += count
        elif value > 2:
            used = -(-value // per_byte)
            x, at = x + value, at + used + used % 2
        elif value == 2 or x < width or (value == 1 and y < height - 1):
            raise NotRead("is a BMP file that cannot be decoded (its runs leave pixels out)")
        else:
            x, y = 0, y + 1
        if x >= width + per_byte:
            raise NotRead("is a BMP file that cannot be decoded (its runs go beyond the image)")


def decode_masked_bmp(file):
    """A BMP whose masks say where in a pixel the colours are; Pillow knows the usual ones only."""
    start, width, height, bits, *masks = struct.unpack_from("<10xI4xii2xH24x3I", file)
    if bits not in (16, 32) or width < 1 or height == 0:
        raise NotRead(f"is a BMP file that cannot be decoded ({bits} bits a pixel, {width} x {height} pixels)")
    check_size(width, abs(height))
    row = 4 * -(-width * bits // 32)
    if start + row * abs(height) > len(file):
        break_off("BMP")
    rows = np.frombuffer(file, np.uint8, row * abs(height), start).reshape(abs(height), row)
    pixels = np.ascontiguousarray(rows).view(f"<u{bits // 8}")[:: 1 if height < 0 else -1, :width].astype(np.int64)
    shifts = [(mask & -mask).bit_length() - 1 if mask else 0 for mask in masks]
    colours = [(255 * ((pixels & mask) >> shift) + (mask >> shift) // 2) // max(1, mask >> shift) for mask, shift in zip(masks, shifts)]
    return Image.fromarray(np.stack(colours, -1).astype(np.uint8))

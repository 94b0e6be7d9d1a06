"""Classifies images: pip install -r requirements.txt && python classify.py [MODEL.onnx] IMAGE...   (JPEG, PNG, WebP, BMP, GIF, ICO or TIFF)"""

import json
import sys
from pathlib import Path

import numpy as np
import onnxruntime as ort
from PIL import Image

from images import NotRead, decode

paths = sys.argv[1:]
model = paths.pop(0) if paths and paths[0].endswith(".onnx") else "model.onnx"  # another file of the bundle, such as model.tta.onnx
bundle = Path(__file__).resolve().parents[2]
metadata = json.loads((bundle / "metadata.json").read_text(encoding="utf-8"))
size, classes, steps = metadata["image_size"], metadata["classes"], metadata["preprocessing_steps"]
[images] = metadata["signature"]["inputs"]
session = ort.InferenceSession(str(bundle / model), providers=["CPUExecutionProvider"])


def to_input(image):
    """An image as the model takes it; short side resized and centre cropped where the model does not do so; the model normalizes."""
    if image.size != (size, size) and not steps["resized_inside"]:
        width, height = (size * side // min(image.size) for side in image.size)
        left, top = round((width - size) / 2), round((height - size) / 2)
        image = image.resize((width, height), Image.BILINEAR).crop((left, top, left + size, top + size))
    pixels = np.asarray(image)[np.newaxis]
    if steps["layout"] == "nchw":
        pixels = pixels.transpose(0, 3, 1, 2)
    return pixels if images["type"] == "uint8" else pixels.astype(np.float32) / 255


status = 0
for path in paths:
    try:
        image = decode(Path(path).read_bytes())
    except (NotRead, OSError) as error:
        print(f"{path}: {error}", file=sys.stderr)
        status = 1
        continue
    [probabilities] = session.run(["probabilities"], {images["name"]: to_input(image)})
    print(path)
    for k in probabilities[0].argsort()[::-1][:3]:
        print(f"  {probabilities[0][k]:.4f}  {classes[k]}")
sys.exit(status)

"""Classifies images: pip install -r requirements.txt && python classify.py [MODEL.onnx] IMAGE...   (JPEG, PNG, WebP, BMP, GIF, ICO or TIFF)"""

import json
import sys
from pathlib import Path

import numpy as np
import onnxruntime as ort

from images import NotRead, decode, fit

paths = sys.argv[1:]
model = paths.pop(0) if paths and paths[0].endswith(".onnx") else "model.onnx"  # another file of the bundle, such as model.tta.onnx
bundle = Path(__file__).resolve().parents[2]
metadata = json.loads((bundle / "metadata.json").read_text(encoding="utf-8"))
size, how, classes, steps = metadata["image_size"], metadata["fit"], metadata["classes"], metadata["preprocessing_steps"]
[images] = metadata["signature"]["inputs"]
session = ort.InferenceSession(str(bundle / model), providers=["CPUExecutionProvider"])


def to_input(image):
    """An image as the model takes it; resized where the model does not do so; the model normalizes."""
    pixels = np.asarray(image if steps["resized_inside"] else fit(image, size, how))[np.newaxis]
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

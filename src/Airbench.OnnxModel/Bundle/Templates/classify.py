"""Classifies images: pip install -r requirements.txt && python classify.py IMAGE..."""

import json
import sys
from pathlib import Path

import numpy as np
import onnxruntime as ort
from PIL import Image, ImageOps

bundle = Path(__file__).resolve().parents[2]
metadata = json.loads((bundle / "metadata.json").read_text(encoding="utf-8"))
size, classes = metadata["image_size"], metadata["classes"]
session = ort.InferenceSession(str(bundle / "model.onnx"), providers=["CPUExecutionProvider"])


def load(path):
    """uint8 [1, 3, size, size]: upright RGB, short side resized, centre cropped; the model normalizes."""
    image = ImageOps.exif_transpose(Image.open(path)).convert("RGB")
    if image.size != (size, size):
        width, height = (size * side // min(image.size) for side in image.size)
        left, top = round((width - size) / 2), round((height - size) / 2)
        image = image.resize((width, height), Image.BILINEAR).crop((left, top, left + size, top + size))
    return np.asarray(image).transpose(2, 0, 1)[np.newaxis]


for path in sys.argv[1:]:
    [probabilities] = session.run(["probabilities"], {"images": load(path)})
    print(path)
    for k in probabilities[0].argsort()[::-1][:3]:
        print(f"  {probabilities[0][k]:.4f}  {classes[k]}")

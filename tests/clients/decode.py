"""What the Python sample of a bundle makes of image files: decode.py BUNDLE SIZE FILE...

Prints a line of JSON for each file: its pixels as the model takes them, planar RGB in base64, by crop, pad and stretch one after the other, or why it is refused.
"""

import base64
import json
import sys
from pathlib import Path

import numpy as np

bundle, size, *files = sys.argv[1:]
sys.path.insert(0, str(Path(bundle, "samples", "python")))
sys.dont_write_bytecode = True
images = __import__("images")
for file in files:
    answer = {"file": file}
    try:
        image = images.decode(Path(file).read_bytes())
        fitted = [np.asarray(images.fit(image, int(size), how)).transpose(2, 0, 1) for how in ("crop", "pad", "stretch")]
        answer["pixels"] = base64.b64encode(b"".join(pixels.tobytes() for pixels in fitted)).decode()
    except images.NotRead as error:
        answer["error"] = str(error)
    print(json.dumps(answer))

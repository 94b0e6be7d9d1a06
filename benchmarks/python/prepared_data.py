"""A data set that `airbench prepare` has written, on a device, and its augmentation. Runs on PyTorch 1.13 and later."""

import json
import struct
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F


def read_safetensors(path):
    """Every tensor of the file as a numpy array: 8 bytes header length, JSON header, raw little-endian data."""
    types = {"U8": np.uint8, "I64": np.int64, "F32": np.float32, "F64": np.float64}
    raw = np.fromfile(path, dtype=np.uint8)
    (header_length,) = struct.unpack("<Q", raw[:8].tobytes())
    header = json.loads(raw[8:8 + header_length].tobytes())
    start = 8 + header_length
    tensors = {}
    for name, entry in header.items():
        if name != "__metadata__":
            begin, end = entry["data_offsets"]
            tensors[name] = raw[start + begin:start + end].view(types[entry["dtype"]]).reshape(entry["shape"])
    return tensors


def normalized(images, mean, std, dtype):
    """(N, 3, S, S) in `dtype` of uint8 pixels; mean and std, of pixel / 255, are fp32 (1, 3, 1, 1)."""
    return ((images.float() / 255 - mean) / std).to(dtype)


class Data:
    """A prepared data set on the device: images uint8 (N, 3, S, S), labels int64 (N,), and the normalization constants."""

    def __init__(self, folder, device):
        folder = Path(folder)
        manifest = json.loads((folder / "dataset.json").read_text())
        self.name = manifest["name"]
        self.classes = len(manifest["classes"])
        self.mean = torch.tensor(manifest["mean"], dtype=torch.float32, device=device).view(1, 3, 1, 1)
        self.std = torch.tensor(manifest["std"], dtype=torch.float32, device=device).view(1, 3, 1, 1)
        self.train_images, self.train_labels = self._split(folder / "train.safetensors", device)
        self.test_images, self.test_labels = self._split(folder / "test.safetensors", device)

    @staticmethod
    def _split(path, device):
        tensors = read_safetensors(path)
        return torch.tensor(tensors["images"], device=device), torch.tensor(tensors["labels"], device=device)

    def whitening_images(self, count):
        """The first `count` training images; where they lack a class, since the split is sorted by it, as many from all over the split."""
        total = len(self.train_images)
        used = min(count, total)
        if len(self.train_labels[:used].unique()) == len(self.train_labels.unique()):
            return self.train_images[:used]
        return self.train_images[torch.arange(used, device=self.train_images.device) * total // used]

    def normalize(self, images, dtype):
        return normalized(images, self.mean, self.std, dtype)


def reflect_pad(images, width):
    """PyTorch 1.13 and CPUs pad no bf16 images: there in fp32, with the same result, since padding copies values."""
    native = images.is_cuda and int(torch.__version__.split(".")[0]) >= 2
    padded = F.pad(images if native else images.float(), (width,) * 4, "reflect")
    return padded.to(images.dtype)


def random_crop(padded, size):
    """Cuts a window of size x size at a random place from every image (N, 3, size + 2t, size + 2t); one copy per place, not per image."""
    places = padded.shape[-1] - size + 1
    choice = torch.randint(places * places, (len(padded),), device=padded.device)
    cropped = torch.empty((len(padded), 3, size, size), dtype=padded.dtype, device=padded.device)
    for place in range(places * places):
        chosen = (choice == place).nonzero().squeeze(1)
        top, left = divmod(place, places)
        cropped[chosen] = padded[chosen, :, top:top + size, left:left + size]
    return cropped

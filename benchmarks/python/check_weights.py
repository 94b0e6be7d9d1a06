#!/usr/bin/env python3
"""Recomputes a trained model's reference logits in Python: are TorchSharp's numbers on this machine those of PyTorch?

Reads models/<name>/{model.json,weights.safetensors,reference.safetensors} of an airbench recipe; with --data also compares the whitening
filters with the data. Exit code 1 where they differ by more than the tolerance.
"""

import argparse
import json
import sys
from pathlib import Path

import torch

from network import WHITEN_EPSILON, Net, patch_covariance
from prepared_data import Data, normalized, read_safetensors


def relative(found, expected):
    """Norm of the difference over the norm of `expected`, in float64; NaN stays NaN and so passes no comparison."""
    found, expected = found.double().cpu(), expected.double().cpu()
    return ((found - expected).norm() / expected.norm()).item()


def load(folder):
    """The manifest and the weights by name."""
    manifest = json.loads((folder / "model.json").read_text())
    return manifest, {name: torch.tensor(values) for name, values in read_safetensors(folder / "weights.safetensors").items()}


def network_of(manifest, weights):
    spec = manifest["network"]
    if spec.get("architecture", "airbench") != "airbench":
        raise SystemExit(f"check_weights.py knows the airbench networks; this one is {spec['architecture']}")
    net = Net(len(manifest["classes"]), spec["widths"], spec["logit_scale"], spec["depth"], spec.get("activation", "gelu"), spec["batch_norm_epsilon"])
    missing, unexpected = net.load_state_dict(weights, strict=False)
    missing = [name for name in missing if not name.endswith(("norm1.weight", "norm2.weight", "norm3.weight", "num_batches_tracked"))]
    if missing or unexpected:
        raise SystemExit(f"weights.safetensors does not fit its network: missing {missing}, unexpected {list(unexpected)}")
    return net.eval()


@torch.no_grad()
def check_logits(folder, manifest, weights, device, tolerance):
    reference = {name: torch.tensor(values) for name, values in read_safetensors(folder / "reference.safetensors").items()}
    mean, std = (torch.tensor(manifest["network"][key], dtype=torch.float32, device=device).view(1, 3, 1, 1) for key in ("mean", "std"))
    net = network_of(manifest, weights).to(device)
    logits = net(normalized(reference["images"].to(device), mean, std, torch.float32)).cpu()
    error, largest = relative(reference["logits"], logits), (reference["logits"] - logits).abs().max().item()
    agreed = (reference["logits"].argmax(1) == logits.argmax(1)).sum().item()
    print(f"logits: relative error {error:.2e} (at most {tolerance:.0e}), largest difference {largest:.2e}, same top-1 on {agreed} of {len(logits)}")
    return error <= tolerance


@torch.no_grad()
def check_whitening(manifest, weights, data, tolerance):
    """
    Eigenvectors have no sign and close eigenvalues no order, so what is compared is the sum of f f^T over the filters: twice the inverse of
    the patch covariance plus epsilon.
    """
    count = manifest["recipe"].get("whiten_images", 5000)
    covariance = patch_covariance(data.normalize(data.whitening_images(count), torch.float32)).cpu()
    filters = weights["whiten.weight"].reshape(24, 12).double()
    error = relative(filters.T @ filters, 2 * torch.linalg.inv(covariance + WHITEN_EPSILON * torch.eye(12, dtype=torch.float64)))
    print(f"whitening: relative error {error:.2e} (at most {tolerance:.0e})")
    return error <= tolerance


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", required=True, type=Path, help="folder of a trained model")
    parser.add_argument("--data", type=Path, help="folder of the data set that it was trained on")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--tolerance", type=float, default=1e-4, help="relative error of the logits; fp32 lands far below")
    args = parser.parse_args()
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
    device = torch.device(args.device)
    manifest, weights = load(args.model)
    passed = check_logits(args.model, manifest, weights, device, args.tolerance)
    if args.data:
        # Looser: the filters are stored in fp32, or bf16, and their smallest eigenvalue is the most uncertain one.
        passed &= check_whitening(manifest, weights, Data(args.data, device), 2e-2 if manifest["precision"].endswith("_weights") else 1e-3)
    sys.exit(0 if passed else "the numbers differ: do not trust a comparison of speeds on this machine before that is explained")


if __name__ == "__main__":
    main()

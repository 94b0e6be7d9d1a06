#!/usr/bin/env python3
"""Repeats a short training of `airbench train` in PyTorch and compares the trained weights: forward, backward, optimizer and Lookahead.

The training must be free of chance: whole training set in one batch, no flips, no translation, fp32:
    airbench train --dataset D --precision fp32 --batch-size <all> --epochs 5 --flip none --translate 0 --runs 1 --name check
The initial weights come from the seed: both programs draw them from PyTorch's CPU generator in the same order. Training amplifies rounding (a
max pool that takes the other of two equal pixels sends a gradient elsewhere), so the limit is measured: PyTorch trains three times more, with
the images in another order and the weights changed in the seventh digit (on CUDA also in TF32, as `airbench train` does), and ours may differ from
the undisturbed training by so many times as much as the farthest of these.
"""

import argparse
import math
import statistics
import sys
from pathlib import Path

import torch

import airbench94
from check_weights import load, relative
from prepared_data import Data

FLOOR = 2e-3   # relative error that is always allowed: fp32 over a few steps


def initial_weights(manifest, trained):
    """The weights that training started from, by name; whitening filters, which training keeps, from the trained ones."""
    generator = torch.Generator().manual_seed(manifest["seed"])
    drawn = {}
    for name, values in trained.items():   # the file is in layer order, the order of drawing
        if name.endswith(".weight"):
            fan_in = math.prod(values.shape[1:])
            weight = (torch.rand(values.shape, generator=generator) * 2 - 1) / math.sqrt(fan_in)
            if ".conv" in name:
                torch.nn.init.dirac_(weight[:min(values.shape[:2])])
            drawn[name] = weight
        else:
            drawn[name] = torch.ones_like(values) if name.endswith(".running_var") else torch.zeros_like(values)
    drawn["whiten.weight"] = trained["whiten.weight"]
    return drawn


def expect(found, expected, what):
    if found != expected:
        raise SystemExit(f"the model was trained with {what} {found}; this check needs {expected}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", required=True, type=Path)
    parser.add_argument("--data", required=True, type=Path)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--factor", type=float, default=3, help="times the difference between PyTorch's own trainings")
    args = parser.parse_args()
    manifest, trained = load(args.model)
    recipe = manifest["recipe"]
    data = Data(args.data, torch.device(args.device))
    count = len(data.train_labels)
    for key, expected in dict(name="airbench94", flip="none", translate=0, batch_size=count).items():
        expect(recipe[key], expected, key)
    expect(manifest["precision"], "fp32", "precision")

    initial = initial_weights(manifest, trained)
    settings = airbench94.arguments(["--data", str(args.data), "--device", args.device, "--batch", str(count), "--epochs", str(recipe["epochs"]),
                                     "--no-augment", "--widths", *map(str, recipe["widths"])])

    def train(order_seed, tf32, disturbance):
        torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = tf32
        noise = torch.Generator().manual_seed(order_seed)
        start = {name: values + disturbance * values.abs().mean() * torch.randn(values.shape, generator=noise)
                 if name.endswith("weight") and name != "whiten.weight" else values for name, values in initial.items()}
        net, run = airbench94.train(settings, data, order_seed, data.train_labels, initial=start)
        return {name: values.cpu() for name, values in net.state_dict().items()}, run

    plain, run = train(1, tf32=False, disturbance=0)
    learned = [name for name in trained if name != "whiten.weight"]

    def change_error(weights):
        return {name: relative(weights[name] - initial[name], plain[name] - initial[name]) for name in learned}

    disturbed = [change_error(train(seed, tf32=tf32, disturbance=1e-6)[0]) for seed, tf32 in ((2, True), (3, False), (4, True))]
    ours, rounding = change_error(trained), {name: max(errors[name] for errors in disturbed) for name in learned}
    excess = {name: ours[name] / (args.factor * rounding[name] + FLOOR) for name in learned}
    worst = max(learned, key=lambda name: excess[name] if math.isfinite(excess[name]) else math.inf)
    print(f"training: {run['steps']} steps, loss {run['first_loss']:.4f} -> {run['last_loss']:.4f}; relative error of each tensor's change: "
          f"median {statistics.median(ours.values()):.1e} ours, {statistics.median(rounding.values()):.1e} PyTorch disturbed;\n"
          f"  nearest its limit: {worst}, {ours[worst]:.1e} of at most {args.factor * rounding[worst] + FLOOR:.1e}")
    sys.exit(0 if all(value <= 1 for value in excess.values())
             else "the trainings differ: forward, backward or optimizer do not compute on this machine what PyTorch computes")


if __name__ == "__main__":
    main()

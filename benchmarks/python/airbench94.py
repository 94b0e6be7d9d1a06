#!/usr/bin/env python3
"""The recipes airbench94 and airbench94_muon (K. Jordan, arXiv:2404.00498) in plain PyTorch, eager or compiled: the peer of `airbench train`.

Reads the same prepared data (data/<name>/{train,test}.safetensors and dataset.json), follows the same hyperparameters and measures by the
same protocol, so that seconds and accuracies can be set side by side. Runs on PyTorch 1.13 and later, on CPU and CUDA; needs numpy and torch.
"""

import argparse
import json
import math
import statistics
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Optional

import torch
import torch.nn.functional as F
from torch import nn

from network import Net
from optimizers import Lookahead, Muon, sgd
from prepared_data import Data, random_crop, reflect_pad

WIDTHS = (64, 256, 256)
LABEL_SMOOTHING = 0.2
MOMENTUM = 0.85
WHITEN_BIAS_EPOCHS = 3
WHITEN_IMAGES = 5000
TRANSLATE = 2

# name: type of activations and products, type in which weights are kept
PRECISIONS = {
    "fp32": (torch.float32, torch.float32),
    "bf16": (torch.bfloat16, torch.float32),
    "fp16": (torch.float16, torch.float32),
    "bf16_weights": (torch.bfloat16, torch.bfloat16),
    "fp16_weights": (torch.float16, torch.float16),
}


@dataclass(frozen=True)
class Recipe:
    epochs: float
    batch: int
    muon: bool
    logit_scale: Optional[float]   # None: 1 / last width


RECIPES = {
    "airbench94": Recipe(epochs=9.9, batch=1024, muon=False, logit_scale=1 / 9),
    "airbench94_muon": Recipe(epochs=8, batch=2000, muon=True, logit_scale=None),
}


def triangular(step, total, start, peak, end):
    """Factor on the learning rate: from `start` to 1 at the share `peak` of the steps, then to `end`."""
    corner = int(peak * total)
    return start + (1 - start) * step / corner if step < corner else 1 + (end - 1) * (step - corner) / max(1, total - corner)


class SgdRecipe:
    """airbench94: one Nesterov SGD with decoupled hyperparameters, batch-norm biases 64 times faster, and Lookahead."""

    LR_1024, WEIGHT_DECAY_1024, BIAS_SCALER = 11.5, 0.0153, 64

    def __init__(self, net, batch, total, whiten_steps, device):
        kilostep = 1024 * (1 + 1 / (1 - MOMENTUM))
        lr, decay = self.LR_1024 / kilostep, self.WEIGHT_DECAY_1024 * batch / kilostep
        biases = [m.bias for m in net.modules() if isinstance(m, nn.BatchNorm2d)]
        fast = {id(p) for p in biases}
        others = [p for p in net.parameters() if p.requires_grad and id(p) not in fast]
        groups = [dict(params=p, lr=r, weight_decay=decay / r) for p, r in ((biases, lr * self.BIAS_SCALER), (others, lr))]
        self.sgd, self.form = sgd(groups, MOMENTUM, device)
        self.total, self.lookahead = total, None

    def begin(self, net):
        self.lookahead = Lookahead(net)   # only now: its slow copy has to start with the whitening filters

    def zero_grad(self):
        self.sgd.zero_grad(set_to_none=True)

    def step(self, step):
        for group in self.sgd.param_groups:
            group["lr"] = group["initial_lr"] * triangular(step, self.total, 0.2, 0.23, 0.07)
        self.sgd.step()
        if (step + 1) % Lookahead.EVERY == 0:
            self.lookahead.update(Lookahead.DECAY * ((step + 1) / self.total) ** 3)

    def finish(self):
        self.lookahead.update(1.0)


class MuonRecipe:
    """airbench94_muon: Muon for the 3x3 convolutions, Nesterov SGD for the rest; every rate falls linearly to 0, the whitening bias's over its own epochs."""

    LR, MU, BIAS_LR, HEAD_LR, WEIGHT_DECAY = 0.24, 0.6, 0.053, 0.67, 2e-6

    def __init__(self, net, batch, total, whiten_steps, device):
        biases = [m.bias for m in net.modules() if isinstance(m, nn.BatchNorm2d)]
        rated = (([net.whiten.bias], self.BIAS_LR), (biases, self.BIAS_LR), ([net.head.weight], self.HEAD_LR))
        self.sgd, self.form = sgd([dict(params=p, lr=r, weight_decay=self.WEIGHT_DECAY * batch / r) for p, r in rated], MOMENTUM, device)
        self.muon = Muon((p for p in net.parameters() if p.requires_grad and p.dim() == 4), self.LR, self.MU)
        self.total, self.whiten_steps = total, whiten_steps

    def begin(self, net):
        pass

    def zero_grad(self):
        self.sgd.zero_grad(set_to_none=True)
        self.muon.zero_grad()

    def step(self, step):
        factor = 1 - step / self.total
        for i, group in enumerate(self.sgd.param_groups):
            group["lr"] = group["initial_lr"] * (max(0.0, 1 - step / self.whiten_steps) if i == 0 else factor)
        self.sgd.step()
        self.muon.step(factor)

    def finish(self):
        pass


def mirrored(net, x):
    return (net(x) + net(x.flip(-1))) / 2


def mirrored_and_translated(net, x):
    size = x.shape[-1]
    padded = reflect_pad(x, 1)
    shifted = [mirrored(net, padded[:, :, at:at + size, at:at + size].contiguous()) for at in (0, 2)]
    return (mirrored(net, x) + (shifted[0] + shifted[1]) / 2) / 2


@torch.no_grad()
def accuracy(net, images, labels, view, memory_format):
    net.eval()
    hits = sum((view(net, x.contiguous(memory_format=memory_format)).argmax(1) == y).sum()
               for x, y in zip(images.split(2000), labels.split(2000)))
    return hits.item() / len(labels)


class Clock:
    """Marks moments: the device's own (events) on CUDA, so that no step waits for the one before, wall clock on the CPU."""

    def __init__(self, device):
        self.cuda = device.type == "cuda"

    def mark(self):
        if not self.cuda:
            return time.perf_counter()
        event = torch.cuda.Event(enable_timing=True)
        event.record()
        return event

    def seconds(self, begin, end):
        return begin.elapsed_time(end) / 1000 if self.cuda else end - begin

    def now(self):
        """The wall clock, once the device has done all it was given."""
        if self.cuda:
            torch.cuda.synchronize()
        return time.perf_counter()


def create(args, recipe, data, device, memory_format, initial):
    """The network with fresh weights, or with those of `initial` (by name)."""
    net = Net(data.classes, args.widths, recipe.logit_scale or 1 / args.widths[-1])
    if recipe.muon:
        net.head.weight.data /= net.head.weight.data.std()
    else:
        nn.init.zeros_(net.whiten.bias)
    if initial is not None:
        net.load_state_dict(initial, strict=False)
    net = net.to(device).to(memory_format=memory_format)
    net.keep_weights_in(PRECISIONS[args.precision][1])
    return net


compiled_networks = {}   # by mode


def compiled(args, net):
    """
    The network to train, and what to call for its logits. Compiling takes a minute, so one compiled network serves all runs, and takes the
    fresh weights of `net`. With CUDA graphs its next call overwrites the logits; hence the copy.
    """
    if not args.compile:
        return net, net
    if args.compile not in compiled_networks:
        compiled_networks[args.compile] = net, torch.compile(net, mode=args.compile, dynamic=False)
    kept, call = compiled_networks[args.compile]
    if kept is not net:
        kept.load_state_dict(net.state_dict())
        for parameter, fresh in zip(kept.parameters(), net.parameters()):
            parameter.requires_grad_(fresh.requires_grad)
    return kept, lambda x: call(x).clone()


def train(args, data, seed, labels, last_step=None, initial=None):
    """
    One run. Returns the network and its measurements; stops after `last_step` steps of the schedule if given. `initial`: weights by name to
    start from; with whiten.weight among them the whitening is not computed.
    """
    torch.manual_seed(seed)
    recipe, device, dtype = RECIPES[args.recipe], data.train_images.device, PRECISIONS[args.precision][0]
    memory_format = torch.channels_last if args.channels_last else torch.contiguous_format
    count, size, batch_size = len(labels), data.train_images.shape[-1], args.batch or recipe.batch
    per_epoch = count // batch_size
    if per_epoch == 0:
        raise SystemExit(f"the training split has {count} images; expected at least one batch of {batch_size}")
    total = math.ceil((args.epochs or recipe.epochs) * per_epoch)
    last_step = min(total, last_step or total)
    whiten_steps = math.ceil(WHITEN_BIAS_EPOCHS * per_epoch)
    net, call = compiled(args, create(args, recipe, data, device, memory_format, initial))
    optimizer = (MuonRecipe if recipe.muon else SgdRecipe)(net, batch_size, total, whiten_steps, device)
    clock, step, marks, losses = Clock(device), 0, [], []

    started = clock.now()
    if initial is None or "whiten.weight" not in initial:
        net.set_whitening(data.normalize(data.whitening_images(WHITEN_IMAGES), torch.float32))
    optimizer.begin(net)
    images = data.normalize(data.train_images, dtype)
    if not args.no_augment:
        flipped = torch.rand(count, device=device) < 0.5
        images[flipped] = images[flipped].flip(-1)
        padded = reflect_pad(images, TRANSLATE)
    net.train()
    for epoch in range(math.ceil(last_step / per_epoch)):
        if not args.no_augment:
            images = random_crop(padded, size)
            if epoch % 2 == 1:
                images = images.flip(-1)
        images = images.contiguous(memory_format=memory_format)
        order = torch.randperm(count, device=device)
        for batch in order[:per_epoch * batch_size].split(batch_size):
            if step == last_step:
                break
            begin = clock.mark()
            if step == whiten_steps:
                net.whiten.bias.requires_grad_(False)
            optimizer.zero_grad()
            x = images[batch].contiguous(memory_format=memory_format)
            loss = F.cross_entropy(call(x), labels[batch], label_smoothing=LABEL_SMOOTHING, reduction="sum")
            loss.backward()
            optimizer.step(step)
            step += 1
            marks.append((begin, clock.mark()))
            losses.append(loss.detach() / batch_size)
    optimizer.finish()
    trained = clock.now()
    tested = data.normalize(data.test_images, dtype)
    tta = accuracy(net, tested, data.test_labels, lambda _, x: mirrored_and_translated(call, x), memory_format)
    ended = clock.now()

    steps = [clock.seconds(*mark) for mark in marks]
    losses = [loss.item() for loss in losses]
    if not all(map(math.isfinite, losses)):
        raise SystemExit(f"seed {seed}: the loss is not finite after {next(i for i, loss in enumerate(losses) if not math.isfinite(loss))} steps")
    return net, dict(
        seed=seed, steps=step, total_steps=total, optimizer_form=optimizer.form,
        step_seconds_median=statistics.median(steps), step_seconds_mean=statistics.fmean(steps),
        train_seconds=trained - started, airbench_seconds=ended - started,
        accuracy_plain=accuracy(net, tested, data.test_labels, lambda n, x: n(x), memory_format), accuracy_tta=tta,
        first_loss=losses[0], last_loss=losses[-1])


def arguments(given=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", required=True, help="folder of a prepared data set")
    parser.add_argument("--recipe", choices=RECIPES, default="airbench94")
    parser.add_argument("--steps", type=int, help="stop after so many steps of the full schedule (for timing)")
    parser.add_argument("--epochs", type=float, help="length of the schedule; the recipe's by default")
    parser.add_argument("--batch", type=int, help="images a step; the recipe's by default")
    parser.add_argument("--precision", choices=PRECISIONS, default="fp32",
                        help="type of activations and products; batch norm, loss and head stay fp32, weights too without _weights")
    parser.add_argument("--compile", metavar="MODE", help="compile the network, by this mode of torch.compile: default, max-autotune, ...; otherwise eager")
    parser.add_argument("--channels-last", action=argparse.BooleanOptionalAction, default=True)
    parser.add_argument("--no-augment", action="store_true", help="no translation and no flips")
    parser.add_argument("--widths", type=int, nargs=3, default=WIDTHS, metavar="W", help="channels of the three groups")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--runs", type=int, default=1, help="seeds seed, seed + 1, ...")
    parser.add_argument("--warmup-steps", type=int,
                        help="untimed steps on random labels before the first run; by default a whole run on CUDA and 3 steps on the CPU")
    parser.add_argument("--threads", type=int, help="CPU threads; PyTorch's choice by default")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--json", type=Path, help="write all results to this file")
    args = parser.parse_args(given)
    if args.runs < 1 or any(number is not None and number <= 0 for number in (args.steps, args.epochs, args.batch)):
        parser.error("--runs, --epochs, --batch and --steps must be positive")
    if args.compile and not hasattr(torch, "compile"):
        parser.error(f"--compile needs PyTorch 2; this is {torch.__version__}")
    if args.precision.startswith("fp16") and not args.device.startswith("cuda"):
        parser.error(f"--precision {args.precision} needs a CUDA device")
    return args


def prepare_device(args):
    """What a careful user sets: autotuned cuDNN, TF32 where fp32 products remain."""
    if args.threads:
        torch.set_num_threads(args.threads)
    torch.backends.cudnn.benchmark = True
    torch.backends.cuda.matmul.allow_tf32 = True
    torch.backends.cudnn.allow_tf32 = True
    device = torch.device(args.device)
    return device, torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu"


def summary(values):
    return dict(mean=statistics.fmean(values), sd=statistics.stdev(values) if len(values) > 1 else None, n=len(values))


def main():
    args = arguments()
    device, device_name = prepare_device(args)
    data = Data(args.data, device)
    print(f"{args.recipe}: torch {torch.__version__}, {device_name}, {torch.get_num_threads()} threads, {args.precision}, "
          f"{'compiled (' + args.compile + ')' if args.compile else 'eager'}, {'channels_last' if args.channels_last else 'channels_first'}, {len(data.train_labels)} train, {len(data.test_labels)} test")
    warmup = args.warmup_steps if args.warmup_steps is not None else None if device.type == "cuda" else 3
    if warmup != 0:
        random_labels = torch.randint(data.classes, data.train_labels.shape, device=device)
        train(args, data, args.seed, random_labels, warmup or args.steps)

    results = []
    for seed in range(args.seed, args.seed + args.runs):
        _, run = train(args, data, seed, data.train_labels, args.steps)
        results.append(run)
        print(f"seed {seed}: {run['steps']} of {run['total_steps']} steps, {run['step_seconds_median']:.4f} s median and "
              f"{run['step_seconds_mean']:.4f} s mean per step, "
              f"training {run['train_seconds']:.2f} s, airbench {run['airbench_seconds']:.2f} s, "
              f"loss {run['first_loss']:.3f} -> {run['last_loss']:.3f}, "
              f"accuracy {run['accuracy_plain']:.4f} plain, {run['accuracy_tta']:.4f} mirror_translate", flush=True)
    totals = {key: summary([run[key] for run in results]) for key in ("airbench_seconds", "accuracy_plain", "accuracy_tta")}
    for key, total in totals.items():
        print(f"{key}: mean {total['mean']:.4f}, sd {'-' if total['sd'] is None else format(total['sd'], '.4f')}, n = {total['n']}")
    if args.json:
        settings = {key: value for key, value in vars(args).items() if key != "json"}
        args.json.write_text(json.dumps(dict(torch=torch.__version__, device_name=device_name, threads=torch.get_num_threads(),
                                             settings=settings, summary=totals, runs=results), indent=2) + "\n")


if __name__ == "__main__":
    main()

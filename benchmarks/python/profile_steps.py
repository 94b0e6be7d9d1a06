#!/usr/bin/env python3
"""Training steps of airbench94 in PyTorch under its profiler: time by kernel, launches a step, and the share of a step in which the GPU has no work.

All steps train on one batch, so that only the step itself is seen. The share is taken of the wall time of undisturbed steps, as profiling slows
the host; kernels that overlap count once.
"""

import argparse
import time

import torch
import torch.nn.functional as F

import airbench94
from prepared_data import Data

SHOWN = 30


def make_step(args, data):
    recipe, device, dtype = airbench94.RECIPES[args.recipe], data.train_images.device, airbench94.PRECISIONS[args.precision][0]
    net = airbench94.create(args, recipe, data, device, torch.channels_last, None)
    optimizer = (airbench94.MuonRecipe if recipe.muon else airbench94.SgdRecipe)(net, recipe.batch, 400, 120, device)
    optimizer.begin(net)
    net.train()
    _, model = airbench94.compiled(args, net)
    labels = data.train_labels[:recipe.batch]
    x = data.normalize(data.train_images[:recipe.batch], dtype).contiguous(memory_format=torch.channels_last)

    def step(i):
        optimizer.zero_grad()
        loss = F.cross_entropy(model(x), labels, label_smoothing=airbench94.LABEL_SMOOTHING, reduction="sum")
        loss.backward()
        optimizer.step(i)

    return step


def busy(intervals):
    """Length of the union of (begin, end)."""
    total, until = 0.0, float("-inf")
    for begin, end in sorted(intervals):
        total += max(0.0, end - max(begin, until))
        until = max(until, end)
    return total


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--profiled", type=int, default=20, help="steps under the profiler, after as many without; other options as of airbench94.py")
    own, rest = parser.parse_known_args()
    args = airbench94.arguments(rest)
    device, name = airbench94.prepare_device(args)
    is_cuda = device.type == "cuda"
    step = make_step(args, Data(args.data, device))
    synchronize = torch.cuda.synchronize if is_cuda else lambda: None

    for i in range(10 if is_cuda else 1):
        step(i)
    synchronize()
    begin = time.perf_counter()
    for i in range(own.profiled):
        step(i)
    handed_over = time.perf_counter()
    synchronize()
    wall, host = (time.perf_counter() - begin) / own.profiled, (handed_over - begin) / own.profiled
    print(f"{args.recipe} {args.precision} on {name}: {wall * 1e3:.3f} ms a step, of which the host needs {host * 1e3:.3f} ms to hand it over")

    activities = [torch.profiler.ProfilerActivity.CPU] + ([torch.profiler.ProfilerActivity.CUDA] if is_cuda else [])
    with torch.profiler.profile(activities=activities) as profile:
        for i in range(own.profiled):
            step(i)
        synchronize()
    if not is_cuda:
        print(profile.key_averages().table(sort_by="self_cpu_time_total", row_limit=10))
        return
    kernels = {}
    events = [event for event in profile.events()
              if event.device_type == torch.autograd.DeviceType.CUDA and not event.name.startswith("Optimizer.")]   # an annotation, not a kernel
    for event in events:
        kernels.setdefault(event.name, []).append(event.time_range.elapsed_us())
    together = busy((event.time_range.start, event.time_range.end) for event in events) / own.profiled / 1e3
    print(f"{len(events) / own.profiled:.0f} launches a step, {together:.3f} ms of kernels: the GPU is idle for {1 - together / wall / 1e3:.1%} of a step")
    total = sum(map(sum, kernels.values()))
    for kernel, times in sorted(kernels.items(), key=lambda row: -sum(row[1]))[:SHOWN]:
        print(f"{sum(times) / own.profiled:9.1f} us a step  {sum(times) / total:6.1%}  {len(times) / own.profiled:5.1f} x {sum(times) / len(times):8.1f} us  {kernel[:140]}")


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""The kernels of a list of launches that Nsight Compute wrote (ncu --metrics gpu__time_duration.sum --csv --page raw), by their time together."""

import csv
import sys
from collections import defaultdict

SHOWN = 30
UNITS = {"ns": 1e-3, "nsecond": 1e-3, "us": 1, "usecond": 1, "ms": 1e3, "msecond": 1e3}   # to microseconds


def launches(path):
    """(kernel, microseconds) of every launch, in order. What the program itself printed stands before the table."""
    with open(path, newline="", encoding="utf-8", errors="replace") as file:
        lines = file.readlines()
    start = next((i for i, line in enumerate(lines) if line.startswith('"ID"')), None)
    if start is None:
        raise SystemExit(f"{path} has no table of ncu")
    rows = csv.DictReader(line for line in lines[start:] if line.startswith('"'))
    units = next(rows)   # the row below the names
    time = next(name for name in units if name.startswith("gpu__time_duration"))
    for row in rows:
        yield row["Kernel Name"], float(row[time].replace(",", "")) * UNITS[units[time]]


def main():
    kernels, order = defaultdict(list), []
    for name, microseconds in launches(sys.argv[1]):
        kernels[name].append(microseconds)
        order.append((name, microseconds))
    total = sum(microseconds for _, microseconds in order)
    print(f"{len(order)} launches, {total / 1000:.2f} ms of kernels")
    for name, times in sorted(kernels.items(), key=lambda row: -sum(row[1]))[:SHOWN]:
        print(f"{sum(times):10.0f} us  {sum(times) / total:6.1%}  {len(times):4} x {sum(times) / len(times):8.1f} us  {name[:140]}")
    print("in order:")
    for name, microseconds in order[:200]:
        print(f"{microseconds:8.1f} us  {name[:100]}")


if __name__ == "__main__":
    main()

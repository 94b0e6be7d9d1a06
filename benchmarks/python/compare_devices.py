#!/usr/bin/env python3
"""What ONNX Runtime computes on two devices: labels and speeds of evaluations, or the losses of two trainings. Needs no packages."""

import argparse
import csv
import json
import sys
from pathlib import Path


def labels(folder):
    """The predicted class of every image, by its index."""
    with open(folder / "predictions.csv", newline="", encoding="utf-8") as file:
        return {row["index"]: row["predicted"] for row in csv.DictReader(file)}


def compare_evaluations(folder, first, strict, most):
    """A line an evaluation; False where `strict` gives other labels than `first` for more than `most` images."""
    rows = {path.name: (labels(path), json.loads((path / "metrics.json").read_text())) for path in sorted(folder.iterdir()) if path.is_dir()}
    if first not in rows:
        raise SystemExit(f"{folder} has no {first} to compare with")
    expected, passed = rows[first][0], True
    for name, (found, metrics) in sorted(rows.items(), key=lambda row: row[0] != first):
        differing = sum(found.get(index) != label for index, label in expected.items())
        settings = metrics["settings"]
        print(f"{name:20} {metrics['provider']:22} {metrics['tta']:17} batch {settings['batch_size']:5}  {metrics['images_per_second']:10,.0f} images/s  "
              f"{metrics['accuracy']:7.2%}  {differing:5} of {len(expected)} labels differ from {first}  {settings['provider_options']}")
        passed &= name != strict or differing <= most
    return passed


def curve(path):
    with open(path, newline="", encoding="utf-8") as file:
        return [float(row["train_loss"]) for row in csv.DictReader(file) if row["train_loss"]]


def compare_curves(paths, most):
    first, second = map(curve, paths)
    differences = [abs(a - b) for a, b in zip(first, second)]
    print(f"{len(differences)} losses: {first[0]:.4f} -> {first[-1]:.4f} and {second[0]:.4f} -> {second[-1]:.4f}; greatest difference {max(differences):.2e} "
          f"at step {differences.index(max(differences)) + 1}, at most {most:.0e}")
    print("every tenth: " + ", ".join(f"{a:.5f}/{b:.5f}" for a, b in list(zip(first, second))[::10]))
    return len(first) == len(second) and max(differences) <= most


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--evaluations", type=Path, help="folder of folders that `airbench evaluate` wrote")
    source.add_argument("--curves", type=Path, nargs=2, metavar="CURVE.CSV", help="the losses of two trainings")
    parser.add_argument("--first", help="the evaluation that the others are compared with")
    parser.add_argument("--strict", help="the evaluation that has to give the same labels")
    parser.add_argument("--most", type=float, default=0, help="labels, or loss, that may differ")
    args = parser.parse_args()
    passed = compare_evaluations(args.evaluations, args.first, args.strict, args.most) if args.evaluations else compare_curves(args.curves, args.most)
    sys.exit(0 if passed else "the devices differ by more than that")


if __name__ == "__main__":
    main()

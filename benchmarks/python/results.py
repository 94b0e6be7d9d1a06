#!/usr/bin/env python3
"""Collects runs of `airbench train` and airbench94.py, one a line, and sets them side by side as JSON and as a Markdown table.

Rounds alternate the programs, so a ratio is taken round by round: its mean is geometric and its 95% interval Student's on the logarithms.
"""

import argparse
import csv
import json
import math
import statistics
from pathlib import Path

# Student's t, 97.5%, by degrees of freedom (any table of the t distribution); beyond, the value for 30 is slightly too wide.
STUDENT = dict(enumerate((12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160, 2.145, 2.131, 2.120, 2.110, 2.101,
                          2.093, 2.086, 2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045, 2.042), start=1))


def from_airbench(model):
    """The last run of a trained model's folder: with several, the ones before it warmed the device up."""
    with open(model / "runs.csv", newline="", encoding="utf-8") as file:
        row = list(csv.DictReader(file))[-1]
    manifest = json.loads((model / "model.json").read_text())
    return dict(program="airbench", recipe=manifest["recipe"]["name"], precision=manifest["precision"], device=manifest["device"],
                versions=manifest["versions"], seed=int(row["seed"]), steps=int(row["steps"]), seconds=float(row["train_seconds"]),
                accuracy_plain=float(row["accuracy_plain"]), accuracy_tta=float(row["accuracy_tta"]))


def from_python(path):
    report = json.loads(path.read_text())
    run, settings = report["runs"][-1], report["settings"]
    return dict(program="python", recipe=settings["recipe"], precision=settings["precision"], device=f"{settings['device']} {report['device_name']}",
                versions=dict(torch=report["torch"]), seed=run["seed"], steps=run["steps"], seconds=run["airbench_seconds"],
                accuracy_plain=run["accuracy_plain"], accuracy_tta=run["accuracy_tta"])


def spread(values):
    return dict(mean=statistics.fmean(values), sd=statistics.stdev(values) if len(values) > 1 else None, n=len(values))


def ratio(ours, theirs):
    """Ours over theirs, in rounds that both finished."""
    rounds = sorted(set(ours) & set(theirs))
    logs = [math.log(ours[i] / theirs[i]) for i in rounds]
    if not logs:
        return None
    mean = statistics.fmean(logs)
    if len(logs) == 1:
        return dict(ratio=math.exp(mean), low95=None, high95=None, n=1)
    half = STUDENT[min(len(logs) - 1, 30)] * statistics.stdev(logs) / math.sqrt(len(logs))
    return dict(ratio=math.exp(mean), low95=math.exp(mean - half), high95=math.exp(mean + half), n=len(logs))


def compare(runs):
    """One row a recipe, program and precision; Python's rows carry the ratio of ours to them."""
    kinds = list(dict.fromkeys((run["recipe"], run["program"], run["precision"]) for run in runs))
    rows = []
    for recipe, program, precision in sorted(kinds, key=lambda kind: (kind[0], kind[1], kind[2])):
        own = [run for run in runs if (run["recipe"], run["program"], run["precision"]) == (recipe, program, precision)]
        row = dict(recipe=recipe, program=program, precision=precision, steps=own[0]["steps"], seconds=spread([run["seconds"] for run in own]),
                   accuracy_plain=spread([run["accuracy_plain"] for run in own]), accuracy_tta=spread([run["accuracy_tta"] for run in own]))
        if program == "python":
            ours = {run["round"]: run["seconds"] for run in runs if (run["recipe"], run["program"]) == (recipe, "airbench")}
            row["airbench_over_this"] = ratio(ours, {run["round"]: run["seconds"] for run in own})
        rows.append(row)
    return rows


def markdown(rows):
    def pair(value, form):
        return form(value["mean"]) + (f" (sd {form(value['sd'])})" if value["sd"] is not None else "")

    def interval(value):
        if value is None:
            return "-"
        return f"{value['ratio']:.3f}" + (f" ({value['low95']:.3f} to {value['high95']:.3f})" if value["low95"] is not None else "")

    lines = ["| recipe | program | precision | steps | n | seconds | accuracy with TTA | plain | airbench / this, seconds |",
             "|---|---|---|---:|---:|---:|---:|---:|---:|"]
    for row in rows:
        cells = (row["recipe"], row["program"], row["precision"], row["steps"], row["seconds"]["n"], pair(row["seconds"], "{:.3f}".format),
                 pair(row["accuracy_tta"], "{:.2%}".format), pair(row["accuracy_plain"], "{:.2%}".format), interval(row.get("airbench_over_this")))
        lines.append(f"| {' | '.join(map(str, cells))} |")
    return "\n".join(lines) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", required=True, type=Path, help="folder of runs.jsonl, results.json and results.md")
    parser.add_argument("--round", type=int, help="number of the round that is added")
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--add-model", type=Path, help="folder of a trained model")
    source.add_argument("--add-python", type=Path, help="JSON of airbench94.py")
    source.add_argument("--table", action="store_true", help="print the table")
    args = parser.parse_args()
    lines = args.out / "runs.jsonl"
    if not args.table:
        run = dict(from_airbench(args.add_model) if args.add_model else from_python(args.add_python), round=args.round)
        with open(lines, "a", encoding="utf-8") as file:
            file.write(json.dumps(run) + "\n")
        print(f"round {run['round']}: {run['program']} {run['recipe']} {run['precision']}: {run['seconds']:.3f} s, {run['accuracy_tta']:.2%} with TTA")
    runs = [json.loads(line) for line in lines.read_text().splitlines()]
    rows = compare(runs)
    (args.out / "results.json").write_text(json.dumps(dict(comparison=rows, runs=runs), indent=2) + "\n")
    (args.out / "results.md").write_text(markdown(rows))
    if args.table:
        print(markdown(rows), end="")


if __name__ == "__main__":
    main()

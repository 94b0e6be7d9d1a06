#!/usr/bin/env python3
"""Collects what the stages of eng/gpu-benchmark.sh measured, and writes runs.jsonl, results.json and results.md. Needs no packages.

A block is one process: several runs of `airbench train`, whose first one warms up, or of airbench94.py. Blocks alternate the programs. A ratio
is that of geometric means over all runs; its 95% interval is Welch's on the logarithms.
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

# Of these stages results.md has the table of runs, and not what the processes printed.
TRAINING = ("train94", "trainmuon", "train2025", "train2026", "precisions", "compile", "autotune")
SHOWN_LINES = 50


def from_airbench(model):
    """The runs of a trained model's folder but the first, which warmed the device up; all, if it is the only one."""
    with open(model / "runs.csv", newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    manifest = json.loads((model / "model.json").read_text())
    facts = dict(program="airbench", recipe=manifest["recipe"]["name"], precision=manifest["precision"], device=manifest["device"],
                 versions=manifest["versions"])
    return [dict(facts, seed=int(row["seed"]), steps=int(row["steps"]), seconds=float(row["train_seconds"]),
                 accuracy_plain=float(row["accuracy_plain"]), accuracy_tta=float(row["accuracy_tta"])) for row in rows[1:] or rows]


def from_python(path):
    report = json.loads(path.read_text())
    settings = report["settings"]
    mode = settings.get("compile")
    facts = dict(program="PyTorch" + (f", compiled ({mode})" if mode else ", eager"), recipe=settings["recipe"], precision=settings["precision"],
                 device=f"{settings['device']} {report['device_name']}", versions=dict(torch=report["torch"]))
    return [dict(facts, seed=run["seed"], steps=run["steps"], seconds=run["airbench_seconds"],
                 accuracy_plain=run["accuracy_plain"], accuracy_tta=run["accuracy_tta"]) for run in report["runs"]]


def spread(values):
    return dict(mean=statistics.fmean(values), sd=statistics.stdev(values) if len(values) > 1 else None, n=len(values))


def ratio(ours, theirs):
    """Seconds of ours over theirs."""
    if not ours or not theirs:
        return None
    logs = [[math.log(value) for value in values] for values in (ours, theirs)]
    mean = statistics.fmean(logs[0]) - statistics.fmean(logs[1])
    shares = [statistics.variance(values) / len(values) if len(values) > 1 else 0 for values in logs]
    if min(map(len, logs)) < 2 or sum(shares) == 0:
        return dict(ratio=math.exp(mean), low95=None, high95=None)
    freedom = sum(shares) ** 2 / sum(share ** 2 / (len(values) - 1) for share, values in zip(shares, logs))
    half = STUDENT[max(1, min(int(freedom), 30))] * math.sqrt(sum(shares))
    return dict(ratio=math.exp(mean), low95=math.exp(mean - half), high95=math.exp(mean + half))


def compare(runs):
    """One row a recipe, program and precision. PyTorch's rows carry the ratio of ours: in the same precision, or in the one of the training stages."""
    kinds = sorted({(run["recipe"], run["program"], run["precision"]) for run in runs})
    rows = []
    for kind in kinds:
        own = [run for run in runs if (run["recipe"], run["program"], run["precision"]) == kind]
        blocks = list(dict.fromkeys(run["block"] for run in own))
        row = dict(zip(("recipe", "program", "precision"), kind), steps=own[0]["steps"], seconds=spread([run["seconds"] for run in own]),
                   blocks={block: statistics.fmean(run["seconds"] for run in own if run["block"] == block) for block in blocks},
                   accuracy_plain=spread([run["accuracy_plain"] for run in own]), accuracy_tta=spread([run["accuracy_tta"] for run in own]))
        if kind[1] != "airbench":
            ours = [run for run in runs if (run["recipe"], run["program"]) == (kind[0], "airbench")]
            ours = [run for run in ours if run["precision"] == kind[2]] or [run for run in ours if "precisions" not in run["block"]]
            row["airbench_over_this"] = ratio([run["seconds"] for run in ours], [run["seconds"] for run in own])
        rows.append(row)
    return rows


def table(rows):
    def pair(value, form):
        return form(value["mean"]) + (f" (sd {form(value['sd'])})" if value["sd"] is not None else "")

    def interval(value):
        if value is None:
            return "-"
        return f"{value['ratio']:.3f}" + (f" ({value['low95']:.3f} to {value['high95']:.3f})" if value["low95"] is not None else "")

    lines = ["| recipe | program | precision | steps | n | seconds | of each process | accuracy with TTA | plain | airbench / this, seconds |",
             "|---|---|---|---:|---:|---:|---:|---:|---:|---:|"]
    for row in rows:
        cells = (row["recipe"], row["program"], row["precision"], row["steps"], row["seconds"]["n"], pair(row["seconds"], "{:.3f}".format),
                 ", ".join(f"{seconds:.3f}" for seconds in row["blocks"].values()), pair(row["accuracy_tta"], "{:.2%}".format),
                 pair(row["accuracy_plain"], "{:.2%}".format), interval(row.get("airbench_over_this")))
        lines.append(f"| {' | '.join(map(str, cells))} |")
    return lines


def stages_of(work):
    """State and seconds of every stage tried, in the order of their first try."""
    paths = sorted((work / "stages").iterdir(), key=lambda path: path.stat().st_mtime)
    return {path.name: path.read_text().strip().split("\t") for path in paths}


def document(work, rows, stages, failures):
    lines = ["# Results", "", "| stage | state | seconds |", "|---|---|---:|"]
    lines += [f"| {name} | {fields[0]} | {fields[1] if len(fields) > 1 else '-'} |" for name, fields in stages.items()]
    if failures:
        lines += ["", "## Failed", ""] + [f"- `{name}`: {reason}" for name, reason in failures.items()]
    if rows:
        lines += ["", "## Training", ""] + table(rows)
    for log in sorted((work / "logs").glob("*.log"), key=lambda path: path.stat().st_mtime):
        if log.name.split(".")[0] not in TRAINING:
            shown = [line.rstrip() for line in log.read_text(errors="replace").splitlines() if line.strip()]
            left_out = len(shown) - SHOWN_LINES
            shown = shown[:SHOWN_LINES] + ([f"({left_out} more lines in logs.tar.gz)"] if left_out > 0 else [])
            lines += ["", f"## {log.stem}", "", "```text", *shown, "```"]
    return "\n".join(lines) + "\n"


def measurements(work):
    """What ONNX Runtime's stages wrote, by name: whole, but for lists as long as the data."""
    evaluations = {path.parent.name: json.loads(path.read_text()) for path in sorted((work / "evaluations").glob("*/metrics.json"))}
    for metrics in evaluations.values():
        metrics.pop("classes", None)
    benchmarks = {str(path.relative_to(work / "runs")): json.loads(path.read_text()) for path in sorted((work / "runs").glob("*/*/benchmark_*/benchmark.json"))}
    return dict(evaluations=evaluations, benchmarks=benchmarks)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", required=True, type=Path, help="the work folder of gpu-benchmark.sh")
    parser.add_argument("--block", help="name of the process whose runs are added")
    action = parser.add_mutually_exclusive_group(required=True)
    action.add_argument("--add-model", type=Path, help="folder of a trained model")
    action.add_argument("--add-python", type=Path, help="JSON of airbench94.py")
    action.add_argument("--out", type=Path, help="folder to write to")
    parser.add_argument("--table", action="store_true", help="also print the table")
    args = parser.parse_args()
    blocks = args.work / "blocks"
    if args.out is None:
        found = from_airbench(args.add_model) if args.add_model else from_python(args.add_python)
        blocks.mkdir(exist_ok=True)
        (blocks / f"{args.block}.json").write_text(json.dumps([dict(run, block=args.block) for run in found]))
        seconds = spread([run["seconds"] for run in found])
        print(f"   {args.block}: {found[0]['program']} {found[0]['recipe']} {found[0]['precision']}: {seconds['mean']:.3f} s, n = {seconds['n']}, "
              f"{statistics.fmean(run['accuracy_tta'] for run in found):.2%} with TTA")
        return
    files = sorted(blocks.glob("*.json"), key=lambda path: path.stat().st_mtime)
    runs = [run for path in files for run in json.loads(path.read_text())]
    rows, stages = compare(runs), stages_of(args.work)
    failures = {path.name: path.read_text().strip() for path in sorted((args.work / "failed").iterdir())}
    (args.out / "runs.jsonl").write_text("".join(json.dumps(run) + "\n" for run in runs))
    (args.out / "results.json").write_text(json.dumps(dict(comparison=rows, stages=stages, failures=failures, **measurements(args.work), runs=runs), indent=2) + "\n")
    (args.out / "results.md").write_text(document(args.work, rows, stages, failures))
    if args.table:
        print("\n".join(["", *(f"{name}: {', '.join(fields)}" for name, fields in stages.items()), "", *table(rows)]))


if __name__ == "__main__":
    main()

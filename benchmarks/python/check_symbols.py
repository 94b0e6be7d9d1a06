#!/usr/bin/env python3
"""Which C++ functions TorchSharp's bridge needs that a libtorch does not have. Needs binutils (nm, readelf, c++filt).

The bridge is built for one version of libtorch. A missing function whose address is looked up at its first call ends the program only then;
one that is looked up at loading keeps it from loading: exit code 1. Exit code 0 with a warning for the former, silently if nothing is missing.
"""

import argparse
import re
import shutil
import subprocess
import sys
from pathlib import Path

LIBRARIES = ("libc10.so", "libtorch_cpu.so", "libtorch.so", "libc10_cuda.so", "libtorch_cuda.so")
SHOWN = 30
LIBTORCH_NAME = re.compile(r"\b(at|c10|torch|caffe2)::")


def output(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def undefined(library):
    """Names that `library` cannot do without: weak ones may stay open."""
    return {fields[-1].split("@")[0] for line in output("nm", "-D", "--undefined-only", library).splitlines() if (fields := line.split())[-2] == "U"}


def defined(library):
    return {line.split()[-1].split("@")[0] for line in output("nm", "-D", "--defined-only", library).splitlines()}


def bound_at_loading(library):
    """Names whose address the loader needs at once: data, virtual tables, or everything where the library says so."""
    if re.search(r"BIND_NOW|\bNOW\b", output("readelf", "-dW", library)):
        return undefined(library)
    rows = (line.split() for line in output("readelf", "-rW", library).splitlines())
    relocations = [row for row in rows if len(row) > 4 and row[2].startswith("R_X86_64")]
    return {row[4].split("@")[0] for row in relocations if not row[2].startswith("R_X86_64_JUMP_SLO")}


def demangled(names):
    names = sorted(names)
    return dict(zip(names, subprocess.run(["c++filt"], input="\n".join(names), check=True, capture_output=True, text=True).stdout.splitlines()))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bridge", required=True, type=Path, help="libLibTorchSharp.so")
    parser.add_argument("--libtorch", required=True, type=Path, help="folder of libtorch_cpu.so")
    args = parser.parse_args()
    tools = [tool for tool in ("nm", "readelf", "c++filt") if shutil.which(tool) is None]
    if tools:
        print(f"symbols: not checked, as binutils are not installed ({', '.join(tools)}); the checks of numbers decide")
        return
    for path in (args.bridge, args.libtorch / "libtorch_cpu.so"):
        if not path.is_file():
            raise SystemExit(f"{path} does not exist")
    libraries = [args.libtorch / name for name in LIBRARIES if (args.libtorch / name).is_file()]
    needed = {name: text for name, text in demangled(undefined(args.bridge)).items() if LIBTORCH_NAME.search(text)}
    missing = set(needed) - set().union(*map(defined, libraries))
    print(f"symbols: {args.bridge.name} needs {len(needed)} of libtorch, {len(missing)} are missing in {args.libtorch}")
    if not missing:
        return
    fatal = missing & bound_at_loading(args.bridge)
    ordered = sorted(missing, key=lambda name: (name not in fatal, needed[name]))
    for name in ordered[:SHOWN]:
        print(f"  {'missing, needed to load' if name in fatal else 'missing, needed when called'}: {needed[name]}")
    if len(ordered) > SHOWN:
        print(f"  and {len(ordered) - SHOWN} more")
    if fatal:
        raise SystemExit(f"symbols: TorchSharp cannot load with this libtorch: {len(fatal)} names that it needs at once are missing. "
                         "Expected libtorch 2.10 or a compatible one")
    print("symbols: TorchSharp loads, and works as long as it does not call these", file=sys.stderr)


if __name__ == "__main__":
    main()

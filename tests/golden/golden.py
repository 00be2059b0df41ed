"""Compare what this checkout predicts with what is recorded: ``make golden``.

``python tests/golden/golden.py [--only PART ...] [--write] [--every] [--tolerance SHARE] [--jobs N]``; the exit code is
1 where a number moved, is missing or is new. ``--write`` records anew, all parts or those named by ``--only``, and only
when all of them were computed.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import subprocess
import sys
import time
import traceback
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import Any

import pandas as pd
from record import ELSEWHERE, Part, flatten, lines, moves, read, write

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
ONE_THREAD = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS")

# One line a part, the longest first: ``Part(name, module)``. The module lies in this folder and has ``part(seed)``; one
# that also has ``recorded(seed)`` is compared with that instead of the table. ``seeds=(0,)`` for a part without a seed,
# ``tolerance`` where 1e-6 is not the promise.
PARTS = (
    Part("networks", "part_networks"),
    Part("service", "part_service"),
    Part("features", "part_features"),
    Part("scores", "part_scores"),
    Part("trees", "part_trees"),
    Part("maps", "part_maps"),
    Part("causal", "part_causal"),
    Part("attacks", "part_attacks"),
    Part("text", "part_text"),
    Part("baselines", "part_baselines"),
    Part("conformal", "part_conformal"),
    Part("home", "part_home", seeds=(0,)),
    Part("published", "part_published", seeds=(0,)),
    Part("cards", "part_cards", seeds=(0,)),
)


def module_of(part: Part) -> Any:
    """The module that computes a part."""
    return import_module(part.module)


def compute(part: Part, seed: int) -> tuple[pd.DataFrame, pd.DataFrame | None, float]:
    """Compute one part for one seed on one thread; its own record where it keeps one, and the CPU seconds."""
    import torch

    torch.set_num_threads(1)
    module = module_of(part)
    began = time.process_time()
    frames = module.part(seed)
    seconds = time.process_time() - began
    own = flatten(part.name, seed, module.recorded(seed)) if hasattr(module, "recorded") else None
    return flatten(part.name, seed, frames), own, seconds


def compute_all(parts: Sequence[Part], workers: int = 2) -> tuple[dict[str, Any], dict[str, float], list[str]]:
    """Compute parts in processes of their own: tables by part (computed, own record), CPU seconds, and what failed."""
    for name in ONE_THREAD:  # the processes inherit it: in which order numbers are added depends on it
        os.environ[name] = "1"
    tables: dict[str, Any] = {part.name: ([], []) for part in parts}
    seconds, failed = dict.fromkeys(tables, 0.0), []
    with ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn")) as pool:
        jobs = {pool.submit(compute, part, seed): (part.name, seed) for part in parts for seed in part.seeds}
        for job in as_completed(jobs):
            name, seed = jobs[job]
            try:
                table, own, spent = job.result()
            except Exception:
                failed.append(f"{name}, seed {seed}, was not computed:\n{traceback.format_exc()}")
                continue
            tables[name][0].append(table)
            tables[name][1].extend([] if own is None else [own])
            seconds[name] += spent
    return tables, seconds, failed


def commit_of_package() -> str:
    """Name the last commit that changed the package, with a mark where it was changed since; "unknown" without git."""

    def git(*words: str) -> str:
        done = subprocess.run(["git", *words, "--", "ecomlib"], cwd=ROOT, check=True, capture_output=True, text=True)
        return done.stdout.strip()

    try:
        changed = git("status", "--porcelain")
        return git("log", "-1", "--format=%h", "--abbrev=12") + ("+changes" if changed else "")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def main(arguments: Sequence[str] | None = None) -> int:
    """Compare, or record anew; returns the exit code."""
    if str(ROOT) not in sys.path:  # this checkout's package, wherever another one may be installed
        sys.path.insert(0, str(ROOT))
    from ecomlib.recorded import machine, versions

    names = [part.name for part in PARTS]
    parser = argparse.ArgumentParser(description="What moved since the golden record?")
    parser.add_argument("--only", nargs="+", choices=names, help="these parts alone")
    parser.add_argument("--write", action="store_true", help="record anew instead of comparing")
    parser.add_argument("--every", action="store_true", help="a line for every name, moved or not")
    parser.add_argument("--tolerance", type=float, help="largest move that counts as none, for all parts")
    parser.add_argument("--jobs", type=int, default=2, help="processes at a time, one thread each")
    asked = parser.parse_args(arguments)
    parts = [part for part in PARTS if not asked.only or part.name in asked.only]
    began = time.perf_counter()
    old, card = read()
    tables, seconds, failed = compute_all(parts, asked.jobs)
    print("CPU seconds: " + ", ".join(f"{name} {spent:.1f}" for name, spent in seconds.items()))
    print(f"together {sum(seconds.values()):.0f} s of CPU in {time.perf_counter() - began:.0f} s")
    for fault in failed:
        print(fault)
    now = datetime.now(UTC).isoformat(timespec="seconds")
    here = {"date": now, "commit": commit_of_package(), "machine": machine(), "versions": versions()}
    if asked.write:
        if failed:
            print("Nothing was written.")
            return 1
        kept = [part.name for part in parts if not tables[part.name][1]]
        if kept:
            fresh = pd.concat([table for name in kept for table in tables[name][0]], ignore_index=True)
            rest = old[old["part"].isin(set(names) - set(kept))]
            cards = {name: about for name, about in card["parts"].items() if name in names}
            cards |= {name: here | {"cpu_seconds": round(seconds[name], 1)} for name in kept}
            write(pd.concat([rest, fresh], ignore_index=True) if len(rest) else fresh, {"parts": cards})
            print(f"recorded: {', '.join(kept)}, {len(fresh):,} values")
        for part in parts:
            if part.name not in kept:
                print(f"{part.name} keeps its own record: {part.module} says how it is made")
        return 0
    found = []
    for part in parts:
        computed, own = tables[part.name]
        recorded_here, tolerance = True, part.tolerance
        if not own and (about := card["parts"].get(part.name)):
            recorded_here = about["machine"] == here["machine"]
            if about["versions"] != here["versions"]:
                other = {k: v for k, v in about["versions"].items() if here["versions"].get(k) != v}
                print(f"{part.name} was recorded with other versions: {other}")
        if not recorded_here and tolerance > 0:
            tolerance = max(tolerance, ELSEWHERE)
            print(f"{part.name} was recorded on another machine: held to {tolerance:g} instead of {part.tolerance:g}")
        if asked.tolerance is not None:
            tolerance = asked.tolerance
        before = pd.concat(own, ignore_index=True) if own else old[old["part"] == part.name]
        after = pd.concat(computed, ignore_index=True) if computed else before.iloc[:0]
        found.append(moves(before, after, tolerance))
    if not asked.only:  # what is recorded of a part that there no longer is
        gone = old[~old["part"].isin(names)]
        found.append(moves(gone, gone.iloc[:0]))
    table = pd.concat([one for one in found if len(one)], ignore_index=True)
    print("\n".join(lines(table, every=asked.every)))
    states = table["state"].value_counts()
    print(", ".join(f"{states.get(state, 0):,} {state}" for state in ("same", "moved", "missing", "new")))
    return int(bool(failed) or int(states.get("same", 0)) < len(table))


if __name__ == "__main__":
    sys.exit(main())

"""The lessons' second parts on a real shop: what a reader without the data sees.

    python -m benchmarks.real_shop.second_parts  # every lesson that has rows for a real shop
    python -m benchmarks.real_shop.second_parts --lesson 00  # one of them
    python -m benchmarks.real_shop.second_parts --smoke  # on a look-alike of the shop; records nothing

Runs each lesson on the registered store that serves to be recorded, takes the rows that it adds to the course's results
table for that shop, and records them as second_part_NN. A lesson with STORE="recorded" shows that table with its date
and machine.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pandas as pd

from benchmarks.trial import ROOT, add_trial_options, trial_folder
from ecomlib import recorded
from ecomlib.course import lessons
from ecomlib.course.running.run import RunSettings, run_lessons
from ecomlib.stores import registry

(SHOP,) = registry.names("record")
LOOKALIKE = ROOT / "tests" / "helpers" / "lookalike.py"  # writes files like the publishers'
MEASURED = ("seconds", "windows a second", "p50, ms")  # of the clock: no run repeats them


def second_part(number: str, out: Path) -> tuple[pd.DataFrame, float]:
    """The results that lesson ``number`` finds on the shop, and the seconds it took."""
    started = time.perf_counter()
    (run,) = run_lessons([number], RunSettings(size="tiny", store=SHOP, out=out))
    if not run.passed:
        raise SystemExit(run.complaint())
    return shop_rows(out), time.perf_counter() - started


def shop_rows(out: Path) -> pd.DataFrame:
    """The rows that a run in ``out`` added for the shop."""
    rows = pd.read_csv(out / "leaderboard.csv", dtype={"lesson": str})
    own = rows[rows["store"] != "simulated"].drop(columns=["lesson"]).dropna(axis="columns", how="all")
    return own.reset_index(drop=True)


def record(number: str, rows: pd.DataFrame, seconds: float, trial: Path | None) -> None:
    """Record a lesson's rows; those of a trial run go to its own folder."""
    recorded.write(
        f"second_part_{number}",
        rows,
        script=__file__,
        command=f"python -m benchmarks.real_shop.second_parts --lesson {number}",
        protocol=f"the second part of lesson {number} as it stands, on {SHOP}; scored on sales",
        seconds=seconds,
        smoke=trial is not None,
        directory=trial,
        measured=[name for name in MEASURED if name in rows],
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lesson", action="append", default=[], help="a lesson's number; all without it")
    add_trial_options(parser, "on a look-alike of the shop; records nothing")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as data, trial_folder(arguments) as folder:
        if arguments.smoke:
            subprocess.run([sys.executable, str(LOOKALIKE), data], check=True)
            os.environ["ECOMLIB_DATA_DIR"] = data  # of this process and of the lessons' kernels
        for lesson in lessons.choose(lessons.folder(), arguments.lesson):
            with tempfile.TemporaryDirectory() as out:
                rows, seconds = second_part(lesson.number, Path(out))
            if rows.empty:
                sys.exit(
                    f"Lesson {lesson.number} adds no rows for its second part: call results_table(…, store=…) there."
                )
            print(f"\nLesson {lesson.number}, second part, {seconds:.0f} s\n{rows.to_string(index=False)}", flush=True)
            record(lesson.number, rows, seconds, folder)


if __name__ == "__main__":
    main()
